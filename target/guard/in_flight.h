/*
 * What an earlier process or connection of this migration sent to the target, and the target still works at. A process that was
 * killed, or a connection that was cut, does not end its command on the server; carried out after those of its successor, it would
 * bring back what is gone. So a successor waits until none is left.
 *
 * They are known by the connections' application name, which the coordinator gives each migration (uri_name). A user sees its
 * own operations without any privilege, from 3.6 on ($currentOp); a server that does not tell has none. Processes of this
 * migration that are at work at this moment count as well: ask when they are not. With `ns`, only what concerns that
 * namespace counts.
 */
#ifndef FERRY_TARGET_GUARD_IN_FLIGHT_H
#define FERRY_TARGET_GUARD_IN_FLIGHT_H

#include "server/server.h"

/*
 * Waits until there is none, however long that takes, and says once in the log what for. False if `stop` (it may be NULL) said
 * so: it is called in between, and may wait as long as it is asked to.
 */
bool in_flight_wait(struct server *target, const char *ns, bool (*stop)(void *context, int wait_ms), void *context);

#endif
