#include "target/replay/dealing.h"

#include <criterion/criterion.h>

#include "target/replay/batch.h"

static uint64_t
hash_of(const char *json)
{
  bson_error_t cause;
  bson_t *selector = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert_not_null(selector, "%s: %s", json, cause.message);
  uint64_t hash = batch_hash(selector);
  bson_destroy(selector);
  return hash;
}

/* What a server takes for one `_id` goes over one connection, however many there are. */
Test(dealing, equal_ids_go_over_one_connection)
{
  static const char *const equal[][2] = {
    {"{\"_id\": 1}", "{\"_id\": 1.0}"},
    {"{\"_id\": 1}", "{\"_id\": {\"$numberLong\": \"1\"}}"},
    {"{\"_id\": 1}", "{\"_id\": {\"$numberDecimal\": \"1.00\"}}"},
    {"{\"_id\": 0}", "{\"_id\": {\"$numberDouble\": \"-0.0\"}}"},
    {"{\"_id\": {\"$numberDouble\": \"NaN\"}}", "{\"_id\": {\"$numberDecimal\": \"NaN\"}}"},
    {"{\"_id\": {\"$numberDecimal\": \"-0E+3\"}}", "{\"_id\": {\"$numberLong\": \"0\"}}"},
    {"{\"_id\": {\"$numberLong\": \"9007199254740993\"}}", "{\"_id\": {\"$numberDecimal\": \"9007199254740993\"}}"},
    {"{\"_id\": {\"$numberDouble\": \"Infinity\"}}", "{\"_id\": {\"$numberDecimal\": \"Infinity\"}}"},
    {"{\"_id\": \"a\"}", "{\"_id\": {\"$symbol\": \"a\"}}"},
    {"{\"_id\": {\"a\": [1, {\"b\": 2.0}]}}", "{\"_id\": {\"a\": [1.0, {\"b\": 2}]}}"}};
  for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
    for (int count = 1; count <= 16; count++) {
      cr_assert_eq(dealing_place("db", "c", hash_of(equal[i][0]), count),
                   dealing_place("db", "c", hash_of(equal[i][1]), count), "%s and %s", equal[i][0], equal[i][1]);
    }
  }
}

static void
assert_even(const int counts[8], int total)
{
  for (int i = 0; i < 8; i++) {
    cr_assert(counts[i] > total / 8 * 3 / 4 && counts[i] < total / 8 * 5 / 4, "%d of %d", counts[i], total);
  }
}

Test(dealing, ids_are_spread_evenly)
{
  int numbers[8] = {0};
  int objects[8] = {0};
  int halves[2] = {0};
  for (int i = 0; i < 8000; i++) {
    char json[80];
    snprintf(json, sizeof json, "{\"_id\": %d}", i);
    numbers[dealing_place("db", "c", hash_of(json), 8)]++;
    halves[dealing_place("db", "c", hash_of(json), 2)]++;
    snprintf(json, sizeof json, "{\"_id\": {\"$oid\": \"5f0000000000000000%06x\"}}", i);
    objects[dealing_place("db", "c", hash_of(json), 8)]++;
  }
  assert_even(numbers, 8000);
  assert_even(objects, 8000);
  cr_assert(halves[0] > 3500 && halves[1] > 3500);
}

Test(dealing, whole_namespaces_are_spread_too)
{
  int counts[8] = {0};
  for (int i = 0; i < 800; i++) {
    char coll[16];
    snprintf(coll, sizeof coll, "c%d", i);
    counts[dealing_place("db", coll, 0, 8)]++;
    cr_assert_eq(dealing_place("db", coll, 0, 1), 0);
  }
  for (int i = 0; i < 8; i++) {
    cr_assert_gt(counts[i], 50);
  }
}

Test(dealing, a_moved_batch_is_the_same_and_leaves_nothing)
{
  struct batch from = {0};
  struct batch to = {0};
  bson_t *selector = BCON_NEW("_id", BCON_INT32(7));
  batch_into(&from, "db", "c");
  batch_add(&from, APPLY_DELETE, 5, selector, NULL);
  batch_move(&to, &from);
  cr_assert_eq(from.count, 0);
  cr_assert_eq(to.count, 1);
  bson_t view;
  batch_selector(&to, &to.runs->ops[0], &view);
  cr_assert(bson_equal(&view, selector));
  cr_assert_eq(to.runs->ops[0].ts, 5);
  bson_destroy(selector);
  batch_clear(&from);
  batch_clear(&to);
}
