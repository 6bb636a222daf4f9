#include "coordinator/report/phase.h"

#include "base/clock.h"
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
  phases->spent_ms[phases->now] += clock_ms() - phases->begun_ms;
  phases->now = phase;
  phases->begun_ms = clock_ms();
  phases->had[phase] = true;
  log_info("phase: %s", phase_text(phase));
  if (phases->told) {
    phases->told(phases->context, phase_text(phase));
  }
}

int64_t
phase_took_ms(const struct phases *phases, enum phase phase)
{
  int64_t now_ms = phase == phases->now ? clock_ms() - phases->begun_ms : 0;
  return phases->had[phase] ? phases->spent_ms[phase] + now_ms : -1;
}
