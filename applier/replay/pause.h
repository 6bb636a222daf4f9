/*
 * The pause of a replay: nothing is applied, and nothing is read from the source's oplog. The heartbeat goes on.
 */
#ifndef FERRY_APPLIER_REPLAY_PAUSE_H
#define FERRY_APPLIER_REPLAY_PAUSE_H

#include "applier/replay/state.h"

/*
 * For when all that was taken is settled. Closes the feed, so that the source need not keep a cursor for it; one that
 * still fills the spool goes on. Waits until the pause ends, or STOP comes, or a DRAIN whose goal is known. Looks each
 * second whether it is still the same target. False with the error if it is not, or if the spool cannot go on.
 *
 * With the feed closed, `applier->feed` is NULL.
 */
bool pause_wait(struct applier *applier, struct error *error);

#endif
