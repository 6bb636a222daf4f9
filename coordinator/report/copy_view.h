/*
 * The copy as people are shown it: what is done, what is to come, and what each worker does. Made when somebody asks.
 */
#ifndef FERRY_COORDINATOR_REPORT_COPY_VIEW_H
#define FERRY_COORDINATOR_REPORT_COPY_VIEW_H

#include "coordinator/measure/eta.h"
#include "coordinator/report/status.h"

struct copy_view {
  struct plan_total total;
  bool copying;  /* ranges are left */
  bool building; /* indexes are left that the workers build */
  int64_t eta_s; /* of the ranges; -1: not known */
  int64_t indexes;
  int64_t indexes_done;
  int64_t build_work;    /* of all the workers' builds (see build_work), */
  int64_t built_work;    /* and how much of it is done */
  int64_t indexes_eta_s; /* -1: not known */
};

/* Looks at every collection. */
struct copy_view copy_view_of(const struct status *status);

/* The task of the plan that a child has; NULL: none. */
const struct plan_task *copy_view_task(const struct status *status, const struct child *child);

/* How long it may take until the migration tails; -1: not known, or it does. `copy` is the status' own. */
int64_t copy_view_left_s(const struct status *status, const struct copy_view *copy);
/* The same of the applier's index builds alone, while they are the phase. */
int64_t copy_view_deferred_s(const struct status *status);
/* The same of the catching up alone, while that is the phase. */
int64_t copy_view_catch_up_s(const struct status *status);

enum worker_state {
  WORKER_STARTING,
  WORKER_COPYING,
  WORKER_BUILDING,
  WORKER_IDLE,
  WORKER_WAITING,
  WORKER_PAUSED,
  WORKER_LEAVING,
  WORKER_STATES
};

/* What a running worker does, and that in a word. */
enum worker_state copy_view_worker_state(const struct status *status, const struct child *child);
const char *copy_view_worker_text(enum worker_state state);

/* The collections that come behind the `from` largest ones, together; views do not count. */
struct copy_rest {
  int64_t count;
  int64_t complete;
  int64_t documents;
  int64_t bytes;
  int64_t total_bytes;
};
void copy_view_rest(const struct plan *plan, size_t from, struct copy_rest *rest);

#endif
