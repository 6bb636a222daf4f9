/*
 * Index builds that are under way on the source. Every version lists an index from the beginning of its build on; it is the
 * collection's only when the build is committed, and that is when the oplog has its entry. Until then it may be given up,
 * of which there is no entry (up to 4.2).
 *
 * From 4.4 on listIndexes tells a build under way by its buildUUID, where that is asked for. Before, nothing lists it that
 * `backup` may ask, but a hint is refused. S:src/mongo/db/commands/list_indexes.cpp@r3.0.15..r4.2.2,
 * src/mongo/db/query/query_planner.cpp@r2.6.12..r4.2.2
 */
#ifndef FERRY_SOURCE_CATALOG_UNFINISHED_BUILDS_H
#define FERRY_SOURCE_CATALOG_UNFINISHED_BUILDS_H

#include "source/catalog/catalog.h"

/* For listIndexes: asks a source that knows it to tell builds under way. */
void unfinished_builds_ask(const struct reader *reader, bson_t *command);

/* What listIndexes shows is a build under way (after unfinished_builds_ask). */
bool unfinished_builds_listed(const bson_t *listed);

/*
 * Leaves those out of collection->indexes that an older source is still building. Each comes with its entry of the oplog, if
 * it is committed. One that has that entry already stays: a new primary may still be building what was committed by the old
 * one. False if the source cannot be asked.
 */
bool unfinished_builds_leave_out(struct collection *collection, struct reader *reader, struct error *error);

#endif
