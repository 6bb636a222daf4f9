/*
 * What a copy needs before its first process: an empty target, the collections on it, and the plan. Each is recorded
 * in the bookmark file.
 */
#ifndef FERRY_COORDINATOR_PREPARE_PREPARE_H
#define FERRY_COORDINATOR_PREPARE_PREPARE_H

#include "coordinator/prepare/setup.h"
#include "coordinator/report/phase.h"
#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"

struct preparation {
  struct setup *setup;
  struct checkpoint *checkpoint;
  struct phases *phases;
  const struct migration_identity *identity;
};

/* Drops all collections that users have on the target. */
bool prepare_clear_target(struct servers *servers, struct error *error);

/*
 * Makes the plan, and records each step (coordinator/state/copy_state.h): T0 and the catalog; the collections and
 * views on the target; their ranges, with the unique and TTL indexes for the hand-off. Goes on behind `step`, which an
 * earlier run had reached. Then the setup's catalog is empty before, and is that run's afterwards.
 */
bool prepare_plan(struct preparation *preparation, enum resume_step step, struct plan *plan, struct error *error);

#endif
