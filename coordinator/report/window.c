#include "coordinator/report/window.h"

#include "source/oplog/oplog.h"

#define ANCHOR_MS INT64_C(300000)

static int64_t
seconds_of(uint64_t ts)
{
  return (int64_t)(ts >> 32);
}

/* Servers drop the oldest entries in lumps, so the pace is taken over five to ten minutes. */
void
window_take(struct window *window, int64_t now_ms)
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
  window->taken_ms = now_ms;
}

bool
window_lost(const struct window *window)
{
  return window->needed != 0 && window->oldest > window->needed;
}

bool
window_check(const struct window *window, struct error *error)
{
  return !window_lost(window) ||
         error_set(
           error, ERROR_OPLOG,
           "the source's oplog no longer holds what the migration needs: it begins at %u.%u now, and %u.%u is needed; "
           "enlarge the oplog or use --oplogPath, and start again with --forceDump --drop",
           OPTIME_SECONDS(window->oldest), OPTIME_INCREMENT(window->oldest), OPTIME_SECONDS(window->needed),
           OPTIME_INCREMENT(window->needed));
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
