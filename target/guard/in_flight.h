/*
 * Operations in flight: what an earlier process or connection of this migration sent, and the target still works at.
 * Killing a process or cutting a connection does not end its command on the server. Carried out after the successor's
 * commands, it would bring back what is gone. So a successor waits until none is left.
 *
 * The connections' application name tells whose they are; each migration has its own (uri_name). A user sees its own
 * operations without any privilege, from 3.6 on ($currentOp). A server that does not tell counts as having none.
 * Processes of this migration that are at work now count as well, so ask when there are none. With `ns`, only that
 * namespace's operations count.
 */
#ifndef FERRY_TARGET_GUARD_IN_FLIGHT_H
#define FERRY_TARGET_GUARD_IN_FLIGHT_H

#include "server/server.h"

/*
 * Waits until there is none, however long that takes. Logs once what it waits for. `stop` (may be NULL) is called in
 * between, and may wait for `wait_ms`. False if `stop` returned true.
 */
bool in_flight_wait(struct server *target, const char *ns, bool (*stop)(void *context, int wait_ms), void *context);

#endif
