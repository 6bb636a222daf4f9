/*
 * Whether somebody wrote to a server in a stretch of time. A server's own no-ops, and what it writes to `config`, do not
 * count.
 */
#ifndef FERRY_COORDINATOR_VERIFY_MOVES_H
#define FERRY_COORDINATOR_VERIFY_MOVES_H

#include "base/error.h"

/*
 * Looks at the entries of the oplog after `from`, up to `to` (0: up to now). 1: there is one that counts; 0: there is none;
 * -1: that cannot be told, and `error` says why (a standalone, a mongos, a privilege).
 */
int moves_any(enum error_kind side, const char *uri, uint64_t from, uint64_t to, struct error *error);

#endif
