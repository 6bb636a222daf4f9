/*
 * How fast one worker may write: its share of the whole copy's pace, in bytes and in documents a second.
 *
 * What was written is a debt that shrinks with time. The next batch waits until the debt is gone. So no time is saved
 * up for a burst, and a new rate counts at once, even while a batch waits. Times are of clock_ms.
 */
#ifndef FERRY_WORKER_PACE_H
#define FERRY_WORKER_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct pace {
  pthread_mutex_t lock;
  double bytes_per_s; /* 0: no limit */
  double documents_per_s;
  double bytes; /* owed */
  double documents;
  int64_t at_ms; /* when the debt was so large */
  bool paused;   /* nothing may be written until that ends */
};

void pace_init(struct pace *pace);
void pace_clear(struct pace *pace);

void pace_set(struct pace *pace, double bytes_per_s, double documents_per_s, int64_t now_ms);
void pace_pause(struct pace *pace, bool paused);
void pace_spend(struct pace *pace, int64_t bytes, int64_t documents, int64_t now_ms);
/* How long the next batch has to wait. INT64_MAX: until the pause ends. */
int64_t pace_wait_ms(struct pace *pace, int64_t now_ms);

/*
 * True if a batch of this size is as much as this pace should send at once. Larger ones would make a series of bursts.
 */
bool pace_enough(struct pace *pace, int64_t bytes, int64_t documents);

#endif
