#include "applier/replay/retry.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/failure.h"

#define PAUSE_LEAST_MS 500
#define PAUSE_MOST_MS 15000
#define INTERRUPTIONS_MOST 30

/*
 * A server that is away is waited for. What is interrupted again and again, without the bookmark moving, will not
 * succeed.
 */
static bool
is_hopeless(struct applier *applier, const struct error *why)
{
  bool moved = applier->bookmark.ts > applier->interrupted_at;
  applier->interrupted_at = applier->bookmark.ts;
  if (!failure_interrupted(why) && !reader_cursor_died(why)) {
    return false;
  }
  applier->interruptions = moved ? 1 : applier->interruptions + 1;
  return applier->interruptions > INTERRUPTIONS_MOST;
}

bool
retry_allowed(struct applier *applier, const struct error *why)
{
  if ((!server_error_passes(why) && !reader_cursor_died(why)) || is_hopeless(applier, why)) {
    return false;
  }
  bool first = applier->pause_ms == 0;
  if (first || why->kind != applier->waits_for.kind || why->code != applier->waits_for.code) {
    log_warn("%s; trying again until it answers", why->text);
    applier->waits_for = *why;
  } else {
    log_debug("%s; tried again after_ms=%lld", why->text, (long long)applier->pause_ms);
  }
  applier->pause_ms = first ? PAUSE_LEAST_MS : 2 * applier->pause_ms;
  applier->pause_ms = applier->pause_ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : applier->pause_ms;
  return true;
}

bool
retry_wait(struct applier *applier, const struct error *why)
{
  bool has = retry_allowed(applier, why);
  if (has) {
    clock_sleep_ms(applier->pause_ms);
  }
  return has;
}

void
retry_end(struct applier *applier)
{
  if (applier->pause_ms > 0) {
    log_info("both servers answer again");
    applier->pause_ms = 0;
  }
}
