#include "coordinator/check/privileges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "server/server.h"

static void
read_user(struct privileges *privileges, const bson_t *info)
{
  bson_t users;
  bson_t item;
  bson_iter_t iter;
  struct error ignored;
  if (!message_document(info, "authenticatedUsers", &users, &ignored)) {
    return;
  }
  for (bson_iter_init(&iter, &users); bson_iter_next(&iter);) {
    const char *user = "";
    const char *db = "";
    size_t used = strlen(privileges->user);
    if (message_item(&iter, &item)) {
      message_text(&item, "user", &user, &ignored);
      message_text(&item, "db", &db, &ignored);
      snprintf(privileges->user + used, sizeof privileges->user - used, "%s%s@%s", used ? ", " : "", user, db);
    }
  }
}

static bool
has_elements(const bson_t *info, const char *name)
{
  bson_t list;
  struct error ignored;
  return message_document(info, name, &list, &ignored) && !bson_empty(&list);
}

void
privileges_read(struct privileges *privileges, const bson_t *reply, int wire_version)
{
  bson_t info;
  bson_t list;
  struct error ignored;
  *privileges =
    (struct privileges){.state = PRIVILEGES_NO_LOGIN, .any_is_all = wire_version < WIRE_3_4, .list = bson_new()};
  if (!message_document(reply, "authInfo", &info, &ignored)) {
    return;
  }
  read_user(privileges, &info);
  if (!privileges->user[0]) {
    return;
  }
  bool there = message_document(&info, "authenticatedUserPrivileges", &list, &ignored);
  if (there) {
    bson_concat(privileges->list, &list);
  }
  /* None in spite of roles, or no such field (2.6): the server does not tell them. Without roles the user has none. */
  bool told = !bson_empty(privileges->list) || (there && !has_elements(&info, "authenticatedUserRoles"));
  privileges->state = told ? PRIVILEGES_KNOWN : PRIVILEGES_UNKNOWN;
}

void
privileges_clear(struct privileges *privileges)
{
  bson_destroy(privileges->list);
  *privileges = (struct privileges){0};
}

static bool
is_system(const char *coll)
{
  return strncmp(coll, "system.", 7) == 0;
}

/* local and config are no normal databases: roles for "any database" do not reach them, but in old servers. */
static bool
is_any_normal(const struct privileges *privileges, const char *db, const char *coll)
{
  return !coll ||
         (!is_system(coll) && (privileges->any_is_all || (strcmp(db, "local") != 0 && strcmp(db, "config") != 0)));
}

static bool
matches(const struct privileges *privileges, const bson_t *resource, const char *db, const char *coll)
{
  const char *for_db = NULL;
  const char *for_coll = NULL;
  struct error ignored;
  if (message_flag(resource, "anyResource")) {
    return true;
  }
  if (!db) {
    return message_flag(resource, "cluster");
  }
  if (!message_text(resource, "db", &for_db, &ignored) || !message_text(resource, "collection", &for_coll, &ignored)) {
    return false;
  }
  bool any_db = !*for_db;
  if (!*for_coll) {
    return any_db ? is_any_normal(privileges, db, coll) : strcmp(for_db, db) == 0 && (!coll || !is_system(coll));
  }
  return coll && strcmp(for_coll, coll) == 0 && (any_db || strcmp(for_db, db) == 0);
}

static bool
has_action(const bson_t *privilege, const char *action)
{
  bson_t actions;
  bson_iter_t iter;
  struct error ignored;
  if (!message_document(privilege, "actions", &actions, &ignored)) {
    return false;
  }
  for (bson_iter_init(&iter, &actions); bson_iter_next(&iter);) {
    const char *name = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";
    if (strcmp(name, action) == 0 || strcmp(name, "anyAction") == 0) {
      return true;
    }
  }
  return false;
}

bool
privileges_allow(const struct privileges *privileges, const char *action, const char *db, const char *coll)
{
  bson_iter_t iter;
  if (privileges->state != PRIVILEGES_KNOWN) {
    return true;
  }
  for (bson_iter_init(&iter, privileges->list); bson_iter_next(&iter);) {
    bson_t privilege;
    bson_t resource;
    struct error ignored;
    if (message_item(&iter, &privilege) && message_document(&privilege, "resource", &resource, &ignored) &&
        matches(privileges, &resource, db, coll) && has_action(&privilege, action)) {
      return true;
    }
  }
  return false;
}
