/*
 * What an earlier process or connection of this migration sent to the target, and the target still works at. A process that was
 * killed, or a connection that was cut, does not end its command on the server; carried out after those of its successor, it would
 * bring back what is gone. So a successor waits until none is left.
 *
 * They are known by the connections' application name, which the coordinator gives each migration (uri_name).
 */
#ifndef FERRY_TARGET_LEFTOVER_H
#define FERRY_TARGET_LEFTOVER_H

#include "server/server.h"

/*
 * True with what one of them does in `text` ("insert on d.c"), false if there is none. With `ns`, only of that namespace. A user
 * sees its own operations without any privilege, from 3.6 on ($currentOp); a server that does not tell has none. Processes of
 * this migration that are at work at this moment count as well: ask when they are not.
 */
bool leftover_find(struct server *target, const char *ns, char *text, size_t size);

/* Waits, however long that takes, and says once in the log what for. */
void leftover_wait(struct server *target, const char *ns);

#endif
