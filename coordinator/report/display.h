/*
 * What people see of a run on the terminal or in the log: its phase and its progress.
 */
#ifndef FERRY_COORDINATOR_REPORT_DISPLAY_H
#define FERRY_COORDINATOR_REPORT_DISPLAY_H

#include "coordinator/report/phase.h"
#include "coordinator/report/progress.h"
#include "coordinator/report/status.h"

struct display {
  struct phases phases;
  struct measure measure;
  struct progress progress;
};

/* Call when the phase may be another one: it begins now, not at the next tick. */
void display_phase(struct display *display, const struct status *status);

/* Call once a second. Shows the progress when it is due. */
void display_tick(struct display *display, const struct status *status);

#endif
