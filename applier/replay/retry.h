/*
 * Servers that are away for a while: an election, a restart, a network. The applier waits for them, however long that
 * takes, and logs each outage once.
 */
#ifndef FERRY_APPLIER_REPLAY_RETRY_H
#define FERRY_APPLIER_REPLAY_RETRY_H

#include "applier/replay/state.h"

/*
 * After a failure: true if another attempt may succeed. What is interrupted (server/failure.h) is tried 30 times
 * without the bookmark moving. Logs the failure, unless the attempt before met the same one. Sets how long to leave
 * the servers alone before the next attempt (applier.pause_ms).
 */
bool retry_allowed(struct applier *applier, const struct error *why);

/* The same, and waits that long. */
bool retry_wait(struct applier *applier, const struct error *why);

/* Both servers answer. Logs that if they were waited for. */
void retry_end(struct applier *applier);

#endif
