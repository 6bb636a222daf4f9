/*
 * The document that the status port answers with, in the form that mongomirror's users know.
 */
#ifndef FERRY_COORDINATOR_REPORT_STATUS_H
#define FERRY_COORDINATOR_REPORT_STATUS_H

#include "coordinator/pace/throttle.h"
#include "coordinator/report/phase.h"
#include "coordinator/report/progress.h"
#include "coordinator/report/window.h"
#include "coordinator/run/pool.h"

struct status {
  const struct plan *plan;
  const struct pool *pool;
  const struct tail *tail;
  const struct window *window;
  const struct throttle *throttle;
  const struct error *error; /* NULL: none */
  int64_t copy_began_ms;     /* by clock_ms, as all times here */
  int64_t paused_since_ms;   /* in Unix time; 0: it is not paused */
  int64_t drain_until_ms;    /* when a stop's drain ends at the latest; 0: there is none */
  int64_t now_ms;
  const bson_t *cutover; /* what GET /progress has of it; NULL: nothing */
  int64_t refused;       /* by the target: documents, indexes, options */
  bool resumed;
  bool handed_off;
  bool stopping; /* the run ends: progress is not shown any more */
};

/* The seconds that the copy may still take. -1: not known, or there is none. Looks at every collection. */
int64_t status_copy_needs_s(const struct status *status);

/* The phase that the rest of the status describes. */
enum phase status_phase(const struct status *status);

/* As JSON text; the caller's, for bson_free. */
char *status_json(const struct status *status);

#endif
