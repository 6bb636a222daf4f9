#include "coordinator/report/phase.h"

#include "base/clock.h"
#include "base/log.h"
#include "ipc/message.h"

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

static int64_t
present_ms_of(const struct phase_times *times, int64_t now_unix_ms)
{
  return times->since_ms > 0 && now_unix_ms > times->since_ms ? now_unix_ms - times->since_ms : 0;
}

int64_t
phase_spent_ms(const struct phase_times *times, int64_t now_unix_ms)
{
  return times->spent_ms + present_ms_of(times, now_unix_ms);
}

void
phase_put_times(const struct phase_times *times, int64_t now_unix_ms, bson_t *item)
{
  if (times->began_ms <= 0) {
    return;
  }
  message_put_time(item, "beganAt", times->began_ms);
  if (times->ended_ms > 0) {
    message_put_time(item, "endedAt", times->ended_ms);
  }
  BSON_APPEND_INT64(item, "seconds", phase_spent_ms(times, now_unix_ms) / 1000);
}

static void
end_present(struct phases *phases, int64_t now_ms)
{
  struct phase_times *times = &phases->times[phases->now];
  int64_t present_ms = present_ms_of(times, now_ms);
  times->spent_ms += present_ms;
  times->ran_ms += present_ms;
  times->since_ms = 0;
  times->ended_ms = now_ms;
}

void
phase_begin(struct phases *phases, enum phase phase)
{
  if (phase == phases->now) {
    return;
  }
  int64_t now_ms = clock_unix_ms();
  struct phase_times *times = &phases->times[phase];
  end_present(phases, now_ms);
  phases->now = phase;
  times->began_ms = times->began_ms ? times->began_ms : now_ms;
  times->ended_ms = 0;
  times->since_ms = now_ms;
  times->ran = true;
  phases->changed = true;
  log_info("phase: %s", phase_text(phase));
  if (phases->told) {
    phases->told(phases->context, phase_text(phase));
  }
}

int64_t
phase_took_ms(const struct phases *phases, enum phase phase)
{
  const struct phase_times *times = &phases->times[phase];
  return times->ran ? times->ran_ms + present_ms_of(times, clock_unix_ms()) : -1;
}
