/*
 * The oplog, read ahead: a thread with a connection of its own follows it, so that the next entries are read while the
 * last ones are written.
 *
 * With a spool (source/oplog/spool.h) the thread puts everything into that file from the first moment on; what reads takes it
 * from there, and when it has read all, from the thread directly.
 */
#ifndef FERRY_SOURCE_OPLOG_FEED_H
#define FERRY_SOURCE_OPLOG_FEED_H

#include "source/oplog/spool.h"

struct feed;

/*
 * Opens a cursor at `from` on a new connection (see oplog_open for what can be wrong), and starts the thread. With a
 * spool, which is the feed's from here on whatever happens, it goes on behind what is in there, and gives what comes
 * after `from`.
 */
bool feed_open(struct feed **feed, const char *uri, const struct optime *from, struct spool *spool,
               struct error *error);

/* May take as long as the read under way: a second, or the driver's time-out if the source does not answer. */
void feed_free(struct feed *feed);

/*
 * The next entry: 1, valid until the next call; 0 if none came within `wait_ms`; -1 with the error that ended the
 * reading, after everything that was read before it.
 */
int feed_next(struct feed *feed, int wait_ms, const bson_t **entry, struct error *error);

/* The optime of the entry given last. */
struct optime feed_given(const struct feed *feed);

/* See oplog_settled, of the entry given last. */
struct optime feed_settled(const struct feed *feed);

/* When the thread began a read that found nothing more, after which nothing was left to give, by clock_ms; 0: not yet. */
int64_t feed_idle_ms(const struct feed *feed);

/* For a feed that is not read yet: has the thread met an error? */
bool feed_failed(struct feed *feed, struct error *error);

/* What the thread still needs of the source's oplog: everything behind this timestamp. And the spool's size, 0: none. */
uint64_t feed_reached(struct feed *feed, int64_t *spooled);

/* A spool is there, and was read to its end: up to this entry all was given. ts 0: no. */
struct optime feed_spool_read(struct feed *feed);
/* It is not needed any more. */
bool feed_remove_spool(struct feed *feed, struct error *error);

#endif
