#include "source/feed.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

/* How far the thread reads ahead; twice that is held at most. */
#define AHEAD_BYTES (16 << 20)

struct item {
  size_t offset;
  struct optime settled; /* when this entry had been read */
};

struct chunk {
  uint8_t *bytes;
  size_t size;
  size_t bytes_capacity;
  struct item *items;
  size_t count;
  size_t items_capacity;
};

struct feed {
  struct reader reader;
  struct oplog_cursor *cursor;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct chunk filling; /* under the lock */
  struct optime idle;   /* settled when the oplog had no more */
  bool ended;           /* the thread will read no more, because of `error` */
  struct error error;
  bool stop;
  struct chunk giving; /* the consumer's: what is beyond `given` is to be given */
  size_t given;
  struct optime settled;
  bson_t entry; /* in `giving` */
};

static void
append(struct chunk *chunk, const bson_t *entry, const struct optime *settled)
{
  while (chunk->size + entry->len > chunk->bytes_capacity) {
    chunk->bytes_capacity = chunk->bytes_capacity ? chunk->bytes_capacity * 2 : 1 << 16;
    chunk->bytes = memory_resize(chunk->bytes, chunk->bytes_capacity);
  }
  chunk->items = memory_grow(chunk->items, chunk->count, &chunk->items_capacity, sizeof *chunk->items);
  chunk->items[chunk->count++] = (struct item){chunk->size, *settled};
  memcpy(chunk->bytes + chunk->size, bson_get_data(entry), entry->len);
  chunk->size += entry->len;
}

static bool
push(struct feed *feed, int got, const bson_t *entry, const struct error *error)
{
  struct optime settled = oplog_settled(feed->cursor);
  pthread_mutex_lock(&feed->lock);
  while (feed->filling.size >= AHEAD_BYTES && !feed->stop) {
    pthread_cond_wait(&feed->changed, &feed->lock);
  }
  if (got == 1) {
    append(&feed->filling, entry, &settled);
  } else if (got == 0) {
    feed->idle = settled;
  } else {
    feed->ended = true;
    feed->error = *error;
  }
  bool go_on = got >= 0 && !feed->stop;
  pthread_cond_broadcast(&feed->changed);
  pthread_mutex_unlock(&feed->lock);
  return go_on;
}

static void *
follow(void *context)
{
  struct feed *feed = context;
  const bson_t *entry = NULL;
  struct error error = {.kind = ERROR_NONE};
  int got;
  do {
    got = oplog_next(feed->cursor, &entry, &error);
  } while (push(feed, got, entry, &error));
  return NULL;
}

static void
release(struct feed *feed)
{
  oplog_free(feed->cursor);
  reader_close(&feed->reader);
  free(feed->filling.bytes);
  free(feed->filling.items);
  free(feed->giving.bytes);
  free(feed->giving.items);
  free(feed);
}

bool
feed_open(struct feed **feed, const char *uri, const struct optime *from, struct error *error)
{
  struct feed *made = memory_new(sizeof *made);
  pthread_condattr_t monotonic;
  if (!reader_open(&made->reader, uri, true, error)) {
    free(made);
    return false;
  }
  if (!oplog_open(&made->cursor, &made->reader, from, error)) {
    release(made);
    return false;
  }
  made->settled = made->idle = *from;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  if (pthread_create(&made->thread, NULL, follow, made) != 0) {
    release(made);
    return error_set(error, ERROR_INTERNAL, "cannot start a thread");
  }
  *feed = made;
  return true;
}

void
feed_free(struct feed *feed)
{
  if (!feed) {
    return;
  }
  pthread_mutex_lock(&feed->lock);
  feed->stop = true;
  pthread_cond_broadcast(&feed->changed);
  pthread_mutex_unlock(&feed->lock);
  pthread_join(feed->thread, NULL);
  pthread_mutex_destroy(&feed->lock);
  pthread_cond_destroy(&feed->changed);
  release(feed);
}

static struct timespec
in_ms(int wait_ms)
{
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += wait_ms / 1000;
  until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  return until;
}

/* Everything was given: takes over what the thread has read meanwhile. 1, 0, -1 as feed_next. */
static int
refill(struct feed *feed, int wait_ms, struct error *error)
{
  struct timespec until = in_ms(wait_ms);
  int timed_out = wait_ms <= 0;
  pthread_mutex_lock(&feed->lock);
  while (feed->filling.count == 0 && !feed->ended && !timed_out) {
    timed_out = pthread_cond_timedwait(&feed->changed, &feed->lock, &until) != 0;
  }
  int got = feed->filling.count > 0 ? 1 : feed->ended ? -1 : 0;
  if (got == 1) {
    struct chunk empty = feed->giving;
    empty.size = empty.count = 0;
    feed->giving = feed->filling;
    feed->filling = empty;
    feed->given = 0;
    pthread_cond_broadcast(&feed->changed);
  } else if (got == 0 && feed->idle.ts > feed->settled.ts) {
    feed->settled = feed->idle;
  } else if (got < 0) {
    *error = feed->error;
  }
  pthread_mutex_unlock(&feed->lock);
  return got;
}

int
feed_next(struct feed *feed, int wait_ms, const bson_t **entry, struct error *error)
{
  if (feed->given == feed->giving.count) {
    int got = refill(feed, wait_ms, error);
    if (got <= 0) {
      return got;
    }
  }
  const struct item *item = &feed->giving.items[feed->given++];
  uint32_t size;
  memcpy(&size, feed->giving.bytes + item->offset, sizeof size);
  if (!bson_init_static(&feed->entry, feed->giving.bytes + item->offset, BSON_UINT32_FROM_LE(size))) {
    error_set(error, ERROR_OPLOG, "an oplog entry is damaged");
    return -1;
  }
  feed->settled = item->settled;
  *entry = &feed->entry;
  return 1;
}

struct optime
feed_settled(const struct feed *feed)
{
  return feed->settled;
}
