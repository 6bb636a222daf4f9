#include "coordinator/report/phase.h"

#include <stdio.h>

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

/* Before the first process there is nothing else to say; later the status document is made each second. */
static void
tell_port(const struct phases *phases)
{
  char json[128];
  if (phases->http && phases->now < PHASE_COPYING) {
    snprintf(json, sizeof json, "{\"stage\": \"initializing\", \"phase\": \"%s\"}", phase_text(phases->now));
    http_set(phases->http, json);
  }
}

void
phase_begin(struct phases *phases, enum phase phase)
{
  if (phase == phases->now) {
    return;
  }
  phases->now = phase;
  log_info("phase: %s", phase_text(phase));
  tell_port(phases);
}
