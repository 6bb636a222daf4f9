/*
 * What the coordinator asks for while the replay goes on: PAUSE, HURRY, REPAIR, DRAIN and STOP.
 */
#ifndef FERRY_APPLIER_REPLAY_STOP_REQUEST_H
#define FERRY_APPLIER_REPLAY_STOP_REQUEST_H

#include "applier/replay/state.h"

/* Notes a message that came. */
void stop_request_note(struct applier *applier, enum message_type type, const bson_t *message);

/*
 * Notes messages that are there, or come within `wait_ms`. True: STOP came, or the coordinator is gone. `context` is
 * the applier.
 */
bool stop_requested(void *context, int wait_ms);

/* True if DRAIN came, and the source's newest entry after that is known: `applier->goal`. */
bool drain_goal_known(struct applier *applier);

#endif
