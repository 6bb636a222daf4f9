/*
 * Builds indexes on the target: those of a collection that is copied, or those of a small one before its copy.
 */
#ifndef FERRY_WORKER_INDEX_H
#define FERRY_WORKER_INDEX_H

#include <bson/bson.h>

#include "ipc/channel.h"
#include "server/server.h"

struct index_build {
  struct server *target;
  const char *target_uri;
  struct channel *channel; /* for REFUSED */
  const char *db;
  const char *coll;
  bson_t indexes; /* not owned: a part of the message */
};

/* The fields of INDEX, which a COPY may have as well. False if they are not there. */
bool index_build_get(struct index_build *build, const bson_t *message, struct error *error);

/*
 * Builds them. An index that the target refuses is reported, and no error. `tell`: how far the build is; called by
 * another thread.
 */
bool index_build_run(struct index_build *build, void (*tell)(void *context, int64_t built, int64_t total),
                     void *context, struct error *error);

/*
 * Builds them while the collection is empty. From 4.4 on the target makes those in one step, for much less
 * (S:src/mongo/db/index_builds_coordinator.cpp@v4.4: shouldBuildIndexesOnEmptyCollectionSinglePhased). 1: they are there;
 * 0: the target refuses one, so there is none; -1 on error.
 */
int index_build_first(struct index_build *build, struct error *error);

/* Takes them away again: one of them refuses a document. */
bool index_build_undo(struct index_build *build, struct error *error);

#endif
