#include "coordinator/report/phase.h"

#include "base/log.h"

static const char *const texts[] = {
  "initializing",
#define PHASE(name, text) text,
#include "coordinator/report/phase.def"
#undef PHASE
};

const char *
phase_text(enum phase phase)
{
  return texts[phase];
}

void
phase_begin(struct phases *phases, enum phase phase)
{
  if (phase == phases->now) {
    return;
  }
  phases->now = phase;
  log_info("phase: %s", phase_text(phase));
  if (phases->told) {
    phases->told(phases->context, phase_text(phase));
  }
}
