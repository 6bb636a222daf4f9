/*
 * The migration's mark on its target: one small document in admin.mongoferry, by which the target is known again.
 *
 * A set's name says little: another set may have it, or this one may have been wiped, or restored from an older backup. So a
 * migration has a random _id, and a number that only grows. A majority of the target has the document with that number before
 * the bookmark file names it. A target that has no such document, or an older number, is not the one that was written to.
 *
 * `admin`, as it is never copied, dropped or compared; a user with readWriteAnyDatabase may write there, and a mongos keeps it on
 * the config servers. One who may not goes without.
 */
#ifndef FERRY_TARGET_GUARD_MARK_H
#define FERRY_TARGET_GUARD_MARK_H

#include "server/server.h"

#define MARK_DB "admin"
#define MARK_COLL "mongoferry"

struct mark {
  bool kept; /* false: the target has none, and nothing is looked at */
  bson_oid_t id;
  int64_t sequence; /* the newest that a majority is known to have */
};

/*
 * A new one, instead of all that earlier migrations left: 1; 0 with the reason if the target does not take it; -1 on error.
 */
int mark_make(struct server *target, struct mark *mark, struct error *error);

/* False with ERROR_STATE if the target is another one, or older; with ERROR_TARGET if it does not answer. */
bool mark_look(struct server *target, const struct mark *mark, struct error *error);

/*
 * The same before a connection is used again that rested since `used_ms`, which becomes now. After a second of rest the driver looks
 * whether a connection is still there, and makes it anew without a word (mongoc_cluster_check_interval, libmongoc 1.23): whoever
 * answers then has not been looked at.
 */
bool mark_look_after_rest(struct server *target, const struct mark *mark, int64_t *used_ms, struct error *error);

/*
 * The same, and takes the next number: what was written before belongs to it. Waits for the majority, `timeout_ms` (0: as long
 * as it takes); past that the number stays, which is no failure.
 */
bool mark_move(struct server *target, struct mark *mark, int timeout_ms, struct error *error);

/* As the field "mark" of a message or of the bookmark file, unless there is none; and back: false without one. */
void mark_put(bson_t *document, const struct mark *mark);
bool mark_get(const bson_t *document, struct mark *mark);

#endif
