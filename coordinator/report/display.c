#include "coordinator/report/display.h"

#include "base/log.h"

void
display_phase(struct display *display, const struct status *status)
{
  enum phase phase = status_phase(status);
  if (!status->stopping && phase != display->phases.now) {
    phase_begin(&display->phases, phase);
    progress_hurry(&display->progress);
  }
}

void
display_tick(struct display *display, const struct status *status)
{
  enum phase phase = status_phase(status);
  log_tick();
  status_measure(status, &display->measure);
  display_phase(display, status);
  if (status->stopping) {
    return;
  }
  char waits_for[STATUS_WAITS_BYTES];
  status_waits_for(status, waits_for);
  struct progress_phase now = {phase, waits_for, status->window, status};
  if (status->handed_off) {
    progress_tail(&display->progress, &now, status->tail);
  } else {
    progress_copy(&display->progress, &now, status->plan);
  }
}
