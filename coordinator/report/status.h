/*
 * The document that the status port answers with, in the form that mongomirror's users know.
 */
#ifndef FERRY_COORDINATOR_REPORT_STATUS_H
#define FERRY_COORDINATOR_REPORT_STATUS_H

#include "coordinator/measure/measure.h"
#include "coordinator/measure/window.h"
#include "coordinator/pace/throttle.h"
#include "coordinator/pace/workers.h"
#include "coordinator/report/phase.h"
#include "coordinator/report/progress.h"
#include "coordinator/report/verify_view.h"
#include "coordinator/run/pool.h"

struct status {
  const struct plan *plan;
  const struct pool *pool;
  const struct tail *tail;
  const struct window *window;
  const struct throttle *throttle;
  const struct workers *workers; /* NULL: not known */
  const struct measure *measure;
  const struct phases *phases;            /* NULL: not known */
  const struct verify_view *verification; /* NULL: there is none */
  const struct error *error;              /* NULL: none */
  int64_t paused_since_ms;                /* in Unix time; 0: it is not paused */
  int64_t drain_until_ms;                 /* when a stop's drain ends at the latest; 0: there is none */
  int64_t now_ms;                         /* by clock_ms, as all times here that are not in Unix time */
  const bson_t *cutover;                  /* what GET /progress has of it; NULL: nothing */
  int64_t refused;                        /* by the target: documents, indexes, options */
  bool resumed;
  bool handed_off;
  bool stopping; /* the run ends: progress is not shown any more */
};

/*
 * The seconds that the copy may still take, without a pause; see eta_copy_s. -1: not known, or there is none. Looks at
 * every collection.
 */
int64_t status_copy_needs_s(const struct status *status);

/* Once a second: what there is to measure of it. `measure` is the status' own. */
void status_measure(const struct status *status, struct measure *measure);

/* Entries of the oplog that were taken. */
int64_t status_entries(const struct status *status);
/* How far the replay is behind the source, in seconds; while it catches up, what was taken counts. -1: not known. */
int64_t status_behind_s(const struct status *status);
/* The target has everything, and that was asked not long ago. */
bool status_caught_up(const struct status *status);
/* The copy's workers are counted, and why there are so many is known. */
bool status_has_workers(const struct status *status);
/* Append the field oplogWindow, if the window is known, and pause, while it is paused. */
void status_put_window(const struct status *status, bson_t *document);
void status_put_pause(const struct status *status, bson_t *document);

#define STATUS_WAITS_BYTES 700
/* What the phase waits for, as in "waits for the index builds of a.b". False: for nothing in particular. */
bool status_waits_for(const struct status *status, char text[STATUS_WAITS_BYTES]);

/* The phase that the rest of the status describes. */
enum phase status_phase(const struct status *status);

/* As JSON text; the caller's, for bson_free. */
char *status_json(const struct status *status);

#endif
