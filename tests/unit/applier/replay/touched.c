#include "applier/replay/touched.h"

#include <criterion/criterion.h>

#include "ipc/frame.h"

/* What was noted, as one text in extended JSON; the caller frees it. */
static char *
show_all(struct touched *touched)
{
  char *all = memory_string("");
  bson_t document = BSON_INITIALIZER;
  while (touched_put(touched, &document)) {
    char *part = bson_as_relaxed_extended_json(&document, NULL);
    char *more = memory_format("%s%s", all, part);
    bson_free(part);
    free(all);
    all = more;
    bson_reinit(&document);
  }
  bson_destroy(&document);
  return all;
}

static void
take(struct touched *touched, const char *json)
{
  struct entry entry;
  struct touched_command command;
  struct error error;
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert_not_null(document, "%s", cause.message);
  cr_assert(entry_read(&entry, document, 1, &error), "%s", error.text);
  touched_take(touched, &entry, &command);
  touched_done(touched, &command);
  entry_clear(&entry);
  bson_destroy(document);
}

static void
expect(struct touched *touched, const char *wanted)
{
  char *all = show_all(touched);
  for (char *at = all; (at = strstr(at, "[  ]"));) { /* libbson 1's empty array; 2's has one blank */
    memmove(at + 2, at + 3, strlen(at + 3) + 1);
  }
  cr_assert_str_eq(all, wanted, "%s", all);
  free(all);
}

Test(touched, nothing_is_noted_where_nothing_is_verified)
{
  struct touched touched = {0};
  take(&touched, "{\"op\": \"i\", \"ns\": \"d.c\", \"o\": {\"_id\": 1}}");
  take(&touched, "{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"drop\": \"c\"}}");
  expect(&touched, "");
  cr_assert_eq(touched_bytes(&touched), 0);
}

Test(touched, each_write_once_by_its_namespace)
{
  struct touched touched = {.wanted = true};
  take(&touched, "{\"op\": \"i\", \"ns\": \"d.c\", \"o\": {\"_id\": 1, \"x\": 2}}");
  take(&touched, "{\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": 1}, \"o\": {\"$set\": {\"x\": 1}}}");
  take(&touched, "{\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": \"a\"}, \"o\": {\"x\": 1}}");
  take(&touched, "{\"op\": \"d\", \"ns\": \"d.e.f\", \"o\": {\"_id\": 1}}");
  take(&touched, "{\"op\": \"d\", \"ns\": \"d.c\", \"o\": {\"_id\": {\"a\": [1]}}}");
  take(&touched,
       "{\"op\": \"u\", \"ns\": \"d.c\", \"o2\": {\"_id\": null}, \"o\": {\"$v\": 2, \"diff\": {\"updatedFields\": "
       "{\"x\": 1}, \"removedFields\": [], \"truncatedArrays\": []}}}");
  take(&touched, "{\"op\": \"i\", \"ns\": \"d.system.buckets.t\", \"o\": {\"_id\": 7}}");
  take(&touched, "{\"op\": \"n\", \"ns\": \"\", \"o\": {\"msg\": \"periodic noop\"}}");
  expect(
    &touched,
    "{ \"commands\" : [ ], \"items\" : [ { \"db\" : \"d\", \"coll\" : \"c\", \"ids\" : [ 1, \"a\", { \"a\" : [ 1 ] "
    "}, null ] }, { \"db\" : \"d\", \"coll\" : \"e.f\", \"ids\" : [ 1 ] }, { \"db\" : \"d\", \"coll\" : "
    "\"system.buckets.t\", \"ids\" : [ 7 ] } ] }");
  expect(&touched, "");
  touched_clear(&touched);
}

