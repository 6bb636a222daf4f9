/*
 * The source's oplog, local.oplog.rs: where to start, how far it reaches, and a cursor that follows it.
 *
 * A timestamp is seconds << 32 | increment, so that they compare as numbers; 0 means none.
 */
#ifndef FERRY_SOURCE_OPLOG_OPLOG_H
#define FERRY_SOURCE_OPLOG_OPLOG_H

#include "source/reader/reader.h"

/* What identifies an entry: after a rollback another entry may carry its timestamp. */
struct optime {
  uint64_t ts;
  int64_t term; /* 3.2 and later, -1 if the entry has none */
  int64_t hash; /* up to 4.0 the entry's own, from 4.2 on of its bytes; 0: not known */
};

#define OPTIME_SECONDS(ts) ((uint32_t)((ts) >> 32))
#define OPTIME_INCREMENT(ts) ((uint32_t)(ts))

/* An entry's optime, or of a document that optime_put made; ts is 0 if it has none. */
struct optime optime_of(const bson_t *entry);
/* Appends ts, and t and h where they are: what optime_of reads. */
void optime_put(bson_t *document, const struct optime *optime);
/* The same as a document of its own, the field `name`. */
void optime_put_as(bson_t *document, const char *name, const struct optime *optime);
/* An unknown hash may be any. */
bool optime_equal(const struct optime *left, const struct optime *right);

/*
 * T0: an entry of a few seconds before the newest one that a majority of the source holds. Everything at or below it is in what a majority read
 * sees from now on, so a copy that starts later, followed by every entry above it, misses nothing.
 * ERROR_REFUSED where there is no oplog.
 */
bool oplog_start(struct reader *reader, struct optime *start, struct error *error);

/* The newest entry that a majority of the source holds: a majority read that begins now sees it and all before it. */
bool oplog_newest(struct reader *reader, struct optime *newest, struct error *error);

/* The newest entry, whether or not it can still roll back. */
bool oplog_last(struct reader *reader, struct optime *last, struct error *error);

/* The newest entry that the filter takes, copied into `entry`: 1, 0 if there is none, -1 on error. Reads as far back as need be. */
int oplog_find_newest(struct reader *reader, const bson_t *filter, bson_t *entry, struct error *error);

/*
 * A timestamp at or behind that of every write that was acknowledged before this call, on a majority or not: the primary's newest entry's,
 * from what it says of itself where it does (3.4 on). S:src/mongo/db/repl/replication_info.cpp@r4.2.2, lastWrite. SecantusDB says its
 * clock, which no entry needs to reach: there oplog_at_end tells.
 */
bool oplog_latest(struct reader *reader, uint64_t *latest, struct error *error);

/* The oldest and the newest entry. */
bool oplog_window(struct reader *reader, uint64_t *oldest, uint64_t *newest, struct error *error);

/* The same from a quicker look, for people: see oplog_latest. */
bool oplog_glance(struct reader *reader, uint64_t *oldest, uint64_t *newest, struct error *error);

/* The entry of this very timestamp: 1, the caller's to destroy; 0 if it is not there; -1 on error. */
int oplog_find(struct reader *reader, uint64_t ts, bson_t *entry, struct error *error);

/*
 * Whether this very entry, up to which a majority's oplog was read before, is still there. If not: ERROR_OPLOG where it is gone
 * (the oplog was too small) or where the source went on without it (oplog_parted); an ERROR_SOURCE that passes where the
 * member that answers, a new primary perhaps, does not know of a majority that far yet.
 */
bool oplog_holds(struct reader *reader, const struct optime *entry, struct error *error);

/*
 * Always false: ERROR_OPLOG, the source rolled back. The text has the entry that it lost, the newest that both can have in common,
 * and what follows that on the source.
 */
bool oplog_parted(struct reader *reader, const struct optime *lost, struct error *error);

struct oplog_cursor;

/*
 * Opens a tailable cursor at `from`, which must still be there and be the same entry (oplog_holds). The first entry that oplog_next gives is the one
 * after `from`'s timestamp.
 */
bool oplog_open(struct oplog_cursor **cursor, struct reader *reader, const struct optime *from, struct error *error);
void oplog_free(struct oplog_cursor *cursor);

/*
 * The next entry: 1, valid until the next call; 0 if none came within a second; -1 on error. A cursor that died is
 * opened again at the last entry seen, with the same checks. Where reads cannot be restricted to what a majority holds
 * (reader.majority), an entry is held back until it is known that one has it, as far as the user may ask that.
 */
int oplog_next(struct oplog_cursor *cursor, const bson_t **entry, struct error *error);

/* The last call of oplog_next gave 0, and when it began there was no entry that had not been given. */
bool oplog_at_end(const struct oplog_cursor *cursor);

/* The optime of the entry given last. */
struct optime oplog_given(const struct oplog_cursor *cursor);

/* The newest entry before the one given last of which it is certain that everything up to it was given, too. */
struct optime oplog_settled(const struct oplog_cursor *cursor);

#endif
