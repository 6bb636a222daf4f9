#include "compare/values.h"

#include <criterion/criterion.h>

/* Compares {v: left} with {v: right}; "" if they are the same, else the path. */
static void
assert_path(const char *left_json, const char *right_json, enum values_rule rule, const char *expected)
{
  bson_error_t cause;
  bson_iter_t left;
  bson_iter_t right;
  char path[VALUES_PATH_SIZE] = "v";
  bson_t *a = bson_new_from_json((const uint8_t *)left_json, -1, &cause);
  bson_t *b = bson_new_from_json((const uint8_t *)right_json, -1, &cause);
  cr_assert(a && b, "%s", cause.message);
  cr_assert(bson_iter_init_find(&left, a, "v") && bson_iter_init_find(&right, b, "v"));
  bool same = values_same(&left, &right, rule, path);
  cr_assert_eq(same, *expected == 0, "%s and %s", left_json, right_json);
  cr_assert_str_eq(same ? "" : path, expected);
  bson_destroy(a);
  bson_destroy(b);
}

Test(values, the_path_leads_to_the_first_difference)
{
  assert_path("{\"v\": {\"a\": [1, {\"b\": 2}]}}", "{\"v\": {\"a\": [1, {\"b\": 2}]}}", VALUES_EXACT, "");
  assert_path("{\"v\": {\"a\": [1, {\"b\": 2}]}}", "{\"v\": {\"a\": [1, {\"b\": 3}]}}", VALUES_EXACT, "v.a.1.b");
  assert_path("{\"v\": {\"a\": [1, 2]}}", "{\"v\": {\"a\": [1]}}", VALUES_EXACT, "v.a.1");
  assert_path("{\"v\": {\"a\": 1}}", "{\"v\": {\"a\": 1, \"b\": 2}}", VALUES_EXACT, "v.b");
  assert_path("{\"v\": {\"a\": {}}}", "{\"v\": {\"a\": []}}", VALUES_EXACT, "v.a");
  assert_path("{\"v\": {}}", "{\"v\": 1}", VALUES_NAMED, "v");
}

Test(values, the_order_of_fields_counts_where_it_means_something)
{
  const char *left = "{\"v\": {\"a\": 1, \"b\": 1}}";
  const char *right = "{\"v\": {\"b\": 1, \"a\": 1}}";
  assert_path(left, right, VALUES_EXACT, "v.a");
  assert_path(left, right, VALUES_NUMBERS, "v.a");
  assert_path(left, right, VALUES_NAMED, "");
}

Test(values, numbers_are_the_same_for_a_server)
{
  const char *whole = "{\"v\": {\"$numberInt\": \"1\"}}";
  const char *real = "{\"v\": {\"$numberDouble\": \"1\"}}";
  assert_path(whole, real, VALUES_NUMBERS, "");
  assert_path(whole, real, VALUES_EXACT, "v");
  assert_path(whole, "{\"v\": {\"$numberDecimal\": \"1.0\"}}", VALUES_NUMBERS, "");
  assert_path(whole, "{\"v\": true}", VALUES_NUMBERS, "");
  assert_path(whole, "{\"v\": false}", VALUES_NUMBERS, "v");
  assert_path(whole, "{\"v\": \"1\"}", VALUES_NUMBERS, "v");
  assert_path("{\"v\": \"true\"}", "{\"v\": true}", VALUES_NUMBERS, "v");
  assert_path("{\"v\": {\"$numberDouble\": \"NaN\"}}", "{\"v\": {\"$numberDouble\": \"NaN\"}}", VALUES_NUMBERS, "");
}

Test(values, what_a_newer_server_fills_in_is_ignored_where_that_is_known)
{
  const char *bare = "{\"v\": {\"locale\": \"de\"}}";
  const char *full = "{\"v\": {\"locale\": \"de\", \"strength\": 3, \"version\": \"57.1\"}}";
  assert_path(bare, full, VALUES_TOLD, "");
  assert_path(full, bare, VALUES_TOLD, "");
  assert_path(bare, full, VALUES_NAMED, "v.strength");
  assert_path(full, "{\"v\": {\"locale\": \"de\", \"strength\": 2}}", VALUES_TOLD, "v.strength");
  assert_path(full, "{\"v\": {\"locale\": \"de\", \"version\": \"62.1\"}}", VALUES_TOLD, "");
}

Test(values, a_long_path_is_cut_off)
{
  char json[2000] = "{\"v\": ";
  for (int i = 0; i < 60; i++) {
    strcat(json, "{\"a long name\": ");
  }
  size_t used = strlen(json);
  strcat(json, "1");
  memset(json + used + 1, '}', 61);
  json[used + 62] = 0;
  char other[2000];
  strcpy(other, json);
  other[used] = '2';
  bson_error_t cause;
  bson_t *a = bson_new_from_json((const uint8_t *)json, -1, &cause);
  bson_t *b = bson_new_from_json((const uint8_t *)other, -1, &cause);
  cr_assert(a && b, "%s", cause.message);
  bson_iter_t left;
  bson_iter_t right;
  char path[VALUES_PATH_SIZE] = "";
  cr_assert(bson_iter_init_find(&left, a, "v") && bson_iter_init_find(&right, b, "v"));
  cr_assert_not(values_same(&left, &right, VALUES_EXACT, path));
  cr_assert_eq(strlen(path), VALUES_PATH_SIZE - 1);
  bson_destroy(a);
  bson_destroy(b);
}
