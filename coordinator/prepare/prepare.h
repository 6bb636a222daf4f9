/*
 * What a copy needs before its first process: an empty target, the collections on it, and the plan, each kept in the bookmark file.
 */
#ifndef FERRY_COORDINATOR_PREPARE_PREPARE_H
#define FERRY_COORDINATOR_PREPARE_PREPARE_H

#include "coordinator/check/servers.h"
#include "coordinator/options/options.h"
#include "coordinator/run/plan.h"

/* With `drop`, drops them. */
bool prepare_clear_target(struct servers *servers, bool drop, struct error *error);

/*
 * Makes the plan, and keeps each step of it (coordinator/state/copy_state.h): T0 and the catalog; the collections and views on the target;
 * their ranges, with the unique and TTL indexes for the hand-off. Goes on behind `step`, which an earlier run had reached; then
 * the catalog is empty before, and is that run's.
 */
bool prepare_plan(struct servers *servers, const struct options *options, const struct migration_identity *identity,
                  enum resume_step step, struct checkpoint *checkpoint, struct catalog *catalog, struct plan *plan,
                  struct error *error);

#endif
