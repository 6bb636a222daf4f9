/*
 * What a comparison has to know of a migration, read from its bookmark file: what the target refused, and how the
 * collections are called. As the parts of an EXCUSES (ipc/message.def).
 */
#ifndef FERRY_COORDINATOR_STATE_EXCUSE_PARTS_H
#define FERRY_COORDINATOR_STATE_EXCUSE_PARTS_H

#include "coordinator/state/collection_state.h"

/* Hands all of it to `send`, part by part. False if the file cannot be read. */
bool excuse_parts_send(struct checkpoint *checkpoint, collection_state_sender send, void *context, struct error *error);

#endif
