#include "source/oplog/feed.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

/* How far the thread reads ahead. At most twice as much is in memory. */
#define AHEAD_BYTES (16 << 20)
#define SYNC_MS 1000

struct item {
  size_t offset;
  struct optime at;
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
  int64_t idle_ms;      /* when the read began that found no more */
  int64_t read_ms;      /* the thread's: when the read under way began */
  struct feed_source source;
  struct feed_seen seen; /* under the lock */
  bool ended;            /* the thread will read no more, because of `error` */
  struct error error;
  bool stop;
  struct spool *spool;   /* the thread's to append to, while `spooling`; NULL: none, or removed */
  bool spooling;         /* under the lock, as are the next three */
  bool enough;           /* the consumer has read it to its end: what follows is for the queue */
  int64_t spool_end;     /* what may be read of it */
  struct optime reached; /* in the spool */
  int64_t synced_ms;     /* the thread's: when it last took care that the spool is on the disk */
  int64_t offset;        /* in the spool; the consumer's, as is what follows */
  uint64_t start;        /* entries of the spool up to it are not given */
  struct chunk giving;   /* what is beyond `given` is to be given */
  size_t given;
  struct optime given_at;
  struct optime settled;
  struct optime complete; /* where no two entries share a timestamp: the last one given; else ts is 0 */
  int64_t waited_us;
  int64_t given_count;
  int64_t given_idle_ms; /* all that was read before `idle_ms` of then was given */
  struct optime settles; /* when all of `giving`, a block of the spool, was given */
  bson_t entry;          /* in `giving` */
};

static void
append(struct chunk *chunk, const bson_t *entry, const struct optime *at, const struct optime *settled)
{
  while (chunk->size + entry->len > chunk->bytes_capacity) {
    chunk->bytes_capacity = chunk->bytes_capacity ? chunk->bytes_capacity * 2 : 1 << 16;
    chunk->bytes = memory_resize(chunk->bytes, chunk->bytes_capacity);
  }
  chunk->items = memory_grow(chunk->items, chunk->count, &chunk->items_capacity, sizeof *chunk->items);
  chunk->items[chunk->count++] = (struct item){chunk->size, *at, *settled};
  memcpy(chunk->bytes + chunk->size, bson_get_data(entry), entry->len);
  chunk->size += entry->len;
}

/* Writes into the file, and from time to time, or `now`, onto the disk. */
static bool
put_into_spool(struct feed *feed, const bson_t *entry, const struct optime *settled, bool now, struct error *error)
{
  bool due = now || clock_ms() - feed->synced_ms >= SYNC_MS;
  if ((entry && !spool_append(feed->spool, entry, settled, error)) ||
      (due && !spool_sync(feed->spool, settled, error))) {
    return false;
  }
  if (due) {
    feed->synced_ms = clock_ms();
  }
  return true;
}

/* With the lock held. Notes what was read; `wall_ms`: see feed_source. */
static void
note_seen(struct feed *feed, int got, int64_t wall_ms, const struct optime *settled)
{
  struct feed_seen *seen = &feed->seen;
  struct optime at = oplog_given(feed->cursor);
  uint64_t read = got == 1 && !feed->reader.unordered ? at.ts : settled->ts;
  seen->read = read > seen->read ? read : seen->read;
  seen->entries += got == 1 && seen->entries >= 0;
  if (got == 1 && wall_ms >= 0) {
    seen->last_write_ms = clock_ms();
    if (at.ts > seen->last_write) {
      seen->last_write = at.ts;
      seen->last_write_wall_ms = wall_ms;
    }
  }
  if (got == 0 && oplog_at_end(feed->cursor)) {
    seen->end_ms = feed->read_ms;
  }
}

