#include "coordinator/measure/history.h"

static int64_t
per_s(int64_t before, int64_t now, int64_t passed_ms)
{
  int64_t more = now >= before ? now - before : now;
  return more * 1000 / passed_ms;
}

void
history_note(struct history *history, const struct history_look *look, int64_t now_ms)
{
  int64_t passed_ms = now_ms - history->at_ms;
  if (history->at_ms == 0) {
    history->at_ms = now_ms;
    history->last = *look;
    return;
  }
  if (passed_ms < HISTORY_MS) {
    return;
  }
  history->points[history->next] = (struct history_point){
    .bytes_per_s = per_s(history->last.bytes, look->bytes, passed_ms),
    .documents_per_s = per_s(history->last.documents, look->documents, passed_ms),
    .entries_per_s = per_s(history->last.entries, look->entries, passed_ms),
    .lag_s = look->lag_s,
    .window_left_s = look->window_left_s,
  };
  history->next = (history->next + 1) % HISTORY_MOST;
  history->count += history->count < HISTORY_MOST;
  history->at_ms = now_ms;
  history->last = *look;
}

const struct history_point *
history_point(const struct history *history, size_t index)
{
  return &history->points[(history->next + HISTORY_MOST - history->count + index) % HISTORY_MOST];
}
