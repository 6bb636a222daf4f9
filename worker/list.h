/*
 * The task LIST: what is compared with what, for a verification beside a migration. Each collection of the source that
 * is selected goes to the coordinator with its pair on the target, and the points that split it.
 */
#ifndef FERRY_WORKER_LIST_H
#define FERRY_WORKER_LIST_H

#include "worker/cutover/compare.h"

/* Sends LISTED over the channel. `message`: {task, only?}. */
bool list_pairs(const struct compare_sides *sides, const bson_t *message, struct error *error);

#endif