/* Puts what was read where the reader takes it from. False: no more is wanted, or can be had. */
static bool
push(struct feed *feed, int got, const bson_t *entry, struct error *error)
{
  struct optime settled = oplog_settled(feed->cursor);
  int64_t wall_ms = got == 1 ? feed->source.write_at(feed->source.context, entry) : -1;
  pthread_mutex_lock(&feed->lock);
  bool spooling = feed->spooling; /* only this thread changes it */
  bool enough = feed->enough;
  pthread_mutex_unlock(&feed->lock);
  if (spooling && got < 0) { /* until it answers again, the source may drop what is in hand */
    struct error ignored;
    spool_sync(feed->spool, &settled, &ignored);
  } else if (spooling && !put_into_spool(feed, got == 1 ? entry : NULL, &settled, enough || got == 0, error)) {
    got = -1;
  }
  pthread_mutex_lock(&feed->lock);
  while (!spooling && feed->filling.size >= AHEAD_BYTES && !feed->stop) {
    pthread_cond_wait(&feed->changed, &feed->lock);
  }
  note_seen(feed, got, wall_ms, &settled);
  if (spooling) {
    feed->spool_end = spool_size(feed->spool);
    feed->reached = spool_settled(feed->spool);
    feed->spooling = !enough || got < 0;
  } else if (got == 1) {
    struct optime at = oplog_given(feed->cursor);
    append(&feed->filling, entry, &at, &settled);
  }
  if (got == 0) {
    feed->idle = settled;
    feed->idle_ms = oplog_at_end(feed->cursor) ? feed->read_ms : feed->idle_ms;
  } else if (got < 0) {
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
    feed->read_ms = clock_ms();
    got = oplog_next(feed->cursor, &entry, &error);
  } while (push(feed, got, entry, &error));
  return NULL;
}

static void
release(struct feed *feed)
{
  oplog_free(feed->cursor);
  reader_close(&feed->reader);
  spool_close(feed->spool);
  free(feed->filling.bytes);
  free(feed->filling.items);
  free(feed->giving.bytes);
  free(feed->giving.items);
  free(feed);
}

