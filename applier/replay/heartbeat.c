#include "applier/replay/heartbeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "applier/replay/oplog_watch.h"
#include "base/clock.h"
#include "base/memory.h"
#include "source/oplog/oplog.h"

#define BEAT_MS 1000
#define HURRY_MS 100
#define ASK_MS 2000
#define ASK_CLOCK_MS 5000 /* where only a clock answers, and the replay mostly knows better: see oplog_latest */
#define AGAIN_MS 500      /* after a failure */
#define WINDOW_MS 30000
#define NEEDED_MS 5000 /* what was needed longer ago may be needed no more */

/* With the lock held; false: the threads are to end. */
static bool
wait_until(struct heartbeat *heartbeat, int64_t until_ms)
{
  struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = (long)(until_ms % 1000) * 1000000};
  pthread_cond_timedwait(&heartbeat->changed, &heartbeat->lock, &until);
  return !heartbeat->stop;
}

/*
 * When all that the source had written is known to be read, by the answer to a question or by a read that found no
 * more. 0: it has something newer. A clock is no entry, so where only that answers, the reads decide.
 */
static int64_t
known_ms(const struct heartbeat *heartbeat, const struct feed_seen *seen)
{
  if (heartbeat->asked_ms <= seen->end_ms) {
    return seen->end_ms;
  }
  if (heartbeat->newest <= seen->read) {
    return heartbeat->asked_ms;
  }
  return seen->unordered ? seen->end_ms : 0;
}

static void
put_last_write(const struct heartbeat *heartbeat, bson_t *document)
{
  struct feed_seen seen;
  if (!heartbeat->feed) {
    return;
  }
  feed_seen(heartbeat->feed, &seen);
  message_put_timestamp(document, "read", seen.read);
  message_put_timestamp(document, "last_write", seen.last_write);
  if (seen.last_write_wall_ms > 0) {
    BSON_APPEND_INT64(document, "last_write_wall_ms", seen.last_write_wall_ms);
  }
  BSON_APPEND_INT64(document, "last_write_ms", seen.last_write_ms);
  BSON_APPEND_INT64(document, "known_ms", known_ms(heartbeat, &seen));
  if (seen.entries >= heartbeat->given) {
    BSON_APPEND_INT64(document, "ahead", seen.entries - heartbeat->given);
  }
}

static void
put_builds(const struct builds_seen *builds, bson_t *document)
{
  bson_t item;
  BSON_APPEND_DOCUMENT_BEGIN(document, "builds", &item);
  BSON_APPEND_INT64(&item, "built", builds->built);
  BSON_APPEND_INT64(&item, "to_build", builds->total);
  BSON_APPEND_INT64(&item, "running", builds->running);
  BSON_APPEND_INT64(&item, "collections", builds->collections);
  BSON_APPEND_INT64(&item, "collections_built", builds->collections_built);
  BSON_APPEND_INT64(&item, "work", builds->work);
  BSON_APPEND_INT64(&item, "built_work", builds->built_work);
  BSON_APPEND_INT64(&item, "passed_ms", builds->passed_ms);
  bson_append_document_end(document, &item);
}

static void
put_replay(const struct heartbeat *heartbeat, bson_t *document)
{
  if (!heartbeat->replays) {
    return;
  }
  message_put_timestamp(document, "position", heartbeat->position);
  BSON_APPEND_INT64(document, "entries", heartbeat->entries);
  put_last_write(heartbeat, document);
  BSON_APPEND_INT32(document, "connections", heartbeat->connections);
  measures_put(document, &heartbeat->measures);
  if (heartbeat->building[0]) {
    BSON_APPEND_UTF8(document, "building", heartbeat->building);
    put_builds(&heartbeat->builds, document);
  }
}

/* With the lock held. */
static int64_t
beat_ms(const struct heartbeat *heartbeat)
{
  return heartbeat->hurry ? HURRY_MS : BEAT_MS;
}

