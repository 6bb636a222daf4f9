/*
 * Which failures of a server pass, and which of these concern one operation alone.
 *
 * An interrupted operation (killOp, a conflict, a limit of time) fails although its server is well. It is tried again
 * at once, and counts as failed only after TRIES_MOST attempts without progress. If the server is away
 * (server_error_passes, in server.h), the caller waits for it.
 */
#ifndef FERRY_SERVER_FAILURE_H
#define FERRY_SERVER_FAILURE_H

#include "server/server.h"

bool failure_is_among(int64_t code, const int64_t *codes, size_t count);

/* Whether the server's error code says that this operation was interrupted. Such failures pass. */
bool failure_interrupts(int64_t code);
/* That, or a server that is away, or no primary, or not ready. */
bool failure_passes(int64_t code);
bool failure_interrupted(const struct error *error);

/*
 * What the reply says at `where` of a write concern that was not met: its text, and the code of the interruption that
 * ended the waiting. Without an interruption, the code that stands for all such errors. The text lives in `reply`.
 */
void failure_read_concern(const bson_t *reply, const char *where, const char **text, int64_t *code);

/*
 * True if the reply to a bulk says that a write concern was not met. Sets the error, which passes: the writes may be
 * lost in an election.
 */
bool failure_unconfirmed(const bson_t *reply, struct error *error);

/*
 * After a failure: true, after a pause that grows, if it was an interruption and is to be tried again. `*tries` begins
 * at 0; whoever makes progress sets it back to 0.
 */
bool failure_try_again(const struct error *error, int *tries);

#endif
