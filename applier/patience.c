#include "applier/patience.h"

#include "base/clock.h"
#include "base/log.h"

#define PAUSE_LEAST_MS 500
#define PAUSE_MOST_MS 15000

bool
patience_has(struct applier *applier, const struct error *why)
{
  if (!server_error_passes(why)) {
    return false;
  }
  bool first = applier->pause_ms == 0;
  if (first || why->kind != applier->waits_for.kind || why->code != applier->waits_for.code) {
    log_warn("%s; trying again until it answers", why->text);
    applier->waits_for = *why;
  }
  applier->pause_ms = first ? PAUSE_LEAST_MS : 2 * applier->pause_ms;
  applier->pause_ms = applier->pause_ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : applier->pause_ms;
  return true;
}

bool
patience_wait(struct applier *applier, const struct error *why)
{
  bool has = patience_has(applier, why);
  if (has) {
    clock_sleep_ms(applier->pause_ms);
  }
  return has;
}

void
patience_end(struct applier *applier)
{
  if (applier->pause_ms > 0) {
    log_info("both servers answer again");
    applier->pause_ms = 0;
  }
}