static void *
beat(void *context)
{
  struct heartbeat *heartbeat = context;
  struct error ignored; /* a coordinator that is gone is met by who reads from it */
  pthread_mutex_lock(&heartbeat->lock);
  while (!heartbeat->stop) {
    bson_t document = BSON_INITIALIZER;
    message_put_timestamp(&document, "newest", heartbeat->newest);
    BSON_APPEND_INT64(&document, "asked_ms", heartbeat->asked_ms);
    put_replay(heartbeat, &document);
    pthread_mutex_unlock(&heartbeat->lock);
    channel_send(heartbeat->channel, MESSAGE_ALIVE, &document, &ignored);
    bson_destroy(&document);
    int64_t sent_ms = clock_ms();
    pthread_mutex_lock(&heartbeat->lock);
    while (clock_ms() < sent_ms + beat_ms(heartbeat) && wait_until(heartbeat, sent_ms + beat_ms(heartbeat))) {
    }
  }
  pthread_mutex_unlock(&heartbeat->lock);
  return NULL;
}

void
heartbeat_note(struct heartbeat *heartbeat, uint64_t newest, int64_t asked_ms)
{
  pthread_mutex_lock(&heartbeat->lock);
  if (asked_ms > heartbeat->asked_ms) {
    heartbeat->newest = newest;
    heartbeat->asked_ms = asked_ms;
  }
  pthread_mutex_unlock(&heartbeat->lock);
}

void
heartbeat_feed(struct heartbeat *heartbeat, struct feed *feed)
{
  if (!heartbeat->channel) { /* it was never started */
    return;
  }
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->feed = feed;
  heartbeat->given = 0;
  pthread_mutex_unlock(&heartbeat->lock);
}

void
heartbeat_measures(struct heartbeat *heartbeat, const struct measures *measures, int connections)
{
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->measures = *measures;
  heartbeat->connections = connections;
  pthread_mutex_unlock(&heartbeat->lock);
}

void
heartbeat_given(struct heartbeat *heartbeat, int64_t given)
{
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->given = given;
  pthread_mutex_unlock(&heartbeat->lock);
}

void
heartbeat_position(struct heartbeat *heartbeat, uint64_t position, int64_t entries)
{
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->replays = true;
  heartbeat->position = position;
  heartbeat->entries = entries;
  pthread_mutex_unlock(&heartbeat->lock);
}

void
heartbeat_building(void *context, const struct builds_seen *seen)
{
  struct heartbeat *heartbeat = context;
  pthread_mutex_lock(&heartbeat->lock);
  snprintf(heartbeat->building, sizeof heartbeat->building, "%s", seen ? seen->ns : "");
  heartbeat->builds = seen ? *seen : (struct builds_seen){0};
  pthread_mutex_unlock(&heartbeat->lock);
}

/*
 * Asks for what is due: the newest entry, and from time to time the window. The feed meets a failure, too, and reports
 * it.
 */
static bool
look(struct heartbeat *heartbeat, struct reader *reader, int64_t *window_ms)
{
  struct error ignored;
  int64_t begun_ms = clock_ms();
  uint64_t newest = 0;
  pthread_mutex_lock(&heartbeat->lock);
  struct window_seen seen = {.needed = heartbeat->needed, .spooled = heartbeat->spooled};
  int64_t needed_ms = heartbeat->needed_ms;
  pthread_mutex_unlock(&heartbeat->lock);
  if (!oplog_latest(reader, &newest, &ignored)) {
    return false;
  }
  heartbeat_note(heartbeat, newest, begun_ms);
  if (begun_ms < *window_ms || needed_ms == 0 || begun_ms - needed_ms > NEEDED_MS) {
    return true;
  }
  begun_ms = clock_ms();
  bool ok =
    oplog_glance(reader, &seen.oldest, &seen.newest, &ignored) && oplog_watch_send(heartbeat->channel, &seen, &ignored);
  *window_ms = clock_ms() + oplog_watch_pause_ms(begun_ms, WINDOW_MS);
  return ok;
}

/* With the lock held: waits until what is known is too old, or something newer is wanted. */
static void
rest(struct heartbeat *heartbeat, int64_t age_ms)
{
  int64_t until_ms = heartbeat->asked_ms + (heartbeat->hurry ? HURRY_MS : age_ms);
  while (!heartbeat->stop && heartbeat->asked_ms >= heartbeat->wanted_ms && clock_ms() < until_ms) {
    wait_until(heartbeat, until_ms);
    until_ms = heartbeat->asked_ms + (heartbeat->hurry ? HURRY_MS : age_ms);
  }
}

