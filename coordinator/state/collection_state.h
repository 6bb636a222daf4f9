/*
 * The state of the collections in the bookmark file, item by item. "places" is the collection map: which collection of
 * the source each name on the target is. "sleeping" has the deferred indexes. The applier gets all of it before the
 * hand-off, and reports what changes; see MESSAGE_COLLECTIONS and MESSAGE_CHANGED.
 */
#ifndef FERRY_COORDINATOR_STATE_COLLECTION_STATE_H
#define FERRY_COORDINATOR_STATE_COLLECTION_STATE_H

#include "coordinator/run/plan.h"
#include "coordinator/run/pool.h"
#include "coordinator/state/checkpoint.h"

/* Writes one collection's item of the list. An item that has only a name is removed. */
bool collection_state_put(struct checkpoint *checkpoint, const char *list, const bson_t *item, struct error *error);

/* Writes the collection map as the copy made it. */
bool collection_state_put_plan(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);

/* Takes a CHANGED. It is in the file after the checkpoint_commit for the APPLIED that follows. */
bool collection_state_take(struct checkpoint *checkpoint, const bson_t *message, struct error *error);

/* Sends all of it to the applier. */
bool collection_state_send(struct checkpoint *checkpoint, struct pool *pool, struct error *error);

#endif
