/*
 * The oplog, read ahead: a thread with a connection of its own follows it, so that the next entries are read while the
 * last ones are written.
 */
#ifndef FERRY_SOURCE_FEED_H
#define FERRY_SOURCE_FEED_H

#include "source/oplog.h"

struct feed;

/* Opens a cursor at `from` on a new connection (see oplog_open for what can be wrong), and starts the thread. */
bool feed_open(struct feed **feed, const char *uri, const struct optime *from, struct error *error);

/* May take as long as the read under way: a second, or the driver's time-out if the source does not answer. */
void feed_free(struct feed *feed);

/*
 * The next entry: 1, valid until the next call; 0 if none came within `wait_ms`; -1 with the error that ended the
 * reading, after everything that was read before it.
 */
int feed_next(struct feed *feed, int wait_ms, const bson_t **entry, struct error *error);

/* See oplog_settled, of the entry given last. */
struct optime feed_settled(const struct feed *feed);

#endif
