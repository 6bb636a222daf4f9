/*
 * What a user may do, from a server's answer to {connectionStatus: 1, showPrivileges: true}. Pure.
 *
 * A resource matches as the server itself matches it, from 3.4 on
 * (S:src/mongo/db/auth/authorization_session_impl.cpp@r4.2.2). {db: "", collection: ""} is every collection except
 * system.* ones and those of local and config. {db: "x", collection: ""} is every one of x except system.*. {db: "",
 * collection: "c"} is c in each database.
 *
 * Up to 3.0, and in early versions of 3.2, {db: "", collection: ""} includes local and config
 * (S:src/mongo/db/auth/authorization_session.cpp@r3.0.15; not any more @r3.2.22). For 3.2 it is taken to include them,
 * and the server itself answers.
 */
#ifndef FERRY_SERVER_PRIVILEGES_H
#define FERRY_SERVER_PRIVILEGES_H

#include <bson/bson.h>

enum privileges_state {
  PRIVILEGES_NO_LOGIN, /* nobody logged in: either the server has no authentication, or it will refuse every command */
  PRIVILEGES_UNKNOWN,  /* somebody logged in, and the server does not tell privileges (2.6; SecantusDB 0.7) */
  PRIVILEGES_KNOWN
};

struct privileges {
  enum privileges_state state;
  bool any_is_all; /* "any database" includes local and config */
  char user[300];  /* "name@db"; "" if nobody logged in */
  bson_t *list;    /* the array of privileges; empty unless they are known */
};

void privileges_read(struct privileges *privileges, const bson_t *reply, int wire_version);
void privileges_clear(struct privileges *privileges);

/*
 * Whether the action is allowed on a collection. `coll` NULL: on the database as such. `db` NULL, too: on the cluster.
 * If the privileges are not known, everything is allowed.
 */
bool privileges_allow(const struct privileges *privileges, const char *action, const char *db, const char *coll);

#endif
