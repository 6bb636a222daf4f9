#include "worker/pace.h"

#define BATCH_S 0.25

void
pace_init(struct pace *pace)
{
  *pace = (struct pace){0};
  pthread_mutex_init(&pace->lock, NULL);
}

void
pace_clear(struct pace *pace)
{
  pthread_mutex_destroy(&pace->lock);
}

static double
paid(double owed, double per_s, double passed_s)
{
  return per_s > 0 && owed > per_s * passed_s ? owed - per_s * passed_s : 0;
}

/* With the lock held. */
static void
move_to(struct pace *pace, int64_t now_ms)
{
  double passed_s = (double)(now_ms - pace->at_ms) / 1000;
  pace->bytes = paid(pace->bytes, pace->bytes_per_s, passed_s);
  pace->documents = paid(pace->documents, pace->documents_per_s, passed_s);
  pace->at_ms = now_ms;
}

void
pace_set(struct pace *pace, double bytes_per_s, double documents_per_s, int64_t now_ms)
{
  pthread_mutex_lock(&pace->lock);
  move_to(pace, now_ms);
  pace->bytes_per_s = bytes_per_s;
  pace->documents_per_s = documents_per_s;
  pthread_mutex_unlock(&pace->lock);
}

void
pace_pause(struct pace *pace, bool paused)
{
  pthread_mutex_lock(&pace->lock);
  pace->paused = paused;
  pthread_mutex_unlock(&pace->lock);
}

void
pace_spend(struct pace *pace, int64_t bytes, int64_t documents, int64_t now_ms)
{
  pthread_mutex_lock(&pace->lock);
  move_to(pace, now_ms);
  pace->bytes += (double)bytes;
  pace->documents += (double)documents;
  pthread_mutex_unlock(&pace->lock);
}

static double
seconds_for(double owed, double per_s)
{
  return per_s > 0 ? owed / per_s : 0;
}

int64_t
pace_wait_ms(struct pace *pace, int64_t now_ms)
{
  pthread_mutex_lock(&pace->lock);
  move_to(pace, now_ms);
  double bytes_s = seconds_for(pace->bytes, pace->bytes_per_s);
  double documents_s = seconds_for(pace->documents, pace->documents_per_s);
  bool paused = pace->paused;
  pthread_mutex_unlock(&pace->lock);
  if (paused) {
    return INT64_MAX;
  }
  double wait_ms = (bytes_s > documents_s ? bytes_s : documents_s) * 1000;
  return wait_ms > 0 ? (int64_t)wait_ms + 1 : 0;
}

bool
pace_enough(struct pace *pace, int64_t bytes, int64_t documents)
{
  pthread_mutex_lock(&pace->lock);
  bool enough = (pace->bytes_per_s > 0 && (double)bytes >= pace->bytes_per_s * BATCH_S) ||
                (pace->documents_per_s > 0 && (double)documents >= pace->documents_per_s * BATCH_S);
  pthread_mutex_unlock(&pace->lock);
  return enough;
}
