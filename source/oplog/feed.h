/*
 * The oplog, read ahead. A thread with a connection of its own follows it, so that the next entries are read while the
 * last ones are written.
 *
 * With a spool (source/oplog/spool.h) the thread puts everything into that file from the first moment on. The reader
 * takes entries from the file. When it has read the whole file, it takes them from the thread directly.
 */
#ifndef FERRY_SOURCE_OPLOG_FEED_H
#define FERRY_SOURCE_OPLOG_FEED_H

#include "source/oplog/spool.h"

struct feed;

/* Where a feed reads from. All but the spool must outlive it. */
struct feed_source {
  const char *uri;
  struct spool *spool; /* NULL: none */
  /*
   * Whether an entry counts as a write of the source's, see feed_seen. Returns its wall time in unix ms, 0: the entry
   * has none; -1: it is no write. Called by the thread.
   */
  int64_t (*write_at)(const void *context, const bson_t *entry);
  const void *context;
};

/*
 * Opens a cursor at `from` on a new connection (see oplog_open for the errors), and starts the thread. A spool belongs
 * to the feed from here on, even on failure. With a spool the thread goes on behind what the file has. feed_next gives
 * what comes after `from`.
 */
bool feed_open(struct feed **feed, const struct feed_source *source, const struct optime *from, struct error *error);

/* Waits for the read under way: a second, or the driver's time-out if the source does not answer. */
void feed_free(struct feed *feed);

/*
 * For a process that ends: true if feed_free would wait, for nothing that is to be kept. Then the process ends at once
 * (_exit), and its connections with it. `feed` may be NULL.
 */
bool feed_leave(struct feed *feed);

/*
 * The next entry. 1: valid until the next call; 0: none came within `wait_ms`; -1: the error that ended the reading,
 * after everything that was read before.
 */
int feed_next(struct feed *feed, int wait_ms, const bson_t **entry, struct error *error);

/* The optime of the last entry given. */
struct optime feed_given(const struct feed *feed);

/*
 * oplog_settled for the last entry given. When feed_next has returned 0, the reader is done with that entry. So it is
 * settled itself, unless others may share its timestamp (see reader.unordered): then the thread's next idle read tells.
 */
struct optime feed_settled(const struct feed *feed);

/*
 * When the thread began a read that found nothing more, if nothing was left to give after it. By clock_ms; 0: not yet.
 */
int64_t feed_idle_ms(const struct feed *feed);

/* What the thread has read, given or not. Times are of clock_ms, if nothing else is said. */
struct feed_seen {
  uint64_t read;              /* everything up to it was read */
  uint64_t last_write;        /* the newest entry that is a write; at first where the thread began */
  int64_t last_write_wall_ms; /* when it was made, by the source's clock, unix ms; 0: the entry does not say */
  int64_t last_write_ms;      /* when it was read */
  int64_t end_ms;             /* everything that was written before this was read; 0: not known */
  int64_t entries;            /* how many were read; -1: not known, as an earlier process filled the spool */
  bool unordered;             /* see reader.unordered */
};

/* For any thread, between feed_open and feed_free. */
void feed_seen(struct feed *feed, struct feed_seen *seen);

/* How many entries feed_next has given. */
int64_t feed_given_count(const struct feed *feed);

/* How long feed_next has waited for entries so far, in microseconds. */
int64_t feed_waited_us(const struct feed *feed);

/* Whether the thread met an error; for a feed from which nothing was read yet. */
bool feed_failed(struct feed *feed, struct error *error);

/* Whether the thread still puts what it reads into the spool, and the reader has not reached its end. */
bool feed_spooling(struct feed *feed);

/*
 * What the thread still needs of the source's oplog: everything behind this timestamp. `spooled`: the spool's size in
 * bytes; 0: none.
 */
uint64_t feed_reached(struct feed *feed, int64_t *spooled);

/* If there is a spool and it was read to its end: the entry up to which all was given. ts 0: not so. */
struct optime feed_spool_read(struct feed *feed);
/* The spool is not needed any more. */
bool feed_remove_spool(struct feed *feed, struct error *error);

#endif
