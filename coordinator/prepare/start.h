/*
 * Everything that needs a server before the first process: the checks, what the bookmark file says of an earlier run,
 * and for a copy the empty target, its collections and the plan. Nothing is changed before everything was checked.
 */
#ifndef FERRY_COORDINATOR_PREPARE_START_H
#define FERRY_COORDINATOR_PREPARE_START_H

#include "coordinator/control/control.h"
#include "coordinator/prepare/setup.h"
#include "coordinator/report/phase.h"
#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"

struct start {
  struct setup *setup; /* these four are the caller's */
  struct checkpoint *checkpoint;
  struct phases *phases;
  struct control *control;
  bool resumed;     /* there is a bookmark: nothing is copied, and the plan stays empty */
  struct load load; /* how both servers do before the copy */
};

/* Opens the bookmark file, and the control socket beside it. Closes the servers again, also after a failure. */
bool start_prepare(struct start *start, struct plan *plan, struct error *error);

#endif
