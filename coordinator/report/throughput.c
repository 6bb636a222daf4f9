#include "coordinator/report/throughput.h"

#define SAMPLE_MS (RECENT_MS / (RECENT_SAMPLES - 1))

static const struct recent_sample *
sample(const struct recent *recent, size_t age)
{
  return &recent->samples[(recent->newest + RECENT_SAMPLES - age) % RECENT_SAMPLES];
}

/* The newest sample is always the present; the one before it stays once it is old enough. */
void
recent_note(struct recent *recent, int64_t now_ms, int64_t amount)
{
  bool spaced = recent->count < 2 || now_ms - sample(recent, 1)->at_ms >= SAMPLE_MS;
  if (spaced) {
    recent->newest = (recent->newest + 1) % RECENT_SAMPLES;
    recent->count += recent->count < RECENT_SAMPLES;
  }
  recent->samples[recent->newest] = (struct recent_sample){now_ms, amount};
}

double
recent_per_s(const struct recent *recent)
{
  size_t age = recent->count ? recent->count - 1 : 0;
  const struct recent_sample *newest = sample(recent, 0);
  while (age > 1 && newest->at_ms - sample(recent, age)->at_ms > RECENT_MS + SAMPLE_MS) {
    age--; /* after a pause in the noting */
  }
  const struct recent_sample *oldest = sample(recent, age);
  int64_t passed_ms = newest->at_ms - oldest->at_ms;
  return passed_ms > 0 ? (double)(newest->amount - oldest->amount) * 1000 / (double)passed_ms : 0;
}
