/*
 * What the service manager is told of a migration (base/notify.h): its phase, when it is ready, that it is alive, and
 * that it stops.
 */
#ifndef FERRY_COORDINATOR_SUPERVISE_H
#define FERRY_COORDINATOR_SUPERVISE_H

#include "coordinator/options/options.h"
#include "coordinator/report/status.h"

struct supervision {
  enum phase ready_at; /* it is ready when it is in this phase, or in a later one */
  bool ready;
  bool stopping;
  int64_t told_ms; /* when the state was last told */
};

/* At the start, before the first phase. */
void supervise_begin(struct supervision *supervision, const struct options *options);
/* When a phase begins. */
void supervise_phase(const char *text);
/* Once a second. */
void supervise_tick(struct supervision *supervision, const struct status *status);
/* How the run ended; `error` of kind ERROR_NONE: well. */
void supervise_end(const struct error *error);
/* When the run begins to end. While it drains, supervise_tick asks the manager for more time. */
void supervise_stopping(struct supervision *supervision);

#endif
