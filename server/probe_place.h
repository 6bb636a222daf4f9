/*
 * Where commands go that find nothing, and whose answer tells something all the same: a database in which the user may write.
 */
#ifndef FERRY_SERVER_PROBE_PLACE_H
#define FERRY_SERVER_PROBE_PLACE_H

#include "server/server.h"

/*
 * The database for SERVER_PROBE_COLL, asked for once a connection: SERVER_PROBE_DB, or, where the user has rights on single
 * databases only, one of these. `*allowed`: false if the user is known to have no such right anywhere; the place is SERVER_PROBE_DB
 * then, and the server's refusal will say it. False if the server does not answer.
 */
bool probe_place(struct server *server, const char **db, bool *allowed, struct error *error);

/*
 * The same, from a reply to connectionStatus with showPrivileges. `db` has PROBE_PLACE_SIZE bytes. False: nowhere. A reply that tells no
 * privileges allows everything. Pure.
 */
bool probe_place_of(const bson_t *reply, char *db);

#endif