Test(touched, commands_name_all_that_they_are_about)
{
  static const struct {
    const char *o;
    const char *wanted;
  } cases[] = {
    {"{\"create\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"drop\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"collMod\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"createIndexes\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"startIndexBuild\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"abortIndexBuild\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"commitIndexBuild\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"deleteIndexes\": \"c\", \"index\": \"x\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"convertToCapped\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"emptycapped\": \"c\"}", "{ \"db\" : \"d\", \"coll\" : \"c\" }"},
    {"{\"renameCollection\": \"d.a\", \"to\": \"e.b.c\"}",
     "{ \"db\" : \"d\", \"coll\" : \"a\" }, { \"db\" : \"e\", \"coll\" : \"b.c\" }"},
    {"{\"importCollection\": \"e.c\"}", "{ \"db\" : \"e\", \"coll\" : \"c\" }"},
    {"{\"dropDatabase\": 1}", "{ \"db\" : \"d\" }"},
    {"{\"drop\": \"system.views\"}", "{ \"db\" : \"d\" }"},
  };
  struct touched touched = {.wanted = true};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *entry = memory_format("{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": %s}", cases[i].o);
    char *wanted = memory_format("{ \"commands\" : [ %s ], \"items\" : [ ] }", cases[i].wanted);
    take(&touched, entry);
    expect(&touched, wanted);
    free(entry);
    free(wanted);
  }
  take(&touched, "{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"dbCheck\": \"c\"}}");
  take(&touched, "{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"applyOps\": []}}");
  expect(&touched, "");
  touched_clear(&touched);
}

Test(touched, writes_that_are_commands_in_disguise)
{
  struct touched touched = {.wanted = true};
  take(&touched,
       "{\"op\": \"i\", \"ns\": \"d.system.indexes\", \"o\": {\"ns\": \"d.a\", \"key\": {\"x\": 1}, \"name\": \"x\"}}");
  take(&touched, "{\"op\": \"i\", \"ns\": \"d.system.namespaces\", \"o\": {\"_id\": 1, \"name\": \"d.b.$x\"}}");
  take(&touched, "{\"op\": \"d\", \"ns\": \"d.system.views\", \"o\": {\"_id\": \"d.v\"}}");
  take(&touched, "{\"op\": \"i\", \"ns\": \"d.system.js\", \"o\": {\"_id\": \"f\"}}");
  expect(&touched, "{ \"commands\" : [ { \"db\" : \"d\", \"coll\" : \"a\" }, { \"db\" : \"d\", \"coll\" : \"b\" }, { "
                   "\"db\" : \"d\", \"coll\" "
                   ": \"v\" } ], \"items\" : [ { \"db\" : \"d\", \"coll\" : \"system.js\", \"ids\" : [ \"f\" ] } ] }");
  touched_clear(&touched);
}

/* `i` as an ObjectId, which is what most documents have. */
static void
take_number(struct touched *touched, const char *coll, uint32_t i)
{
  struct entry entry = {.kind = ENTRY_WRITE, .write = APPLY_INSERT, .db = "d"};
  struct touched_command command;
  bson_oid_t oid = {{0}};
  memcpy(oid.bytes, &i, sizeof i);
  snprintf(entry.coll, sizeof entry.coll, "%s", coll);
  bson_init(&entry.id);
  BSON_APPEND_OID(&entry.id, "_id", &oid);
  touched_take(touched, &entry, &command);
  cr_assert_eq(command.count, 0);
  entry_clear(&entry);
}

/* Counts the parts' _ids, each of which is to be there once. */
static size_t
count_all(struct touched *touched, uint8_t *seen, uint32_t most)
{
  size_t count = 0;
  bson_t document = BSON_INITIALIZER;
  while (touched_put(touched, &document)) {
    bson_iter_t item;
    bson_iter_t field;
    bson_iter_t value;
    cr_assert_lt(document.len, FRAME_DOCUMENT_MAX);
    cr_assert_lt(document.len, 2 << 20);
    cr_assert(bson_iter_init_find(&item, &document, "items") && bson_iter_recurse(&item, &item));
    while (bson_iter_next(&item)) {
      cr_assert(bson_iter_recurse(&item, &field) && bson_iter_find(&field, "ids") && bson_iter_recurse(&field, &value));
      while (bson_iter_next(&value)) {
        uint32_t i;
        memcpy(&i, bson_iter_oid(&value)->bytes, sizeof i);
        cr_assert(i < most && !seen[i]);
        seen[i] = 1;
        count++;
      }
    }
    bson_reinit(&document);
  }
  bson_destroy(&document);
  return count;
}

