#include "coordinator/measure/window.h"

#include "base/log.h"
#include "ipc/message.h"
#include "source/oplog/oplog.h"

#define ANCHOR_MS INT64_C(300000)
#define WARN_EVERY_MS INT64_C(300000)
#define PAUSE_LEAST_S 3600

static int64_t
seconds_of(uint64_t ts)
{
  return (int64_t)(ts >> 32);
}

/* Servers drop the oldest entries in lumps, so the pace is taken over five to ten minutes. */
static void
move_anchors(struct window *window, int64_t now_ms)
{
  if (window->anchor == 0) {
    window->anchor = window->next_anchor = window->oldest;
    window->anchor_ms = window->next_anchor_ms = now_ms;
  }
  if (now_ms - window->next_anchor_ms >= ANCHOR_MS) {
    window->anchor = window->next_anchor;
    window->anchor_ms = window->next_anchor_ms;
    window->next_anchor = window->oldest;
    window->next_anchor_ms = now_ms;
  }
}

bool
window_take(struct window *window, const bson_t *message, int64_t now_ms, struct error *error)
{
  uint64_t before = window->oldest;
  window->oldest = message_timestamp(message, "oldest");
  window->moves = window->moves || (before != 0 && window->oldest > before);
  window->newest = message_timestamp(message, "newest");
  window->needed = message_timestamp(message, "needed");
  window->spooled = message_number(message, "spooled", 0);
  window->taken_ms = now_ms;
  move_anchors(window, now_ms);
  bool lost = window->needed != 0 && window->oldest > window->needed;
  return !lost ||
         error_set(
           error, ERROR_OPLOG,
           "the source's oplog no longer holds what the migration needs: it begins at %u.%u now, and %u.%u is needed; "
           "enlarge the oplog or use --oplogPath, and start again with --forceDump --drop",
           OPTIME_SECONDS(window->oldest), OPTIME_INCREMENT(window->oldest), OPTIME_SECONDS(window->needed),
           OPTIME_INCREMENT(window->needed));
}

bool
window_pause_is_risky(const struct window *window)
{
  int64_t left_s = window_left_s(window);
  int64_t reserve_s = seconds_of(window->needed) - seconds_of(window->oldest);
  return (left_s >= 0 && left_s < PAUSE_LEAST_S) ||
         (window->moves && window->needed != 0 && 10 * reserve_s < window_length_s(window));
}

static void
say_pause(const struct window *window)
{
  int64_t left_s = window_left_s(window);
  if (left_s >= 0) {
    log_warn("the migration is paused, and the source's oplog keeps what it needs for about %lld s more: resume it, or "
             "enlarge the oplog",
             (long long)left_s);
  } else {
    log_warn("the migration is paused, and what it needs is in the oldest tenth of the source's oplog: resume it, or "
             "enlarge the oplog");
  }
}

void
window_warn(struct window *window, int64_t copy_needs_s, bool paused, int64_t now_ms)
{
  int64_t left_s = window_left_s(window);
  bool due = window->warned_ms == 0 || now_ms - window->warned_ms >= WARN_EVERY_MS;
  if (paused && window_pause_is_risky(window) && due) {
    say_pause(window);
    window->warned_ms = now_ms;
  } else if (!paused && left_s >= 0 && copy_needs_s > left_s && due) {
    log_warn(
      "the source's oplog lasts for about %lld s more, and the copy needs about %lld s: enlarge the oplog, or start "
      "again with --oplogPath",
      (long long)left_s, (long long)copy_needs_s);
    window->warned_ms = now_ms;
  }
}

int64_t
window_length_s(const struct window *window)
{
  return seconds_of(window->newest) - seconds_of(window->oldest);
}

int64_t
window_left_s(const struct window *window)
{
  int64_t moved_s = seconds_of(window->oldest) - seconds_of(window->anchor);
  int64_t passed_ms = window->taken_ms - window->anchor_ms;
  int64_t reserve_s = seconds_of(window->needed) - seconds_of(window->oldest);
  if (moved_s <= 0 || passed_ms <= 0 || window->needed == 0) {
    return -1;
  }
  return reserve_s > 0 ? reserve_s * passed_ms / 1000 / moved_s : 0;
}
