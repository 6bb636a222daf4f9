/*
 * `mongoferry bench`: measures copies of scratch data between the user's own two servers, beside the servers' floor,
 * and names the fastest settings. It writes to the source, too: only the database SCRATCH_DB, which it removes again.
 */
#ifndef FERRY_COORDINATOR_BENCH_BENCH_H
#define FERRY_COORDINATOR_BENCH_BENCH_H

#include "coordinator/options/options.h"

/* The exit status. */
int bench_run(const struct options *options);

#endif
