/*
 * How fast something went lately: the amount of about the last half minute. Pure: the caller gives the time.
 */
#ifndef FERRY_COORDINATOR_MEASURE_THROUGHPUT_H
#define FERRY_COORDINATOR_MEASURE_THROUGHPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THROUGHPUT_MS 30000
#define THROUGHPUT_SAMPLES 16

struct throughput {
  struct throughput_sample {
    int64_t at_ms;
    int64_t amount;
  } samples[THROUGHPUT_SAMPLES]; /* a ring */
  size_t count;
  size_t newest;
};

/* Notes that `amount` was done in all by `now_ms`. Neither may decrease. Zeroed memory is a valid start. */
void throughput_note(struct throughput *throughput, int64_t now_ms, int64_t amount);

/* Amount a second; 0: not known. */
double throughput_per_s(const struct throughput *throughput);

#endif
