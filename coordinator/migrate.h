/*
 * The migration: its phases, one function each.
 */
#ifndef FERRY_COORDINATOR_MIGRATE_H
#define FERRY_COORDINATOR_MIGRATE_H

#include "coordinator/options/options.h"

/*
 * Runs until the migration is stopped by a signal or fails. Returns the exit status; the reason was logged.
 */
int migrate_run(const struct options *options);

#endif
