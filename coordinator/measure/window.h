/*
 * The source's oplog window, compared with what the migration still needs of it: how long it will last, and whether
 * the copy will be done by then.
 */
#ifndef FERRY_COORDINATOR_MEASURE_WINDOW_H
#define FERRY_COORDINATOR_MEASURE_WINDOW_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Timestamps are an oplog's, seconds << 32 | increment; times are of clock_ms. */
struct window {
  uint64_t oldest;
  uint64_t newest;
  uint64_t needed;      /* what comes after this must stay in the oplog; 0: not known yet */
  int64_t spooled;      /* bytes */
  uint64_t anchor;      /* `oldest` as it was some minutes ago */
  int64_t anchor_ms;    /* when it was so */
  uint64_t next_anchor; /* takes the anchor's place later */
  int64_t next_anchor_ms;
  bool moves;        /* it dropped entries since this run began */
  int64_t taken_ms;  /* when the window was taken */
  int64_t warned_ms; /* when the last warning was logged */
};

/* Takes a WINDOW of the applier's. False with ERROR_OPLOG if the oplog lacks what is needed. */
bool window_take(struct window *window, const bson_t *message, int64_t now_ms, struct error *error);

/*
 * Logs, every five minutes at most, that the copy will take longer (`copy_needs_s`; -1: not known) than the oplog
 * lasts. While `paused`: that the pause is risky.
 */
void window_warn(struct window *window, int64_t copy_needs_s, bool paused, int64_t now_ms);

/*
 * The oplog lasts for less than an hour. Or it drops entries, and what is needed is in the oldest tenth of it: servers
 * drop up to a tenth at once.
 */
bool window_pause_is_risky(const struct window *window);

/* Seconds from `newest` back to `oldest`. */
int64_t window_length_s(const struct window *window);

/*
 * Seconds until what is needed leaves the oplog, at the pace of the last minutes; -1: the window does not move so far.
 */
int64_t window_left_s(const struct window *window);

#endif
