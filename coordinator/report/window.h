/*
 * The source's oplog window against what the migration still needs of it: how long it will last, and whether the copy
 * will be done by then.
 */
#ifndef FERRY_COORDINATOR_REPORT_WINDOW_H
#define FERRY_COORDINATOR_REPORT_WINDOW_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Timestamps are an oplog's, seconds << 32 | increment; times are of clock_ms. */
struct window {
  uint64_t oldest;
  uint64_t newest;
  uint64_t needed;      /* what must stay in the oplog is behind this one; 0: not known yet */
  int64_t spooled;      /* bytes */
  uint64_t anchor;      /* `oldest` some minutes ago: */
  int64_t anchor_ms;    /* then */
  uint64_t next_anchor; /* and what takes its place */
  int64_t next_anchor_ms;
  int64_t taken_ms;  /* when these were taken */
  int64_t warned_ms; /* that the window is too short */
};

/* Takes a WINDOW of the applier's. False with ERROR_OPLOG if the oplog does not hold what is needed any more. */
bool window_take(struct window *window, const bson_t *message, int64_t now_ms, struct error *error);

/*
 * Says in the log, every five minutes at most, that the copy will take longer (`copy_needs_s`, -1: not known) than the oplog
 * lasts.
 */
void window_warn(struct window *window, int64_t copy_needs_s, int64_t now_ms);

/* Seconds from `newest` back to `oldest`. */
int64_t window_length_s(const struct window *window);

/* Seconds until what is needed falls off, at the pace of the last minutes; -1: it does not move so far. */
int64_t window_left_s(const struct window *window);

#endif
