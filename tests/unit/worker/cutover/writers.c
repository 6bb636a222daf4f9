#include "worker/cutover/writers.h"

#include <criterion/criterion.h>

static bson_t *
parse(const char *json)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert(document, "%s: %s", json, cause.message);
  return document;
}

/* "op db.coll app client; " of each. */
static void
assert_writers(const struct writers *writers, const char *expected)
{
  char all[1000] = "";
  for (size_t i = 0; i < writers->count; i++) {
    const struct writer *writer = &writers->items[i];
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s %s.%s%s%s%s%s", *all ? "; " : "", writer->op,
             writer->db, writer->coll, *writer->app ? " " : "", writer->app, *writer->client ? " " : "",
             writer->client);
  }
  cr_assert_str_eq(all, expected);
}

static void
assert_operation(const char *json, const char *expected)
{
  struct writers writers = {.own = "mongoferry-0011"};
  bson_t *operation = parse(json);
  writers_note_operation(&writers, operation);
  writers_note_operation(&writers, operation); /* seen twice, told once */
  assert_writers(&writers, expected);
  writers_clear(&writers);
  bson_destroy(operation);
}

static void
assert_entry(const char *json, const char *expected)
{
  struct writers writers = {.count = 0};
  bson_t *entry = parse(json);
  writers_note_entry(&writers, entry);
  assert_writers(&writers, expected);
  writers_clear(&writers);
  bson_destroy(entry);
}

Test(writers, an_operation_of_each_version)
{
  assert_operation("{\"op\": \"update\", \"ns\": \"d.c\", \"query\": {\"_id\": 1}, \"client\": \"h:1\"}",
                   "update d.c h:1");
  assert_operation("{\"op\": \"remove\", \"ns\": \"d.c.e\", \"command\": {\"q\": {}}, \"appName\": \"shop\", "
                   "\"client\": \"h:1\"}",
                   "delete d.c.e shop h:1");
  assert_operation(
    "{\"op\": \"query\", \"ns\": \"d.$cmd\", \"query\": {\"findandmodify\": \"c\"}, \"client\": \"h:1\"}",
    "findandmodify d.c h:1");
  assert_operation(
    "{\"op\": \"command\", \"ns\": \"d.c\", \"command\": {\"findAndModify\": \"c\"}, \"appName\": \"shop\"}",
    "findAndModify d.c shop");
  assert_operation("{\"op\": \"remove\", \"ns\": \"d.c\", \"desc\": \"TTLMonitor\"}", "delete d.c TTLMonitor");
  assert_operation("{\"op\": \"command\", \"ns\": \"d.$cmd\", \"command\": {\"dropDatabase\": 1}}", "dropDatabase d.");
}

Test(writers, what_does_not_write_is_left_out)
{
  assert_operation("{\"op\": \"query\", \"ns\": \"d.c\", \"query\": {\"find\": \"c\"}}", "");
  assert_operation("{\"op\": \"getmore\", \"ns\": \"local.oplog.rs\"}", "");
  assert_operation(
    "{\"op\": \"command\", \"ns\": \"d.c\", \"command\": {\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}]}}",
    "");
  assert_operation(
    "{\"op\": \"command\", \"ns\": \"d.c\", \"command\": {\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}, "
    "{\"$out\": \"x\"}]}}",
    "aggregate d.c");
  assert_operation("{\"op\": \"update\", \"ns\": \"d.c\", \"appName\": \"mongoferry-0011\"}", "");
  assert_operation("{\"op\": \"update\", \"ns\": \"d.c\", \"appName\": \"mongoferry-0022\"}",
                   "update d.c mongoferry-0022"); /* of a migration that has this source as its target */
  assert_operation("{\"op\": \"update\", \"ns\": \"config.system.sessions\"}", "");
  assert_operation("{\"op\": \"none\", \"ns\": \"\"}", "");
  assert_operation("{}", "");
  assert_operation("{\"op\": 1, \"ns\": 2, \"command\": 3}", "");
}

Test(writers, entries_of_the_oplog)
{
  assert_entry("{\"op\": \"i\", \"ns\": \"d.c\"}", "insert d.c");
  assert_entry("{\"op\": \"n\", \"ns\": \"\"}", "");
  assert_entry("{\"op\": \"i\", \"ns\": \"admin.system.users\"}", "");
  assert_entry("{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"create\": \"c\"}}", "create d.c");
  assert_entry("{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"dropDatabase\": 1}}", "dropDatabase d.");
  assert_entry("{\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"renameCollection\": \"d.a\", \"to\": \"d.b\"}}",
               "renameCollection d.a");
  assert_entry(
    "{\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"applyOps\": [{\"op\": \"u\", \"ns\": \"d.a\"}, {\"op\": \"d\", "
    "\"ns\": \"d.b\"}, 7]}}",
    "update d.a; delete d.b");
  assert_entry("{\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"commitTransaction\": 1}}", "");
}