static void *
ask(void *context)
{
  struct heartbeat *heartbeat = context;
  struct reader reader;
  struct error ignored;
  bool opened = false;
  int64_t window_ms = 0;
  pthread_mutex_lock(&heartbeat->lock);
  while (!heartbeat->stop) {
    pthread_mutex_unlock(&heartbeat->lock);
    opened = opened || reader_open(&reader, heartbeat->source_uri, true, &ignored);
    bool ok = opened && look(heartbeat, &reader, &window_ms);
    pthread_mutex_lock(&heartbeat->lock);
    if (ok) {
      rest(heartbeat, reader.unordered ? ASK_CLOCK_MS : ASK_MS);
    } else {
      wait_until(heartbeat, clock_ms() + AGAIN_MS);
    }
  }
  pthread_mutex_unlock(&heartbeat->lock);
  if (opened) {
    reader_close(&reader);
  }
  return NULL;
}

static bool
run(pthread_t *thread, void *(*work)(void *), struct heartbeat *heartbeat, struct error *error)
{
  return pthread_create(thread, NULL, work, heartbeat) == 0 ||
         error_set(error, ERROR_INTERNAL,
                   "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
}

bool
heartbeat_start(struct heartbeat *heartbeat, struct channel *channel, struct error *error)
{
  pthread_condattr_t monotonic;
  *heartbeat = (struct heartbeat){.channel = channel};
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&heartbeat->lock, NULL);
  pthread_cond_init(&heartbeat->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  heartbeat->beats = run(&heartbeat->beating, beat, heartbeat, error);
  return heartbeat->beats;
}

bool
heartbeat_ask(struct heartbeat *heartbeat, const char *source_uri, struct error *error)
{
  if (heartbeat->source_uri) {
    return true;
  }
  heartbeat->source_uri = memory_string(source_uri);
  if (!run(&heartbeat->asking, ask, heartbeat, error)) {
    free(heartbeat->source_uri);
    heartbeat->source_uri = NULL;
  }
  return heartbeat->source_uri != NULL;
}

void
heartbeat_need(struct heartbeat *heartbeat, uint64_t needed, int64_t spooled)
{
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->needed = needed;
  heartbeat->spooled = spooled;
  heartbeat->needed_ms = clock_ms();
  pthread_mutex_unlock(&heartbeat->lock);
}

void
heartbeat_hurry(struct heartbeat *heartbeat, bool hurry)
{
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->hurry = hurry;
  pthread_cond_broadcast(&heartbeat->changed);
  pthread_mutex_unlock(&heartbeat->lock);
}

bool
heartbeat_since(struct heartbeat *heartbeat, int64_t since_ms, uint64_t *newest)
{
  pthread_mutex_lock(&heartbeat->lock);
  bool asked = heartbeat->asked_ms >= since_ms;
  if (asked) {
    *newest = heartbeat->newest;
  } else if (heartbeat->wanted_ms < since_ms) {
    heartbeat->wanted_ms = since_ms;
    pthread_cond_broadcast(&heartbeat->changed);
  }
  pthread_mutex_unlock(&heartbeat->lock);
  return asked;
}

void
heartbeat_end(struct heartbeat *heartbeat)
{
  if (!heartbeat->channel) {
    return;
  }
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->stop = true;
  pthread_cond_broadcast(&heartbeat->changed);
  pthread_mutex_unlock(&heartbeat->lock);
  if (heartbeat->beats) {
    pthread_join(heartbeat->beating, NULL);
  }
  if (heartbeat->source_uri) {
    pthread_join(heartbeat->asking, NULL);
  }
  pthread_mutex_destroy(&heartbeat->lock);
  pthread_cond_destroy(&heartbeat->changed);
  heartbeat->channel = NULL; /* nothing speaks for a feed that is closed after this */
  memory_wipe(heartbeat->source_uri);
}
