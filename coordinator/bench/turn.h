/*
 * One copy of the scratch data by real workers, with the plan and the pool of a migration, but without a replay.
 */
#ifndef FERRY_COORDINATOR_BENCH_TURN_H
#define FERRY_COORDINATOR_BENCH_TURN_H

#include "coordinator/bench/sweep.h"
#include "coordinator/options/options.h"

struct turn {
  const char *source_uri;
  const char *target_uri;
  const struct options *options;
  struct sweep_setting setting;
  double seconds; /* from here on what was measured: from the start of the workers to the last document */
  double cpu_s;   /* of all processes of the tool */
  int64_t bytes;
};

/* The target's collection has to be there, and empty. ERROR_INTERRUPTED after a signal. */
bool turn_run(struct turn *turn, struct error *error);

#endif