Test(touched, its_memory_is_bounded_and_nothing_is_lost)
{
  struct touched touched = {.wanted = true};
  size_t least = SIZE_MAX;
  uint32_t most = 1000000;
  uint8_t *seen = memory_new(most);
  size_t reported = 0;
  size_t since = 0;
  for (uint32_t i = 0; i < most; i++) {
    take_number(&touched, i % 3 ? "c" : "other", i);
    take_number(&touched, i % 3 ? "c" : "other", i);
    since++;
    if (touched_full(&touched)) {
      cr_assert_leq(touched_bytes(&touched), TOUCHED_BYTES + TOUCHED_BYTES / 8);
      least = since < least ? since : least;
      reported += count_all(&touched, seen, most);
      since = 0;
    }
  }
  reported += count_all(&touched, seen, most);
  cr_assert_eq(reported, most);
  cr_assert_geq(least, 150000, "full with %zu", least);
  touched_clear(&touched);
  free(seen);
}

Test(touched, a_large_transaction_gives_its_memory_back)
{
  struct touched touched = {.wanted = true};
  uint32_t most = 2000000;
  uint8_t *seen = memory_new(most);
  for (uint32_t i = 0; i < most; i++) {
    take_number(&touched, "c", i);
  }
  cr_assert(touched_full(&touched));
  cr_assert_eq(count_all(&touched, seen, most), most);
  cr_assert_eq(touched_bytes(&touched), 0);
  cr_assert_null(touched.block);
  take_number(&touched, "c", 1);
  cr_assert_not(touched_full(&touched));
  touched_clear(&touched);
  free(seen);
}

Test(touched, a_large_id_has_a_part_that_fits_into_a_frame)
{
  struct touched touched = {.wanted = true};
  struct entry entry = {.kind = ENTRY_WRITE, .write = APPLY_DELETE, .db = "d", .coll = "c"};
  struct touched_command command;
  bson_t document = BSON_INITIALIZER;
  size_t size = 15 << 20;
  char *text = memory_new(size + 1);
  memset(text, 'a', size);
  bson_init(&entry.id);
  BSON_APPEND_UTF8(&entry.id, "_id", text);
  take_number(&touched, "c", 1);
  touched_take(&touched, &entry, &command);
  take_number(&touched, "c", 2);
  cr_assert(touched_full(&touched));
  cr_assert(touched_put(&touched, &document));
  cr_assert_lt(document.len, FRAME_DOCUMENT_MAX);
  bson_reinit(&document);
  cr_assert(touched_put(&touched, &document));
  bson_reinit(&document);
  cr_assert_not(touched_put(&touched, &document));
  bson_destroy(&document);
  entry_clear(&entry);
  free(text);
  touched_clear(&touched);
}

Test(touched, many_names_fill_it_too)
{
  struct touched touched = {.wanted = true};
  char name[64];
  uint32_t count = 0;
  bson_t document = BSON_INITIALIZER;
  size_t parts = 0;
  for (; !touched_full(&touched); count++) {
    snprintf(name, sizeof name, "%u.collection", count);
    take_number(&touched, name, 1);
  }
  cr_assert_gt(count, 10000);
  while (touched_put(&touched, &document)) {
    parts++;
    bson_reinit(&document);
  }
  cr_assert_gt(parts, 1);
  cr_assert_null(touched.names);
  bson_destroy(&document);
  touched_clear(&touched);
}
