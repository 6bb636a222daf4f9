/*
 * The replay: reads and applies entry after entry, first over the moving copy, then strictly.
 */
#ifndef FERRY_APPLIER_REPLAY_FOLLOW_H
#define FERRY_APPLIER_REPLAY_FOLLOW_H

#include "applier/replay/state.h"

/*
 * From `start` on until STOP or the end of the channel, or until a DRAIN is done; then the batch in hand is finished. A lost connection or an
 * election: goes back to the bookmark, and treats what followed it as a moving copy.
 */
bool follow_with_retries(struct applier *applier, struct error *error);

/*
 * Where the source cannot read by majority, the consistency point becomes its newest entry, which has to turn up in the
 * replay: otherwise what was read until now has been rolled back, and the run ends with ERROR_OPLOG.
 */
bool follow_expect(struct applier *applier, struct error *error);

#endif
