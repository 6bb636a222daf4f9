/*
 * The replay: reads and applies entry after entry, first leniently over the moving copy, then strictly.
 */
#ifndef FERRY_APPLIER_REPLAY_FOLLOW_H
#define FERRY_APPLIER_REPLAY_FOLLOW_H

#include "applier/replay/state.h"

/*
 * Replays from `start` on, until STOP, the end of the channel, or the end of a DRAIN; then finishes the batch in hand.
 * After a lost connection or an election it goes back to the bookmark, and treats what followed as a moving copy.
 */
bool follow_with_retries(struct applier *applier, struct error *error);

/*
 * For a source that cannot read by majority: the consistency point becomes its newest entry, which has to turn up in
 * the replay. If it does not, what was read until now has been rolled back, and the run ends with ERROR_OPLOG.
 */
bool follow_expect(struct applier *applier, struct error *error);

#endif
