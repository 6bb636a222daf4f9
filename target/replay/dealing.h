/*
 * Which of several connections a write goes over. The same document always goes over the same one, whatever bytes its
 * `_id` has (1 and 1.0). Pure.
 */
#ifndef FERRY_TARGET_REPLAY_DEALING_H
#define FERRY_TARGET_REPLAY_DEALING_H

#include <stdint.h>

/* 0 to count - 1. `hash`: batch_hash of the document's selector; 0: the namespace goes as a whole. */
int dealing_place(const char *db, const char *coll, uint64_t hash, int count);

#endif
