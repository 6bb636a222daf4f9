/*
 * The state of the collections in the bookmark file, item by item. "places" is the collection map: which collection of
 * the source each name on the target is. "sleeping" has the deferred indexes. The applier gets all of it before the
 * hand-off, and reports what changes; see MESSAGE_COLLECTIONS and MESSAGE_CHANGED.
 */
#ifndef FERRY_COORDINATOR_STATE_COLLECTION_STATE_H
#define FERRY_COORDINATOR_STATE_COLLECTION_STATE_H

#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"
#include "ipc/message.h"

/* Writes one collection's item of the list. An item that has only a name is removed. */
bool collection_state_put(struct checkpoint *checkpoint, const char *list, const bson_t *item, struct error *error);

/* Writes the collection map as the copy made it. */
bool collection_state_put_plan(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);

/* Adds a deferred index, or a collection's own expiry, to an empty list or behind its `index` items. */
void collection_state_add_deferred(bson_t *list, uint32_t index, const bson_t *spec, bool unbuilt, int64_t ttl_s);

/* Writes one collection's deferred indexes. `bytes`: the collection's size when it was listed, 0 if not known. */
bool collection_state_put_deferred(struct checkpoint *checkpoint, const char *db, const char *coll, const bson_t *list,
                                   int64_t bytes, struct error *error);

/*
 * Takes a REFUSED that has a specification: the target refused to build this index over a moving copy. It is deferred,
 * so it is built at the consistency point, unless the source has dropped it by then.
 */
bool collection_state_defer(struct checkpoint *checkpoint, const bson_t *refused, struct error *error);

/* Takes a CHANGED. It is in the file after the checkpoint_commit for the APPLIED that follows. */
bool collection_state_take(struct checkpoint *checkpoint, const bson_t *message, struct error *error);

/* Hands all of it to `send`, as the parts of a COLLECTIONS. */
typedef void (*collection_state_sender)(void *context, const bson_t *part);
bool collection_state_send(struct checkpoint *checkpoint, collection_state_sender send, void *context,
                           struct error *error);

#endif
