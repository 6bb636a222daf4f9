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

#endif
