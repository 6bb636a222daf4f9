/*
 * What people see of a run: its phase, its progress on the terminal or in the log, and the status port.
 */
#ifndef FERRY_COORDINATOR_REPORT_DISPLAY_H
#define FERRY_COORDINATOR_REPORT_DISPLAY_H

#include "coordinator/report/phase.h"
#include "coordinator/report/progress.h"
#include "coordinator/report/status.h"

struct display {
  struct phases phases;
  struct progress progress;
  struct http *http; /* NULL: no status port */
  struct http_actions actions;
  int64_t publish_ms; /* when the next status is due */
};

/* `place` with port 0: no status port. A POST changes the throttle, which must outlive the display. */
bool display_open(struct display *display, const struct http_place *place, struct throttle *throttle,
                  struct error *error);
void display_close(struct display *display);

/* Makes the status port answer with this from now on. */
void display_publish(struct display *display, const struct status *status);
/* Call once a second. Updates the status port and the progress, each when it is due. */
void display_tick(struct display *display, const struct status *status);

#endif
