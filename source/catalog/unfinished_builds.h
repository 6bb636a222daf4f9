/*
 * Index builds that are under way on the source. Every version lists an index from the beginning of its build on. The
 * index is the collection's only when the build is committed. That is when the oplog has its entry. Until then the
 * build may be given up, and up to 4.2 no entry says so.
 *
 * From 4.4 on listIndexes shows a build under way by its buildUUID, if asked to. Before, nothing that `backup` may ask
 * lists it, but the server refuses a hint. S:src/mongo/db/commands/list_indexes.cpp@r3.0.15..r4.2.2,
 * src/mongo/db/query/query_planner.cpp@r2.6.12..r4.2.2
 */
#ifndef FERRY_SOURCE_CATALOG_UNFINISHED_BUILDS_H
#define FERRY_SOURCE_CATALOG_UNFINISHED_BUILDS_H

#include "source/catalog/catalog.h"

/* For listIndexes: asks a source that can do so to show builds under way. */
void unfinished_builds_ask(const struct reader *reader, bson_t *command);

/* Whether an item of listIndexes is a build under way (after unfinished_builds_ask). */
bool unfinished_builds_listed(const bson_t *listed);

/*
 * Removes from collection->indexes those that an older source is still building. Each comes with its oplog entry, if
 * it is committed. One that has that entry already stays: a new primary may still be building what the old one had
 * committed. False if the source cannot be asked.
 */
bool unfinished_builds_leave_out(struct collection *collection, struct reader *reader, struct error *error);

/*
 * A question for each index takes longer than all the rest of a list of many collections. A user with `clusterMonitor`
 * may ask a primary for all of them at once: which operations are in progress, and how many createIndexes it ever began.
 */
struct unfinished_builds_watch {
  bool idle; /* no build was in progress at the beginning */
  uint64_t member;
  int64_t begun;
};

/* To be called before indexes are listed. */
void unfinished_builds_begin(struct unfinished_builds_watch *watch, struct reader *reader);

/*
 * Whether no build was in progress since unfinished_builds_begin, so that all that was listed is ready. False: there was
 * one, or it cannot be told. One thing is not seen: a build that was asked for by an insert into system.indexes, as
 * drivers did before 2.6, and that both began and was given up in between.
 */
bool unfinished_builds_none(const struct unfinished_builds_watch *watch, struct reader *reader);

#endif