bool
feed_open(struct feed **feed, const struct feed_source *source, const struct optime *from, struct error *error)
{
  struct feed *made = memory_new(sizeof *made);
  struct spool *spool = source->spool;
  struct optime at = spool ? spool_settled(spool) : *from;
  pthread_condattr_t monotonic;
  made->spool = spool;
  made->source = *source;
  if (!reader_open(&made->reader, source->uri, true, error)) {
    release(made);
    return false;
  }
  if (!oplog_open(&made->cursor, &made->reader, &at, error)) {
    release(made);
    return false;
  }
  made->settled = made->settles = made->idle = *from;
  made->start = from->ts;
  made->spooling = spool != NULL;
  made->offset = spool_first();
  made->spool_end = spool ? spool_size(spool) : 0;
  made->reached = at;
  made->seen = (struct feed_seen){.read = at.ts,
                                  .last_write = at.ts,
                                  .last_write_ms = clock_ms(),
                                  .entries = at.ts > from->ts ? -1 : 0,
                                  .unordered = made->reader.unordered};
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  if (pthread_create(&made->thread, NULL, follow, made) != 0) {
    release(made);
    return error_set(error, ERROR_INTERNAL,
                     "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
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

bool
feed_leave(struct feed *feed)
{
  if (!feed || feed->spool) {
    return false;
  }
  pthread_mutex_lock(&feed->lock);
  bool reads = !feed->ended;
  pthread_mutex_unlock(&feed->lock);
  return reads;
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

static void
settle(struct feed *feed, const struct optime *settled)
{
  if (settled->ts > feed->settled.ts) {
    feed->settled = *settled;
  }
}

/* The next block of the spool, as a chunk. What it settles counts when its last entry was given. */
static int
read_spool(struct feed *feed, int64_t end, struct error *error)
{
  struct chunk *chunk = &feed->giving;
  struct spool_block block = {.bytes = chunk->bytes, .capacity = chunk->bytes_capacity};
  int got = spool_read(feed->spool, &feed->offset, end, &block, error);
  chunk->bytes = block.bytes;
  chunk->bytes_capacity = block.capacity;
  chunk->size = got == 1 ? block.size : 0;
  chunk->count = feed->given = 0;
  for (size_t at = 0; at < chunk->size;) {
    bson_t entry;
    if (!spool_entry(chunk->bytes + at, chunk->size - at, &entry)) {
      error_set(error, ERROR_OPLOG, "a spooled oplog entry is damaged");
      return -1;
    }
    chunk->items = memory_grow(chunk->items, chunk->count, &chunk->items_capacity, sizeof *chunk->items);
    chunk->items[chunk->count++] = (struct item){at, optime_of(&entry), feed->settled};
    at += entry.len;
  }
  feed->settles = got == 1 ? block.settled : feed->settled;
  return got;
}

/* Everything was given: takes over what the thread has read meanwhile. Returns 1, 0 or -1, as feed_next. */
static int
refill(struct feed *feed, int wait_ms, struct error *error)
{
  struct timespec until = in_ms(wait_ms);
  int timed_out = wait_ms <= 0;
  int got = 0;
  settle(feed, &feed->settles);
  pthread_mutex_lock(&feed->lock);
  bool unread = feed->spool && feed->offset < feed->spool_end;
  int64_t begun_us = clock_us();
  while (!unread && feed->filling.count == 0 && !feed->ended && !timed_out) {
    feed->enough = true;
    timed_out = pthread_cond_timedwait(&feed->changed, &feed->lock, &until) != 0;
    unread = feed->spool && feed->offset < feed->spool_end;
  }
  feed->waited_us += clock_us() - begun_us;
  int64_t end = feed->spool_end;
  if (unread) {
    got = 1; /* read without the lock, below */
  } else if (feed->filling.count > 0) {
    struct chunk empty = feed->giving;
    empty.size = empty.count = 0;
    feed->giving = feed->filling;
    feed->filling = empty;
    feed->given = 0;
    got = 1;
    pthread_cond_broadcast(&feed->changed);
  } else if (feed->ended) {
    *error = feed->error;
    got = -1;
  } else {
    settle(feed, &feed->idle);
    settle(feed, &feed->complete);
    feed->given_idle_ms = feed->idle_ms;
  }
  pthread_mutex_unlock(&feed->lock);
  return unread ? read_spool(feed, end, error) : got;
}

int
feed_next(struct feed *feed, int wait_ms, const bson_t **entry, struct error *error)
{
  for (;;) {
    while (feed->given == feed->giving.count) {
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
    settle(feed, &item->settled);
    feed->given_at = item->at;
    feed->complete = feed->reader.unordered ? (struct optime){0} : item->at;
    if (item->at.ts > feed->start) {
      feed->given_count++;
      *entry = &feed->entry;
      return 1;
    }
  }
}

int64_t
feed_given_count(const struct feed *feed)
{
  return feed->given_count;
}

int64_t
feed_waited_us(const struct feed *feed)
{
  return feed->waited_us;
}

int64_t
feed_idle_ms(const struct feed *feed)
{
  return feed->given_idle_ms;
}

void
feed_seen(struct feed *feed, struct feed_seen *seen)
{
  pthread_mutex_lock(&feed->lock);
  *seen = feed->seen;
  pthread_mutex_unlock(&feed->lock);
}

bool
feed_failed(struct feed *feed, struct error *error)
{
  pthread_mutex_lock(&feed->lock);
  bool failed = feed->ended;
  if (failed) {
    *error = feed->error;
  }
  pthread_mutex_unlock(&feed->lock);
  return failed;
}

bool
feed_spooling(struct feed *feed)
{
  pthread_mutex_lock(&feed->lock);
  bool spooling = feed->spooling && !feed->enough;
  pthread_mutex_unlock(&feed->lock);
  return spooling;
}

uint64_t
feed_reached(struct feed *feed, int64_t *spooled)
{
  pthread_mutex_lock(&feed->lock);
  uint64_t reached = feed->spooling ? feed->reached.ts : feed->settled.ts;
  *spooled = feed->spool ? feed->spool_end : 0;
  pthread_mutex_unlock(&feed->lock);
  return reached;
}

struct optime
feed_spool_read(struct feed *feed)
{
  struct optime reached = {.term = -1};
  pthread_mutex_lock(&feed->lock);
  if (feed->spool && !feed->spooling && feed->offset >= feed->spool_end) {
    reached = feed->reached;
  }
  pthread_mutex_unlock(&feed->lock);
  return reached;
}

bool
feed_remove_spool(struct feed *feed, struct error *error)
{
  struct spool *spool = feed->spool;
  feed->spool = NULL;
  return spool_remove(spool, error);
}

struct optime
feed_given(const struct feed *feed)
{
  return feed->given_at;
}

struct optime
feed_settled(const struct feed *feed)
{
  return feed->settled;
}
