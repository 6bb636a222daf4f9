/*
 * The brake: slows the copy while a server answers more slowly than at the start, or the target's members lag further
 * behind. Pure: it gets the measurements, and says how fast the copy may be.
 *
 * It slows the copy by a third at a time, with some seconds between, so that the servers can show whether that was
 * enough. When they are well again, it speeds the copy up in small steps, until it does not limit the copy any more.
 */
#ifndef FERRY_COORDINATOR_PACE_BRAKE_H
#define FERRY_COORDINATOR_PACE_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

/* How the servers do. Less than 0: not known. */
struct load {
  double source_ms; /* the time of a small read */
  double target_ms;
  double lag_s; /* how far the target's members are behind its primary */
};

enum brake_cause { BRAKE_NONE, BRAKE_SOURCE, BRAKE_TARGET, BRAKE_LAG };

#define BRAKE_LOOKS 3

struct brake {
  bool off;
  double latency_ms; /* so much more than at the start is too much, if it is also twice as much */
  double lag_s;      /* so much more than at the start is too much */
  struct load start;
  struct load looks[BRAKE_LOOKS]; /* the last ones */
  int look_count;
  struct load now;    /* the median of the looks: a single slow answer does not count */
  double bytes_per_s; /* what the copy may do; 0: no limit */
  enum brake_cause cause;
  double cause_was; /* the cause's value at the last step down */
  int64_t changed_ms;
};

void brake_init(struct brake *brake, double latency_ms, double lag_s, const struct load *start);

/* Takes one look; the copy goes at this pace. Call about once a second. */
void brake_take(struct brake *brake, const struct load *look, double copy_bytes_per_s, int64_t now_ms);
/* Turned off, the brake lifts its limit at once. */
void brake_switch(struct brake *brake, bool on);

/* Describes the present cause: "the source answers in 180 ms, at the start in 2 ms". */
void brake_say(const struct brake *brake, char *text, int size);

#endif
