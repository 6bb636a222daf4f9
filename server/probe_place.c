#include "server/probe_place.h"

#include <stdio.h>
#include <string.h>

static const char *
text_of(const bson_iter_t *document, const char *name)
{
  bson_iter_t field;
  bool there = BSON_ITER_HOLDS_DOCUMENT(document) && bson_iter_recurse(document, &field) &&
               bson_iter_find(&field, name) && BSON_ITER_HOLDS_UTF8(&field);
  return there ? bson_iter_utf8(&field, NULL) : NULL;
}

static bool
has_flag(const bson_iter_t *document, const char *name)
{
  bson_iter_t field;
  return BSON_ITER_HOLDS_DOCUMENT(document) && bson_iter_recurse(document, &field) && bson_iter_find(&field, name) &&
         bson_iter_as_bool(&field);
}

/* Both a delete and an update. */
static bool
may_write(const bson_iter_t *actions)
{
  bool removes = false;
  bool updates = false;
  bson_iter_t action;
  if (!BSON_ITER_HOLDS_ARRAY(actions) || !bson_iter_recurse(actions, &action)) {
    return false;
  }
  while (bson_iter_next(&action)) {
    const char *name = BSON_ITER_HOLDS_UTF8(&action) ? bson_iter_utf8(&action, NULL) : "";
    bool any = strcmp(name, "anyAction") == 0;
    removes = removes || any || strcmp(name, "remove") == 0;
    updates = updates || any || strcmp(name, "update") == 0;
  }
  return removes && updates;
}

/* The databases that a server keeps for itself are no places to write to. */
static bool
is_place(const char *db)
{
  return strcmp(db, "admin") != 0 && strcmp(db, "local") != 0 && strcmp(db, "config") != 0 &&
         strlen(db) < PROBE_PLACE_SIZE;
}

/* 2: on the usual place; 1: on `*db`; 0. */
static int
allows(const bson_iter_t *privilege, const char **db)
{
  bson_iter_t field;
  bson_iter_t resource;
  bool found = false;
  bool writes = false;
  if (!BSON_ITER_HOLDS_DOCUMENT(privilege) || !bson_iter_recurse(privilege, &field)) {
    return 0;
  }
  while (bson_iter_next(&field)) {
    if (strcmp(bson_iter_key(&field), "resource") == 0) {
      resource = field;
      found = true;
    } else if (strcmp(bson_iter_key(&field), "actions") == 0) {
      writes = may_write(&field);
    }
  }
  if (!found || !writes) {
    return 0;
  }
  const char *coll = text_of(&resource, "collection");
  *db = text_of(&resource, "db");
  if (has_flag(&resource, "anyResource")) {
    return 2;
  }
  if (!*db || !coll || (*coll && strcmp(coll, SERVER_PROBE_COLL) != 0)) {
    return 0;
  }
  return !**db || strcmp(*db, SERVER_PROBE_DB) == 0 ? 2 : is_place(*db);
}

bool
probe_place_of(const bson_t *reply, char *db)
{
  bson_iter_t iter;
  bson_iter_t list;
  bson_iter_t privilege;
  bool any = false;
  int best = 0;
  snprintf(db, PROBE_PLACE_SIZE, "%s", SERVER_PROBE_DB);
  if (!bson_iter_init(&iter, reply) ||
      !bson_iter_find_descendant(&iter, "authInfo.authenticatedUserPrivileges", &list) ||
      !BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &privilege)) {
    return true;
  }
  while (best < 2 && bson_iter_next(&privilege)) {
    const char *here = NULL;
    int got = allows(&privilege, &here);
    if (got > best) {
      snprintf(db, PROBE_PLACE_SIZE, "%s", got == 2 ? SERVER_PROBE_DB : here);
      best = got;
    }
    any = true;
  }
  return best > 0 || !any;
}

bool
probe_place(struct server *server, const char **db, bool *allowed, struct error *error)
{
  *db = server->probe_db;
  if (server->probe_db[0]) {
    *allowed = !server->probe_refused;
    return true;
  }
  bson_t reply;
  bson_t *command = BCON_NEW("connectionStatus", BCON_INT32(1), "showPrivileges", BCON_BOOL(true));
  bool ok = server_command(server, "admin", command, &reply, error);
  bool answered = ok || !server_error_passes(error); /* that it does not tell is an answer */
  if (answered) {
    server->probe_refused = !probe_place_of(&reply, server->probe_db);
    *allowed = !server->probe_refused;
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return answered;
}
