/*
 * The mark: one small document in admin.mongoferry of the target, by which the target is known again.
 *
 * A set's name says little. Another set may have it, or this one may have been wiped, or restored from an older
 * backup. So a migration has a random _id, and a number that only grows. A majority of the target has the document
 * with that number before the bookmark file names it. A target without the document, or with an older number, is not
 * the one that was written to.
 *
 * The mark is in `admin`, as that is never copied, dropped or compared. A user with readWriteAnyDatabase may write
 * there, and a mongos keeps it on the config servers. A user who may not write there goes without a mark.
 */
#ifndef FERRY_TARGET_GUARD_MARK_H
#define FERRY_TARGET_GUARD_MARK_H

#include "server/server.h"

#define MARK_DB "admin"
#define MARK_COLL "mongoferry"

struct mark {
  bool kept; /* false: the target has no mark, and nothing is looked at */
  bson_oid_t id;
  int64_t sequence; /* the newest number that a majority is known to have */
};

/*
 * Makes a new mark, instead of all that earlier migrations left. 1: done; 0: the target does not take it, and `error`
 * says why; -1 on error.
 */
int mark_make(struct server *target, struct mark *mark, struct error *error);

/* False with ERROR_STATE if the target is another one, or older; with ERROR_TARGET if it does not answer. */
bool mark_look(struct server *target, const struct mark *mark, struct error *error);

/*
 * The same, for a connection that was last used at `used_ms`, before it is used again; `used_ms` becomes now. After a
 * second of rest the driver checks a connection, and makes it anew without a word (mongoc_cluster_check_interval,
 * libmongoc 1.23). Whoever answers then has not been looked at.
 */
bool mark_look_after_rest(struct server *target, const struct mark *mark, int64_t *used_ms, struct error *error);

/*
 * The same, and takes the next number: what was written before belongs to it. Waits for the majority, at most
 * `timeout_ms` (0: as long as it takes). After that the number stays, which is no failure.
 */
bool mark_move(struct server *target, struct mark *mark, int timeout_ms, struct error *error);

/*
 * mark_put appends it as the field "mark" of a message or of the bookmark file, if there is a mark. mark_get reads it
 * back; false if there is none.
 */
void mark_put(bson_t *document, const struct mark *mark);
bool mark_get(const bson_t *document, struct mark *mark);

#endif
