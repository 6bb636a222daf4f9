/*
 * The automatic brake: slows the copy while one of the servers answers more slowly, or the target's members lag further
 * behind, than at the start. Pure: it is told what was measured, and says how fast the copy may be.
 *
 * A third less at a time, with some seconds between so that the servers can show whether it was enough; back up in small
 * steps when they are well again, until the copy is not held back any more.
 */
#ifndef FERRY_COORDINATOR_PACE_BRAKE_H
#define FERRY_COORDINATOR_PACE_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

/* How the servers do. Less than 0: not known. */
struct load {
  double source_ms; /* a small read takes so long */
  double target_ms;
  double lag_s; /* the target's members, behind its primary */
};

enum brake_cause { BRAKE_NONE, BRAKE_SOURCE, BRAKE_TARGET, BRAKE_LAG };

#define BRAKE_LOOKS 3

struct brake {
  bool off;
  double latency_ms; /* so much more than at the start is too much, if it is twice as much, too */
  double lag_s;      /* so much more than at the start is too much */
  struct load start;
  struct load looks[BRAKE_LOOKS]; /* the last ones */
  int look_count;
  struct load now;    /* the median of the looks: one slow answer is none */
  double bytes_per_s; /* what the copy may do, 0: anything */
  enum brake_cause cause;
  double cause_was; /* its value at the last step down */
  int64_t changed_ms;
};

void brake_init(struct brake *brake, double latency_ms, double lag_s, const struct load *start);

/* A look, while the copy goes at this pace. Call about once a second. */
void brake_take(struct brake *brake, const struct load *look, double copy_bytes_per_s, int64_t now_ms);
/* Turned off, it lets go at once. */
void brake_switch(struct brake *brake, bool on);

/* "the source answers in 180 ms, at the start in 2 ms" of the present cause. */
void brake_say(const struct brake *brake, char *text, int size);

#endif
