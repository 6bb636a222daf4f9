/*
 * What a user may do, from a server's answer to {connectionStatus: 1, showPrivileges: true}. Pure.
 *
 * A resource matches as the server itself matches it, from 3.4 on (S:src/mongo/db/auth/authorization_session_impl.cpp@r4.2.2):
 * {db: "", collection: ""} is every collection but system.* ones and those of local and config, {db: "x", collection: ""}
 * every one of x but system.*, {db: "", collection: "c"} c in each database. Up to 3.0, and in 3.2 up to some later one,
 * {db: "", collection: ""} reaches local and config as well (S:src/mongo/db/auth/authorization_session.cpp@r3.0.15, and
 * @r3.2.22, which does not): of 3.2 it is taken to, and the server itself answers.
 */
#ifndef FERRY_COORDINATOR_CHECK_PRIVILEGES_H
#define FERRY_COORDINATOR_CHECK_PRIVILEGES_H

#include <bson/bson.h>

enum privileges_state {
  PRIVILEGES_NO_LOGIN, /* nobody logged in: a server without authentication, or every command will be refused */
  PRIVILEGES_UNKNOWN,  /* somebody did, and the server does not tell privileges (2.6; SecantusDB 0.7) */
  PRIVILEGES_KNOWN
};

struct privileges {
  enum privileges_state state;
  bool any_is_all; /* "any database" means local and config, too */
  char user[300];  /* "name@db"; "" if nobody logged in */
  bson_t *list;    /* the array of privileges; empty unless known */
};

void privileges_read(struct privileges *privileges, const bson_t *reply, int wire_version);
void privileges_clear(struct privileges *privileges);

/*
 * On a collection; with `coll` NULL on the database as such; with `db` NULL, too, on the cluster. Where the privileges are
 * not known, everything is allowed.
 */
bool privileges_allow(const struct privileges *privileges, const char *action, const char *db, const char *coll);

#endif
