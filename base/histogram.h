/*
 * How long things took, counted in fixed buckets. For one thread. Pure.
 */
#ifndef FERRY_BASE_HISTOGRAM_H
#define FERRY_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 10

/* The upper bound of each bucket, in seconds; the last one is infinite. */
extern const double histogram_bounds_s[HISTOGRAM_BUCKETS];

struct histogram {
  int64_t counts[HISTOGRAM_BUCKETS]; /* of each bucket by itself */
  int64_t count;
  int64_t sum_us;
};

void histogram_add(struct histogram *histogram, int64_t took_us);
void histogram_sum(struct histogram *to, const struct histogram *more);

#endif
