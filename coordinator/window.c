#include "coordinator/window.h"

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
