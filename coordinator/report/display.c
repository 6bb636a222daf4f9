#include "coordinator/report/display.h"

#include "base/log.h"

void
display_tick(struct display *display, const struct status *status)
{
  enum phase phase = status_phase(status);
  log_tick();
  if (status->stopping) {
    return;
  }
  if (phase != display->phases.now) {
    phase_begin(&display->phases, phase);
    progress_hurry(&display->progress);
  }
  if (status->handed_off) {
    progress_tail(&display->progress, phase, status->tail, status->window);
  } else {
    progress_copy(&display->progress, phase, status->plan, status->window);
  }
}
