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

/*
 * Opens a cursor at `from` on a new connection (see oplog_open for the errors), and starts the thread. A spool belongs
 * to the feed from here on, even on failure. With a spool the thread goes on behind what the file has. feed_next gives
 * what comes after `from`.
 */
bool feed_open(struct feed **feed, const char *uri, const struct optime *from, struct spool *spool,
               struct error *error);

/* Waits for the read under way: a second, or the driver's time-out if the source does not answer. */
void feed_free(struct feed *feed);

/*
 * The next entry. 1: valid until the next call; 0: none came within `wait_ms`; -1: the error that ended the reading,
 * after everything that was read before.
 */
int feed_next(struct feed *feed, int wait_ms, const bson_t **entry, struct error *error);

/* The optime of the last entry given. */
struct optime feed_given(const struct feed *feed);

/* oplog_settled for the last entry given. */
struct optime feed_settled(const struct feed *feed);

/*
 * When the thread began a read that found nothing more, if nothing was left to give after it. By clock_ms; 0: not yet.
 */
int64_t feed_idle_ms(const struct feed *feed);

/* Whether the thread met an error; for a feed from which nothing was read yet. */
bool feed_failed(struct feed *feed, struct error *error);

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
