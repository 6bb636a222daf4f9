#include "applier/replay/heartbeat.h"

#include <stdlib.h>
#include <time.h>

#include "applier/replay/oplog_watch.h"
#include "base/clock.h"
#include "base/memory.h"
#include "source/oplog/oplog.h"

#define BEAT_MS 1000
#define ASK_MS 2000
#define ASK_CLOCK_MS 5000 /* where only a clock answers, and the replay mostly knows better: see oplog_latest */
#define AGAIN_MS 500      /* after a failure */
#define WINDOW_MS 30000
#define NEEDED_MS 5000 /* what was needed longer ago may be needed no more */

/* With the lock held; false: the threads are to end. */
static bool
wait_until(struct lookout *lookout, int64_t until_ms)
{
  struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = (long)(until_ms % 1000) * 1000000};
  pthread_cond_timedwait(&lookout->changed, &lookout->lock, &until);
  return !lookout->stop;
}

static void *
beat(void *context)
{
  struct lookout *lookout = context;
  struct error ignored; /* a coordinator that is gone is met by who reads from it */
  pthread_mutex_lock(&lookout->lock);
  while (!lookout->stop) {
    bson_t document = BSON_INITIALIZER;
    message_put_timestamp(&document, "newest", lookout->newest);
    BSON_APPEND_INT64(&document, "asked_ms", lookout->asked_ms);
    pthread_mutex_unlock(&lookout->lock);
    channel_send(lookout->channel, MESSAGE_ALIVE, &document, &ignored);
    bson_destroy(&document);
    int64_t next_ms = clock_ms() + BEAT_MS;
    pthread_mutex_lock(&lookout->lock);
    while (clock_ms() < next_ms && wait_until(lookout, next_ms)) {
    }
  }
  pthread_mutex_unlock(&lookout->lock);
  return NULL;
}

void
lookout_note(struct lookout *lookout, uint64_t newest, int64_t asked_ms)
{
  pthread_mutex_lock(&lookout->lock);
  if (asked_ms > lookout->asked_ms) {
    lookout->newest = newest;
    lookout->asked_ms = asked_ms;
  }
  pthread_mutex_unlock(&lookout->lock);
}

/* When a look is due: the newest entry, and from time to time the window. A failure is met by the feed too, which says it. */
static bool
look(struct lookout *lookout, struct reader *reader, int64_t *window_ms)
{
  struct error ignored;
  int64_t begun_ms = clock_ms();
  uint64_t newest = 0;
  pthread_mutex_lock(&lookout->lock);
  struct window_seen seen = {.needed = lookout->needed, .spooled = lookout->spooled};
  int64_t needed_ms = lookout->needed_ms;
  pthread_mutex_unlock(&lookout->lock);
  if (!oplog_latest(reader, &newest, &ignored)) {
    return false;
  }
  lookout_note(lookout, newest, begun_ms);
  if (begun_ms < *window_ms || needed_ms == 0 || begun_ms - needed_ms > NEEDED_MS) {
    return true;
  }
  begun_ms = clock_ms();
  bool ok = oplog_glance(reader, &seen.oldest, &seen.newest, &ignored) && watch_send(lookout->channel, &seen, &ignored);
  *window_ms = clock_ms() + watch_pause_ms(begun_ms, WINDOW_MS);
  return ok;
}

/* With the lock held: until what is known is so old, unless something newer is wanted. */
static void
rest(struct lookout *lookout, int64_t age_ms)
{
  while (!lookout->stop && lookout->asked_ms >= lookout->wanted_ms && clock_ms() < lookout->asked_ms + age_ms) {
    wait_until(lookout, lookout->asked_ms + age_ms);
  }
}

static void *
ask(void *context)
{
  struct lookout *lookout = context;
  struct reader reader;
  struct error ignored;
  bool opened = false;
  int64_t window_ms = 0;
  pthread_mutex_lock(&lookout->lock);
  while (!lookout->stop) {
    pthread_mutex_unlock(&lookout->lock);
    opened = opened || reader_open(&reader, lookout->source_uri, true, &ignored);
    bool ok = opened && look(lookout, &reader, &window_ms);
    pthread_mutex_lock(&lookout->lock);
    if (ok) {
      rest(lookout, reader.unordered ? ASK_CLOCK_MS : ASK_MS);
    } else {
      wait_until(lookout, clock_ms() + AGAIN_MS);
    }
  }
  pthread_mutex_unlock(&lookout->lock);
  if (opened) {
    reader_close(&reader);
  }
  return NULL;
}

static bool
run(pthread_t *thread, void *(*work)(void *), struct lookout *lookout, struct error *error)
{
  return pthread_create(thread, NULL, work, lookout) == 0 ||
         error_set(error, ERROR_INTERNAL,
                   "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
}

bool
lookout_start(struct lookout *lookout, struct channel *channel, struct error *error)
{
  pthread_condattr_t monotonic;
  *lookout = (struct lookout){.channel = channel};
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&lookout->lock, NULL);
  pthread_cond_init(&lookout->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  lookout->beats = run(&lookout->beating, beat, lookout, error);
  return lookout->beats;
}

bool
lookout_ask(struct lookout *lookout, const char *source_uri, struct error *error)
{
  if (lookout->source_uri) {
    return true;
  }
  lookout->source_uri = memory_string(source_uri);
  if (!run(&lookout->asking, ask, lookout, error)) {
    free(lookout->source_uri);
    lookout->source_uri = NULL;
  }
  return lookout->source_uri != NULL;
}

void
lookout_need(struct lookout *lookout, uint64_t needed, int64_t spooled)
{
  pthread_mutex_lock(&lookout->lock);
  lookout->needed = needed;
  lookout->spooled = spooled;
  lookout->needed_ms = clock_ms();
  pthread_mutex_unlock(&lookout->lock);
}

bool
lookout_since(struct lookout *lookout, int64_t since_ms, uint64_t *newest)
{
  pthread_mutex_lock(&lookout->lock);
  bool asked = lookout->asked_ms >= since_ms;
  if (asked) {
    *newest = lookout->newest;
  } else if (lookout->wanted_ms < since_ms) {
    lookout->wanted_ms = since_ms;
    pthread_cond_broadcast(&lookout->changed);
  }
  pthread_mutex_unlock(&lookout->lock);
  return asked;
}

void
lookout_end(struct lookout *lookout)
{
  if (!lookout->channel) {
    return;
  }
  pthread_mutex_lock(&lookout->lock);
  lookout->stop = true;
  pthread_cond_broadcast(&lookout->changed);
  pthread_mutex_unlock(&lookout->lock);
  if (lookout->beats) {
    pthread_join(lookout->beating, NULL);
  }
  if (lookout->source_uri) {
    pthread_join(lookout->asking, NULL);
  }
  pthread_mutex_destroy(&lookout->lock);
  pthread_cond_destroy(&lookout->changed);
  memory_wipe(lookout->source_uri);
}
