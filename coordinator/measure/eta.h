/*
 * How long the rest of a migration may take. In seconds; -1: that cannot be told (yet). Pure.
 */
#ifndef FERRY_COORDINATOR_MEASURE_ETA_H
#define FERRY_COORDINATOR_MEASURE_ETA_H

#include <stdint.h>

struct eta_copy {
  int64_t left_bytes;
  int64_t copied_bytes; /* by this run, in: */
  int64_t copied_ms;    /* without pauses */
  double recent_per_s;  /* bytes, in the last half minute; 0: not known */
};

/*
 * From the pace of the whole run and that of the last half minute, each for half: the copy's end is slower or faster
 * than its beginning, and half a minute alone makes a number that jumps.
 */
int64_t eta_copy_s(const struct eta_copy *copy);

/* Amounts are the builds' work: see build_work. */
struct eta_indexes {
  int64_t left_long;  /* what is to come, less what builds report as done: of long builds, */
  int64_t left_short; /* and of all others */
  int64_t largest;    /* the most of these that one collection has: one build is not shared */
  int64_t built;      /* by this run, with the parts of builds under way, in: */
  int64_t built_ms;   /* the sum of all builds' times */
  int64_t at_once;    /* long builds */
  int64_t workers;    /* so many short ones are built at once */
};

/*
 * From the pace of the builds so far. Small collections take longer for each byte. So this is too long rather than too
 * short while only these are done.
 */
int64_t eta_indexes_s(const struct eta_indexes *indexes);

/* From how fast the replay and the source move in the oplog: oplog's seconds for each second. */
int64_t eta_catch_up_s(int64_t lag_s, double position_per_s, double newest_per_s);

/* What is not known does not count; -1 if nothing is known. */
int64_t eta_sum_s(int64_t left, int64_t right);

#endif
