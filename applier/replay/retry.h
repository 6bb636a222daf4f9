/*
 * Servers that are away for a while: an election, a restart, a network. They are waited for however long that takes, and each
 * outage is said once.
 */
#ifndef FERRY_APPLIER_REPLAY_RETRY_H
#define FERRY_APPLIER_REPLAY_RETRY_H

#include "applier/replay/state.h"

/*
 * After a failure: true if another attempt may not meet it. What is interrupted (server/failure.h) is tried 30 times without the
 * bookmark moving. Says what failed, unless the attempt before met the same, and sets how long
 * to leave the servers alone before the next one (applier.pause_ms).
 */
bool retry_allowed(struct applier *applier, const struct error *why);

/* The same, and waits. */
bool retry_wait(struct applier *applier, const struct error *why);

/* Both servers answer: says so if that was waited for. */
void retry_end(struct applier *applier);

#endif
