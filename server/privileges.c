#include "server/privileges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

/* The document or array in a field. */
static bool
get_document(const bson_t *document, const char *name, bson_t *value)
{
  bson_iter_t iter;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    bson_iter_document(&iter, &size, &bytes);
  } else if (bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_ARRAY(&iter)) {
    bson_iter_array(&iter, &size, &bytes);
  }
  return bytes && bson_init_static(value, bytes, size);
}

static bool
get_item(const bson_iter_t *iter, bson_t *item)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (BSON_ITER_HOLDS_DOCUMENT(iter)) {
    bson_iter_document(iter, &size, &bytes);
  }
  return bytes && bson_init_static(item, bytes, size);
}

static const char *
get_text(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : NULL;
}

static bool
get_flag(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, name) && bson_iter_as_bool(&iter);
}

static void
read_user(struct privileges *privileges, const bson_t *info)
{
  bson_t users;
  bson_t item;
  bson_iter_t iter;
  if (!get_document(info, "authenticatedUsers", &users)) {
    return;
  }
  for (bson_iter_init(&iter, &users); bson_iter_next(&iter);) {
    size_t used = strlen(privileges->user);
    if (get_item(&iter, &item)) {
      const char *user = get_text(&item, "user");
      const char *db = get_text(&item, "db");
      snprintf(privileges->user + used, sizeof privileges->user - used, "%s%s@%s", used ? ", " : "", user ? user : "",
               db ? db : "");
    }
  }
}

static bool
has_elements(const bson_t *info, const char *name)
{
  bson_t list;
  return get_document(info, name, &list) && !bson_empty(&list);
}

void
privileges_read(struct privileges *privileges, const bson_t *reply, int wire_version)
{
  bson_t info;
  bson_t list;
  *privileges =
    (struct privileges){.state = PRIVILEGES_NO_LOGIN, .any_is_all = wire_version < WIRE_3_4, .list = bson_new()};
  if (!get_document(reply, "authInfo", &info)) {
    return;
  }
  read_user(privileges, &info);
  if (!privileges->user[0]) {
    return;
  }
  bool there = get_document(&info, "authenticatedUserPrivileges", &list);
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
  const char *for_db = get_text(resource, "db");
  const char *for_coll = get_text(resource, "collection");
  if (get_flag(resource, "anyResource")) {
    return true;
  }
  if (!db) {
    return get_flag(resource, "cluster");
  }
  if (!for_db || !for_coll) {
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
  if (!get_document(privilege, "actions", &actions)) {
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
    if (get_item(&iter, &privilege) && get_document(&privilege, "resource", &resource) &&
        matches(privileges, &resource, db, coll) && has_action(&privilege, action)) {
      return true;
    }
  }
  return false;
}
