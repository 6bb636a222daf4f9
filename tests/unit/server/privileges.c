#include "server/privileges.h"

#include <criterion/criterion.h>

static struct privileges
told(const char *info)
{
  bson_error_t cause;
  struct privileges privileges;
  char *json = bson_strdup_printf("{\"authInfo\": {%s}, \"ok\": 1}", info);
  bson_t *reply = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert(reply, "%s", cause.message);
  privileges_read(&privileges, reply, 7);
  bson_destroy(reply);
  bson_free(json);
  return privileges;
}

/* A user who has `actions` on `resource`. */
static struct privileges
user(const char *resource, const char *actions)
{
  char *info = bson_strdup_printf(
    "\"authenticatedUsers\": [{\"user\": \"u\", \"db\": \"admin\"}], \"authenticatedUserRoles\": [{\"role\": \"r\"}], "
    "\"authenticatedUserPrivileges\": [{\"resource\": %s, \"actions\": %s}]",
    resource, actions);
  struct privileges privileges = told(info);
  bson_free(info);
  return privileges;
}

static void
assert_find(const char *resource, const char *db, const char *coll, bool expected)
{
  struct privileges privileges = user(resource, "[\"insert\", \"find\"]");
  cr_assert_eq(privileges_allow(&privileges, "find", db, coll), expected, "%s on %s.%s", resource,
               db ? db : "(cluster)", coll ? coll : "(database)");
  cr_assert_not(privileges_allow(&privileges, "remove", db, coll));
  privileges_clear(&privileges);
}

Test(privileges, any_database)
{
  const char *any = "{\"db\": \"\", \"collection\": \"\"}";
  assert_find(any, "shop", "a", true);
  assert_find(any, "shop", NULL, true);
  assert_find(any, "shop", "system.js", false);
  assert_find(any, "local", "oplog.rs", false);
  assert_find(any, "config", "transactions", false);
  assert_find(any, NULL, NULL, false);
}

/* A user of 3.0 with the role root was refused: it lacked find on local.oplog.rs, it said. */
Test(privileges, any_database_was_once_all_of_them)
{
  struct privileges privileges = user("{\"db\": \"\", \"collection\": \"\"}", "[\"find\"]");
  privileges.any_is_all = true;
  cr_assert(privileges_allow(&privileges, "find", "local", "oplog.rs"));
  cr_assert_not(privileges_allow(&privileges, "find", "local", "system.replset"));
  cr_assert_not(privileges_allow(&privileges, "find", NULL, NULL));
  privileges_clear(&privileges);
}

Test(privileges, one_database)
{
  const char *shop = "{\"db\": \"shop\", \"collection\": \"\"}";
  assert_find(shop, "shop", "a", true);
  assert_find(shop, "shop", NULL, true);
  assert_find(shop, "shop", "system.js", false);
  assert_find(shop, "shopping", "a", false);
  assert_find("{\"db\": \"local\", \"collection\": \"\"}", "local", "oplog.rs", true);
}

Test(privileges, one_collection)
{
  const char *a = "{\"db\": \"shop\", \"collection\": \"a\"}";
  assert_find(a, "shop", "a", true);
  assert_find(a, "shop", "b", false);
  assert_find(a, "crm", "a", false);
  assert_find(a, "shop", NULL, false);
  assert_find("{\"db\": \"\", \"collection\": \"system.js\"}", "shop", "system.js", true);
  assert_find("{\"db\": \"\", \"collection\": \"system.js\"}", "shop", "a", false);
}

Test(privileges, any_resource_and_cluster)
{
  const char *any = "{\"anyResource\": true}";
  assert_find(any, "local", "oplog.rs", true);
  assert_find(any, "shop", "system.js", true);
  assert_find(any, "shop", NULL, true);
  assert_find(any, NULL, NULL, true);
  assert_find("{\"cluster\": true}", NULL, NULL, true);
  assert_find("{\"cluster\": true}", "shop", "a", false);
  assert_find("{\"system_buckets\": \"a\", \"db\": \"shop\"}", "shop", "a", false);
}

Test(privileges, any_action)
{
  struct privileges privileges = user("{\"anyResource\": true}", "[\"anyAction\"]");
  cr_assert(privileges_allow(&privileges, "splitVector", "shop", "a"));
  cr_assert_str_eq(privileges.user, "u@admin");
  privileges_clear(&privileges);
}

Test(privileges, what_is_not_told_is_allowed)
{
  struct privileges privileges = told("\"authenticatedUsers\": [], \"authenticatedUserPrivileges\": []");
  cr_assert_eq(privileges.state, PRIVILEGES_NO_LOGIN);
  cr_assert(privileges_allow(&privileges, "find", "shop", "a"));
  privileges_clear(&privileges);
  privileges =
    told("\"authenticatedUsers\": [{\"user\": \"u\", \"db\": \"x\"}], \"authenticatedUserRoles\": [{\"role\": "
         "\"root\", \"db\": \"admin\"}], \"authenticatedUserPrivileges\": []");
  cr_assert_eq(privileges.state, PRIVILEGES_UNKNOWN);
  cr_assert(privileges_allow(&privileges, "find", "shop", "a"));
  privileges_clear(&privileges);
}

Test(privileges, a_user_without_roles_may_nothing)
{
  struct privileges privileges = told("\"authenticatedUsers\": [{\"user\": \"u\", \"db\": \"x\"}], "
                                      "\"authenticatedUserRoles\": [], \"authenticatedUserPrivileges\": []");
  cr_assert_eq(privileges.state, PRIVILEGES_KNOWN);
  cr_assert_not(privileges_allow(&privileges, "find", "shop", "a"));
  privileges_clear(&privileges);
}
