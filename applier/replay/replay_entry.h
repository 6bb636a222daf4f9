/*
 * Takes one oplog entry: a write goes into the batch, a command to the target, a part of a transaction to its other
 * parts.
 */
#ifndef FERRY_APPLIER_REPLAY_REPLAY_ENTRY_H
#define FERRY_APPLIER_REPLAY_REPLAY_ENTRY_H

#include "applier/replay/state.h"

/* `ts` is the entry's own. */
bool replay_entry(struct applier *applier, const bson_t *document, uint64_t ts, struct error *error);

#endif
