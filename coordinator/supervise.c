#include "coordinator/supervise.h"

#include <stdio.h>
#include <string.h>

#include "base/notify.h"
#include "base/text.h"

#define TELL_EVERY_MS 5000
#define MORE_TIME_S 30 /* asked for each second while a stop drains; --drainSeconds limits that */

void
supervise_begin(struct supervision *supervision, const struct options *options)
{
  bool tails = options->ready_at && strcmp(options->ready_at, "tailing") == 0;
  supervision->ready_at = tails ? PHASE_TAILING : PHASE_COPYING;
  notify_start();
}

void
supervise_phase(const char *text)
{
  notify("STATUS=%s", text);
}

static void
tell_error(const struct error *error)
{
  char text[2 * sizeof error->text];
  text_escape(text, sizeof text, error->text, strlen(error->text));
  notify("STATUS=%s", text);
}

/* As "copying: 1.5 MB of 3.0 MB" and "tailing the oplog: lag 1 s". */
static void
tell_state(const struct status *status)
{
  const char *name = phase_text(status->phases->now);
  if (status->error) {
    tell_error(status->error);
  } else if (status->paused_since_ms) {
    notify("STATUS=%s: paused", name);
  } else if (!status->handed_off) {
    struct plan_total total = plan_total(status->plan);
    notify("STATUS=%s: %s of %s", name, text_bytes(total.bytes).text, text_bytes(total.expected).text);
  } else if (status_behind_s(status) >= 0) {
    notify("STATUS=%s: lag %lld s", name, (long long)status_behind_s(status));
  }
}

void
supervise_tick(struct supervision *supervision, const struct status *status)
{
  if (!notify_is_heard()) {
    return;
  }
  notify_alive();
  if (!supervision->ready && !status->error && status->phases->now >= supervision->ready_at) {
    supervision->ready = true;
    notify("READY=1");
  }
  if (supervision->stopping) {
    notify("EXTEND_TIMEOUT_USEC=%lld", MORE_TIME_S * 1000000LL);
  }
  if (status->now_ms - supervision->told_ms >= TELL_EVERY_MS) {
    supervision->told_ms = status->now_ms;
    tell_state(status);
  }
}

void
supervise_end(const struct error *error)
{
  if (error->kind == ERROR_NONE) {
    notify("STATUS=ended: %s", error_meaning(ERROR_NONE));
  } else {
    tell_error(error);
  }
}

void
supervise_stopping(struct supervision *supervision)
{
  if (!supervision->stopping) {
    supervision->stopping = true;
    notify("STOPPING=1");
  }
}
