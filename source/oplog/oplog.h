/*
 * The source's oplog, local.oplog.rs: where to start, its window, and a cursor that follows it.
 *
 * A timestamp is seconds << 32 | increment, so that timestamps compare as numbers; 0 means none.
 */
#ifndef FERRY_SOURCE_OPLOG_OPLOG_H
#define FERRY_SOURCE_OPLOG_OPLOG_H

#include "source/reader/reader.h"

/* Identifies an entry: after a rollback another entry may carry the same timestamp. */
struct optime {
  uint64_t ts;
  int64_t term; /* from 3.2 on; -1 if the entry has none */
  int64_t hash; /* up to 4.0 the entry's own, from 4.2 on a hash of its bytes; 0: not known */
};

#define OPTIME_SECONDS(ts) ((uint32_t)((ts) >> 32))
#define OPTIME_INCREMENT(ts) ((uint32_t)(ts))

/* The optime of an entry, or of a document that optime_put made; ts is 0 if it has none. */
struct optime optime_of(const bson_t *entry);
/* Appends ts, and t and h if they are known: what optime_of reads. */
void optime_put(bson_t *document, const struct optime *optime);
/* The same, as a document in the field `name`. */
void optime_put_as(bson_t *document, const char *name, const struct optime *optime);
/* An unknown hash equals any. */
bool optime_equal(const struct optime *left, const struct optime *right);

/*
 * T0: an entry a few seconds before the newest one that a majority of the source holds. A majority read sees
 * everything up to T0 from now on. So a later copy, followed by every entry above T0, misses nothing. ERROR_REFUSED if
 * there is no oplog.
 */
bool oplog_start(struct reader *reader, struct optime *start, struct error *error);

/* The newest entry that a majority of the source holds. A majority read that begins now sees everything up to it. */
bool oplog_newest(struct reader *reader, struct optime *newest, struct error *error);

/* The newest entry, whether or not it can still roll back. */
bool oplog_last(struct reader *reader, struct optime *last, struct error *error);

/*
 * The newest entry that matches the filter. 1: copied into `entry`; 0: none; -1 on error. Reads back as far as needed.
 */
int oplog_find_newest(struct reader *reader, const bson_t *filter, bson_t *entry, struct error *error);

/*
 * A timestamp at or behind that of every write that was acknowledged before this call, on a majority or not. It is the
 * primary's newest entry's; from 3.4 on the primary says which (S:src/mongo/db/repl/replication_info.cpp@r4.2.2,
 * lastWrite). SecantusDB says its clock, which no entry needs to reach: there oplog_at_end tells.
 */
bool oplog_latest(struct reader *reader, uint64_t *latest, struct error *error);

/* The oldest and the newest entry. */
bool oplog_window(struct reader *reader, uint64_t *oldest, uint64_t *newest, struct error *error);

/* The same from a quicker look, for display: see oplog_latest. */
bool oplog_glance(struct reader *reader, uint64_t *oldest, uint64_t *newest, struct error *error);

/* The entry of exactly this timestamp. 1: the caller's to destroy; 0: it is not there; -1 on error. */
int oplog_find(struct reader *reader, uint64_t ts, bson_t *entry, struct error *error);

/*
 * Whether this very entry is still there; a majority's oplog was read up to it before. If not: ERROR_OPLOG if it is
 * gone (the oplog was too small), or if the source went on without it (oplog_parted). An ERROR_SOURCE that passes if
 * the member that answers, perhaps a new primary, does not know of a majority that far yet.
 */
bool oplog_holds(struct reader *reader, const struct optime *entry, struct error *error);

/*
 * Always false: ERROR_OPLOG, the source rolled back. The message names the entry that it lost, the newest one that
 * both can have in common, and what follows that on the source.
 */
bool oplog_parted(struct reader *reader, const struct optime *lost, struct error *error);

struct oplog_cursor;

/*
 * Opens a tailable cursor at `from`, which must still be there and be the same entry (oplog_holds). oplog_next begins
 * with the entry after `from`'s timestamp.
 */
bool oplog_open(struct oplog_cursor **cursor, struct reader *reader, const struct optime *from, struct error *error);
void oplog_free(struct oplog_cursor *cursor);

/*
 * The next entry. 1: valid until the next call; 0: none came within a second; -1 on error. A cursor that died is
 * opened again at the last entry seen, with the same checks. Without majority reads (reader.majority), an entry is
 * held back until a majority is known to have it, as far as the user may ask that.
 */
int oplog_next(struct oplog_cursor *cursor, const bson_t **entry, struct error *error);

/* True if the last call of oplog_next returned 0, and when it began, every entry had been given. */
bool oplog_at_end(const struct oplog_cursor *cursor);

/* The optime of the last entry given. */
struct optime oplog_given(const struct oplog_cursor *cursor);

/* The newest entry before the last one given for which this is certain: everything up to it was given, too. */
struct optime oplog_settled(const struct oplog_cursor *cursor);

#endif
