/*
 * What was moved of each collection, for the cut-over's report: the bookmark file's list "traffic", whose items are
 * {db, coll, documents, bytes, entries}. `documents` and `bytes` were copied; `entries` is how many writes of the oplog
 * were replayed since. After a crash some of these count twice, as they are replayed twice.
 */
#ifndef FERRY_COORDINATOR_STATE_TRAFFIC_H
#define FERRY_COORDINATOR_STATE_TRAFFIC_H

#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"

/* Everything is copied: writes what. Within the caller's transaction. */
bool traffic_put_plan(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);

/* Takes the `traffic` of a CHANGED, within the transaction that collection_state_take began. */
bool traffic_take(struct checkpoint *checkpoint, const bson_t *message, struct error *error);

/* 1: `item` is the caller's to destroy; 0: nothing is known of this collection; -1 on error. */
int traffic_get(struct checkpoint *checkpoint, const char *db, const char *coll, bson_t *item, struct error *error);

#endif
