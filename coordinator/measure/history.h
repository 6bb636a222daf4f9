/*
 * The last hour of a run, a point every ten seconds. Pure.
 */
#ifndef FERRY_COORDINATOR_MEASURE_HISTORY_H
#define FERRY_COORDINATOR_MEASURE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_MS 10000
#define HISTORY_MOST 360

/* What was done in all by a moment, and how things are then. Less than 0: not known. */
struct history_look {
  int64_t bytes;
  int64_t documents;
  int64_t entries;
  int64_t lag_s;
  int64_t window_left_s;
};

struct history_point {
  int64_t bytes_per_s;
  int64_t documents_per_s;
  int64_t entries_per_s;
  int64_t lag_s; /* -1: not known, as for the next one */
  int64_t window_left_s;
};

/* Zeroed memory is a valid start. */
struct history {
  struct history_point points[HISTORY_MOST]; /* a ring */
  size_t count;
  size_t next;
  int64_t at_ms; /* of the last look that made a point; 0: there was no look yet */
  struct history_look last;
};

/* Call it about once a second. An amount that fell, as after a restart of what counts, counts from 0. */
void history_note(struct history *history, const struct history_look *look, int64_t now_ms);
/* 0 is the oldest. */
const struct history_point *history_point(const struct history *history, size_t index);

#endif
