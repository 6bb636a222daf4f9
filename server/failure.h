/*
 * Which failures of a server pass, and which of these are of one operation alone.
 *
 * An operation that was interrupted (killOp, a conflict, a limit of time) fails though its server is well: it is tried again at
 * once, and counts as failed only after TRIES_MOST attempts without progress. What fails with a server that is away
 * (server_error_passes, in server.h) is waited for.
 */
#ifndef FERRY_SERVER_FAILURE_H
#define FERRY_SERVER_FAILURE_H

#include "server/server.h"

bool failure_is_among(int64_t code, const int64_t *codes, size_t count);

/* The server's error code says that this operation was interrupted. Such failures pass. */
bool failure_interrupts(int64_t code);
bool failure_interrupted(const struct error *error);

/*
 * What the reply says at `where` of a write concern that was not met: the text, and the code of the interruption that ended the
 * waiting, or else the one of all such errors. Lives in `reply`.
 */
void failure_read_concern(const bson_t *reply, const char *where, const char **text, int64_t *code);

/*
 * The reply to a bulk says that a write concern was not met: sets the error, which passes. The writes may be lost in an election.
 */
bool failure_unconfirmed(const bson_t *reply, struct error *error);

/*
 * After a failure: true, behind a pause that grows, if it was an interruption and is to be tried once more. `*tries` is 0 at first;
 * who makes progress sets it back.
 */
bool failure_try_again(const struct error *error, int *tries);

#endif
