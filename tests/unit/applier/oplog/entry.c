#include <criterion/criterion.h>

#include "applier/oplog/entry.h"

static struct entry
read_json(const char *json)
{
  struct entry entry;
  struct error error;
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause); /* the entry points into it: not freed */
  cr_assert_not_null(document, "%s", cause.message);
  cr_assert(entry_read(&entry, document, optime_of(document).ts, &error), "%s", error.text);
  return entry;
}

#define TS "\"ts\": {\"$timestamp\": {\"t\": 7, \"i\": 3}}, "

Test(entry, writes)
{
  struct entry entry = read_json("{" TS "\"op\": \"i\", \"ns\": \"d.a.b\", \"o\": {\"x\": 1, \"_id\": 5}}");
  cr_assert_eq(entry.kind, ENTRY_WRITE);
  cr_assert_eq(entry.write, APPLY_INSERT);
  cr_assert_str_eq(entry.db, "d");
  cr_assert_str_eq(entry.coll, "a.b");
  cr_assert_eq(entry.ts, (7ull << 32) + 3);
  entry = read_json("{" TS "\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": 5}, \"o\": {\"_id\": 5, \"x\": 1}}");
  cr_assert_eq(entry.write, APPLY_REPLACE);
  entry =
    read_json("{" TS "\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": 5}, \"o\": {\"$v\": 1, \"$set\": {\"x\": 1}}}");
  cr_assert_eq(entry.write, APPLY_MODIFY);
  entry = read_json("{" TS "\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": 5}, \"o\": {\"$set\": {\"x\": 1}}}");
  cr_assert_eq(entry.write, APPLY_MODIFY);
  entry = read_json(
    "{" TS "\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": 5}, \"o\": {\"$v\": 2, \"diff\": {\"u\": {\"x\": 1}}}}");
  cr_assert_eq(entry.kind, ENTRY_WRITE);
  cr_assert_eq(entry.write, APPLY_DELTA);
  entry = read_json("{" TS "\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": 5}, \"o\": {\"$v\": 2, \"diff\": "
                    "{\"updatedFields\": {\"x\": 1}, "
                    "\"removedFields\": [], \"truncatedArrays\": []}}}");
  cr_assert_eq(entry.kind, ENTRY_DIFF);
  entry = read_json("{" TS "\"op\": \"d\", \"ns\": \"d.c\", \"o\": {\"_id\": 5}}");
  cr_assert_eq(entry.write, APPLY_DELETE);
}

Test(entry, commands_and_what_is_passed_over)
{
  struct entry entry = read_json("{" TS "\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"drop\": \"c\"}}");
  cr_assert_eq(entry.kind, ENTRY_COMMAND);
  cr_assert_str_eq(entry.command, "drop");
  cr_assert_str_eq(entry.coll, "c");
  entry = read_json("{" TS "\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"applyOps\": []}}");
  cr_assert_eq(entry.kind, ENTRY_GROUP);
  entry = read_json("{" TS "\"op\": \"n\", \"ns\": \"\", \"o\": {\"msg\": \"periodic noop\"}}");
  cr_assert_eq(entry.kind, ENTRY_NOTHING);
  entry = read_json("{" TS "\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"startIndexBuild\": \"c\"}}");
  cr_assert_eq(entry.kind, ENTRY_NOTHING);
}

Test(entry, an_unknown_kind_stops)
{
  struct entry entry;
  struct error error;
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(1, 1), "op", "zz", "ns", "d.c", "o", "{", "}");
  cr_assert_not(entry_read(&entry, document, optime_of(document).ts, &error));
  cr_assert_eq(error.kind, ERROR_DIVERGED);
  cr_assert_not_null(strstr(error.text, "zz"));
  entry_clear(&entry);
  bson_destroy(document);
}

Test(entry, what_later_servers_write_for_themselves_is_passed_over)
{
  static const char *const commands[] = {"dbCheck",
                                         "setMultikeyMetadata",
                                         "dropIdent",
                                         "createDatabaseMetadata",
                                         "dropDatabaseMetadata",
                                         "modifyCollectionShardingIndexCatalog",
                                         "createGlobalIndex",
                                         "dropGlobalIndex"};
  static const char *const kinds[] = {"n", "db", "xi", "xd", "ci", "cu", "cd", "km"};
  char json[300];
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    snprintf(json, sizeof json, "{" TS "\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"%s\": \"d.c\"}}", commands[i]);
    struct entry entry = read_json(json);
    cr_assert_eq(entry.kind, ENTRY_NOTHING, "%s", commands[i]);
    entry_clear(&entry);
  }
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    snprintf(json, sizeof json, "{" TS "\"op\": \"%s\", \"ns\": \"d.c\", \"container\": \"x\", \"o\": {\"k\": 1}}",
             kinds[i]);
    struct entry entry = read_json(json);
    cr_assert_eq(entry.kind, ENTRY_NOTHING, "%s", kinds[i]);
    entry_clear(&entry);
  }
}

/* As `op` on that namespace, or a command that names that collection. */
static bool
reads(const char *op, const char *ns, const char *coll)
{
  struct entry entry;
  struct error error;
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(7, 1), "op", BCON_UTF8(op), "ns", BCON_UTF8(ns), "o", "{", "create",
                              BCON_UTF8(coll), "_id", BCON_INT32(1), "}");
  bool ok = entry_read(&entry, document, optime_of(document).ts, &error);
  cr_assert(ok || error.kind == ERROR_DIVERGED);
  entry_clear(&entry);
  bson_destroy(document);
  return ok;
}

Test(entry, a_name_longer_than_any_is_an_error_and_no_other_collection)
{
  char name[400];
  char ns[410];
  memset(name, 'x', sizeof name);
  name[255] = 0;
  snprintf(ns, sizeof ns, "d.%s", name);
  cr_assert(reads("i", ns, "c") && reads("c", "d.$cmd", name));
  name[255] = 'x';
  name[399] = 0;
  snprintf(ns, sizeof ns, "d.%s", name);
  cr_assert_not(reads("i", ns, "c"), "a part of the name would be another collection");
  cr_assert_not(reads("c", "d.$cmd", name));
  snprintf(ns, sizeof ns, "%s.c", name);
  cr_assert_not(reads("d", ns, "c"));
  cr_assert_not(reads("i", name, "c"), "no dot");
}

Test(entry, a_name_with_a_zero_byte_is_an_error_and_no_other_collection)
{
  struct entry entry;
  struct error error;
  bson_t document = BSON_INITIALIZER;
  bson_t o = BSON_INITIALIZER;
  BSON_APPEND_INT32(&o, "_id", 1);
  BSON_APPEND_UTF8(&document, "op", "i");
  bson_append_utf8(&document, "ns", -1, "d.c\0x", 5);
  BSON_APPEND_DOCUMENT(&document, "o", &o);
  cr_assert_not(entry_read(&entry, &document, 1, &error));
  cr_assert_eq(error.kind, ERROR_DIVERGED);
  entry_clear(&entry);
  bson_destroy(&o);
  bson_destroy(&document);
}
