/*
 * Finds a database in which the user may write, for commands that find nothing there, but whose answer tells
 * something.
 */
#ifndef FERRY_SERVER_PROBE_PLACE_H
#define FERRY_SERVER_PROBE_PLACE_H

#include "server/server.h"

/*
 * The database for SERVER_PROBE_COLL, asked for once for each connection. It is SERVER_PROBE_DB, or, if the user has
 * rights on single databases only, one of these. `*allowed`: false if the user is known to have no such right
 * anywhere. The database is SERVER_PROBE_DB then, and the server will refuse the command. False if the server does not
 * answer.
 */
bool probe_place(struct server *server, const char **db, bool *allowed, struct error *error);

/*
 * The same, from a reply to connectionStatus with showPrivileges. `db` has PROBE_PLACE_SIZE bytes. False: there is no
 * such database. A reply without privileges allows everything. Pure.
 */
bool probe_place_of(const bson_t *reply, char *db);

#endif
