#include "base/histogram.h"

#include <math.h>

const double histogram_bounds_s[HISTOGRAM_BUCKETS] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, INFINITY};

void
histogram_add(struct histogram *histogram, int64_t took_us)
{
  int bucket = 0;
  while (bucket < HISTOGRAM_BUCKETS - 1 && (double)took_us > histogram_bounds_s[bucket] * 1e6) {
    bucket++;
  }
  histogram->counts[bucket]++;
  histogram->count++;
  histogram->sum_us += took_us;
}

void
histogram_sum(struct histogram *to, const struct histogram *more)
{
  for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
    to->counts[i] += more->counts[i];
  }
  to->count += more->count;
  to->sum_us += more->sum_us;
}
