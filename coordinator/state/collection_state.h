/*
 * What is known of the target's collections, kept in the bookmark file one by one: "places", which collection of the source
 * each name is, and "sleeping", the indexes that are held back. The applier is told of all of them before the hand-off,
 * and tells what changes; see MESSAGE_COLLECTIONS and MESSAGE_CHANGED.
 */
#ifndef FERRY_COORDINATOR_STATE_COLLECTION_STATE_H
#define FERRY_COORDINATOR_STATE_COLLECTION_STATE_H

#include "coordinator/run/plan.h"
#include "coordinator/run/pool.h"
#include "coordinator/state/checkpoint.h"

/* One collection's item of the list. One that has a name only is removed. */
bool collection_state_put(struct checkpoint *checkpoint, const char *list, const bson_t *item, struct error *error);

/* The places as the copy made them. */
bool collection_state_put_plan(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);

/* A CHANGED: kept as soon as checkpoint_commit is called, which is for the APPLIED behind it. */
bool collection_state_take(struct checkpoint *checkpoint, const bson_t *message, struct error *error);

/* All of it, to the applier. */
bool collection_state_send(struct checkpoint *checkpoint, struct pool *pool, struct error *error);

#endif
