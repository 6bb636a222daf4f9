/*
 * How a run that was tailing ends when it is told to stop: it drains, which means that the applier asks the source for its
 * newest entry and brings the target up to it. What is known of the tail, and what is said of it in the end.
 */
#ifndef FERRY_COORDINATOR_REPORT_TAIL_H
#define FERRY_COORDINATOR_REPORT_TAIL_H

#include <bson/bson.h>

#include "base/error.h"

/* What the applier said. Timestamps are an oplog's, 0: not known; times are of clock_ms. */
struct tail {
  uint64_t bookmark;
  uint64_t newest;     /* the source's newest entry: */
  int64_t asked_ms;    /* when it was asked for */
  int64_t drain_ms;    /* when a stop began to drain; 0: it does not */
  uint64_t goal;       /* the source's newest entry at some moment after that */
  int64_t entries;     /* that are on the target */
  int64_t alive_ms;    /* when its last sign of life came */
  int64_t reported_ms; /* when it last said how far the target is; 0: not yet */
  bool replays;        /* it has begun to take entries, and is at this one, for people: */
  uint64_t position;
  int64_t taken;
  char building[512]; /* the collection whose deferred indexes it builds; "": none */
  int64_t built;      /* how far the present step of that build is, of: */
  int64_t to_build;   /* 0: not told */
  bool silent;        /* that it gives no sign of life was said */
  bool consistent;
  bool tailed; /* it was consistent at some time of this run */
  bool over;   /* it has done all, what wakes TTL indexes included */
};

/* Another applier has begun. */
void tail_begin(struct tail *tail);
/* What the applier says, each but the bookmark, which counts when it is kept. */
void tail_take_alive(struct tail *tail, const bson_t *message);
void tail_take_applied(struct tail *tail, const bson_t *message);

/* Each second: says when the applier, which ought to run, gives no sign of life, and when it does again. */
void tail_watch(struct tail *tail, bool running);

/* The target has everything up to `newest`. */
bool tail_caught_up(const struct tail *tail);
/* A sign of life came within the last three seconds; they are sent each second. */
bool tail_answers(const struct tail *tail, int64_t now_ms);
/* What the source had at the stop is on the target. */
bool tail_drained(const struct tail *tail);

/*
 * Whether a run that was told to stop may end with 0, so far as the tail is concerned. Otherwise ERROR_INTERRUPTED, or where it had
 * been tailing ERROR_BEHIND: the text says how far the target is and what is missing.
 */
bool tail_judge_end(const struct tail *tail, int64_t now_ms, struct error *error);

#endif
