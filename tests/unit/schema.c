#include "target/schema.h"

#include <criterion/criterion.h>

/* The specification that is sent, as JSON, and what is said of it. */
static void
assert_index(const char *json, bool collated, const char *expected, const char *notes)
{
  bson_error_t cause;
  struct schema_index index;
  bson_t *spec = bson_new_from_json((const uint8_t *)json, -1, &cause);
  bson_t *wanted = bson_new_from_json((const uint8_t *)expected, -1, &cause);
  cr_assert(spec && wanted, "%s", cause.message);
  schema_index(spec, collated, &index);
  char *text = bson_as_relaxed_extended_json(&index.spec, NULL);
  char *wanted_text = bson_as_relaxed_extended_json(wanted, NULL);
  cr_assert_str_eq(text, wanted_text);
  cr_assert_str_eq(index.notes, notes);
  bson_free(text);
  bson_free(wanted_text);
  bson_destroy(&index.spec);
  bson_destroy(spec);
  bson_destroy(wanted);
}

Test(schema, index_of_today_stays_as_it_is)
{
  assert_index(
    "{\"v\": 2, \"key\": {\"a\": 1, \"b\": -1.5, \"c\": \"text\"}, \"name\": \"n\", \"sparse\": true, \"weights\": "
    "{\"c\": 3}, \"hidden\": true, \"ns\": \"d.c\", \"background\": true}",
    false,
    "{\"key\": {\"a\": 1, \"b\": -1.5, \"c\": \"text\"}, \"name\": \"n\", \"sparse\": true, \"weights\": {\"c\": 3}, "
    "\"hidden\": true}",
    "");
}

/* As mongorestore converts them, and for the same reason: newer servers refuse them. */
Test(schema, odd_keys_of_old_servers_are_ascending)
{
  assert_index(
    "{\"v\": 1, \"key\": {\"a\": true, \"b\": 0, \"c\": \"\", \"d\": -7, \"e\": {\"x\": 1}, \"f\": {\"$numberDouble\": "
    "\"NaN\"}}, \"name\": \"n\"}",
    false, "{\"key\": {\"a\": 1, \"b\": 1, \"c\": 1, \"d\": -7, \"e\": 1, \"f\": 1}, \"name\": \"n\"}",
    "a is ascending, b is ascending, c is ascending, e is ascending, f is ascending");
}

Test(schema, unknown_options_are_left_out_and_named)
{
  assert_index("{\"key\": {\"a\": 1}, \"name\": \"n\", \"dropDups\": true, \"backgroud\": 1, \"safe\": null}", false,
               "{\"key\": {\"a\": 1}, \"name\": \"n\"}", "backgroud is unknown and left out");
}

Test(schema, expiry_sleeps_and_odd_ones_are_named)
{
  assert_index("{\"key\": {\"a\": 1}, \"name\": \"n\", \"expireAfterSeconds\": 5}", false,
               "{\"key\": {\"a\": 1}, \"name\": \"n\", \"expireAfterSeconds\": 2147483647}", "");
  assert_index("{\"key\": {\"a\": 1}, \"name\": \"n\", \"expireAfterSeconds\": \"5\"}", false,
               "{\"key\": {\"a\": 1}, \"name\": \"n\"}", "expireAfterSeconds is no number and left out");
  assert_index("{\"key\": {\"a\": 1}, \"name\": \"n\", \"expireAfterSeconds\": {\"$numberDouble\": \"NaN\"}}", false,
               "{\"key\": {\"a\": 1}, \"name\": \"n\", \"expireAfterSeconds\": 2147483647}",
               "expireAfterSeconds becomes 2147483647");
}

Test(schema, index_without_collation_in_a_collated_collection_is_simple)
{
  assert_index("{\"key\": {\"a\": 1}, \"name\": \"n\"}", true,
               "{\"key\": {\"a\": 1}, \"name\": \"n\", \"collation\": {\"locale\": \"simple\"}}", "");
}
