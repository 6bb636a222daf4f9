#include "coordinator/measure/throughput.h"

#define SAMPLE_MS (THROUGHPUT_MS / (THROUGHPUT_SAMPLES - 1))

static const struct throughput_sample *
sample(const struct throughput *throughput, size_t age)
{
  return &throughput->samples[(throughput->newest + THROUGHPUT_SAMPLES - age) % THROUGHPUT_SAMPLES];
}

/* The newest sample is always the present; the one before it stays once it is old enough. */
void
throughput_note(struct throughput *throughput, int64_t now_ms, int64_t amount)
{
  bool spaced = throughput->count < 2 || now_ms - sample(throughput, 1)->at_ms >= SAMPLE_MS;
  if (spaced) {
    throughput->newest = (throughput->newest + 1) % THROUGHPUT_SAMPLES;
    throughput->count += throughput->count < THROUGHPUT_SAMPLES;
  }
  throughput->samples[throughput->newest] = (struct throughput_sample){now_ms, amount};
}

double
throughput_per_s(const struct throughput *throughput)
{
  size_t age = throughput->count ? throughput->count - 1 : 0;
  const struct throughput_sample *newest = sample(throughput, 0);
  while (age > 1 && newest->at_ms - sample(throughput, age)->at_ms > THROUGHPUT_MS + SAMPLE_MS) {
    age--; /* after a pause in the noting */
  }
  const struct throughput_sample *oldest = sample(throughput, age);
  int64_t passed_ms = newest->at_ms - oldest->at_ms;
  return passed_ms > 0 ? (double)(newest->amount - oldest->amount) * 1000 / (double)passed_ms : 0;
}
