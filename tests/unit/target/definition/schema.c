#include "target/definition/schema.h"

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

Test(schema, expiry_is_deferred_and_odd_ones_are_named)
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

Test(schema, a_simple_collation_is_none_where_the_collection_has_none)
{
  const char *simple = "{\"key\": {\"a\": 1}, \"name\": \"n\", \"collation\": {\"locale\": \"simple\"}}";
  const char *other = "{\"key\": {\"a\": 1}, \"name\": \"n\", \"collation\": {\"locale\": \"de\"}}";
  assert_index(simple, false, "{\"key\": {\"a\": 1}, \"name\": \"n\"}", "");
  assert_index(simple, true, simple, "");
  assert_index(other, false, other, "");
}

static bool
has_key(const char *spec_json, const char *key_json)
{
  bson_error_t cause;
  bson_iter_t key;
  bson_t *spec = bson_new_from_json((const uint8_t *)spec_json, -1, &cause);
  bson_t *command = bson_new_from_json((const uint8_t *)key_json, -1, &cause);
  cr_assert(spec && command, "%s", cause.message);
  cr_assert(bson_iter_init_find(&key, command, "k"));
  bool same = schema_index_has_key(spec, &key);
  bson_destroy(spec);
  bson_destroy(command);
  return same;
}

Test(schema, a_key_pattern_means_an_index_whatever_its_numbers_types)
{
  const char *spec = "{\"key\": {\"a\": 1.0, \"b\": -1, \"c\": \"text\"}}";
  cr_assert(has_key(spec, "{\"k\": {\"a\": 1, \"b\": -1.0, \"c\": \"text\"}}"));
  cr_assert(
    has_key(spec, "{\"k\": {\"a\": {\"$numberDecimal\": \"1\"}, \"b\": {\"$numberLong\": \"-1\"}, \"c\": \"text\"}}"));
  cr_assert_not(has_key(spec, "{\"k\": {\"a\": 2, \"b\": -1, \"c\": \"text\"}}"));
  cr_assert_not(has_key(spec, "{\"k\": {\"b\": -1, \"a\": 1, \"c\": \"text\"}}"), "the order matters");
  cr_assert_not(has_key(spec, "{\"k\": {\"a\": 1, \"b\": -1}}"));
  cr_assert_not(has_key(spec, "{\"k\": {\"a\": 1, \"b\": -1, \"c\": \"text\", \"d\": 1}}"));
  cr_assert_not(has_key(spec, "{\"k\": {\"a\": 1, \"b\": -1, \"c\": \"hashed\"}}"));
  cr_assert_not(has_key("{\"name\": \"x\"}", "{\"k\": {\"a\": 1}}"));
  cr_assert(has_key("{\"key\": {\"a\": 1}}", "{\"k\": {\"a\": true}}"), "what an old source takes for ascending");
}

Test(schema, an_index_that_is_to_become_unique_is_deferred)
{
  struct schema_index index;
  bson_t *spec = BCON_NEW("key", "{", "a", BCON_INT32(1), "}", "name", "a_1", "prepareUnique", BCON_BOOL(true));
  cr_assert_eq(schema_index(spec, false, &index), SCHEMA_INDEX_UNIQUE);
  cr_assert(schema_index_unique(&index.spec));
  bson_destroy(&index.spec);
  bson_destroy(spec);
  spec = BCON_NEW("key", "{", "a", BCON_INT32(1), "}", "name", "a_1", "unique", BCON_BOOL(false));
  cr_assert_eq(schema_index(spec, false, &index), SCHEMA_INDEX_PLAIN);
  bson_destroy(&index.spec);
  bson_destroy(spec);
}

Test(schema, a_decimal_direction_is_kept)
{
  struct schema_index index;
  bson_iter_t iter;
  bson_iter_t key;
  bson_error_t cause;
  bson_t *spec = bson_new_from_json(
    (const uint8_t
       *)"{\"key\": {\"a\": {\"$numberDecimal\": \"-1\"}}, \"name\": \"a_-1\", \"expireAfterSeconds\": 1e300}",
    -1, &cause);
  cr_assert_eq(schema_index(spec, false, &index), SCHEMA_INDEX_PLAIN);
  cr_assert(bson_iter_init(&iter, &index.spec) && bson_iter_find_descendant(&iter, "key.a", &key));
  cr_assert(BSON_ITER_HOLDS_DECIMAL128(&key));
  cr_assert_eq(index.ttl_s, SCHEMA_TTL_DEFERRED, "more than any server has");
  bson_destroy(&index.spec);
  bson_destroy(spec);
}

/* The raw index of buckets, and what the user had asked for: an expiry of 6.3, and a partial one. */
Test(schema, index_of_buckets_keeps_the_definition_of_the_user)
{
  assert_index(
    "{\"v\": 2, \"key\": {\"control.min.at\": 1}, \"name\": \"at_1\", \"partialFilterExpression\": {\"meta\": "
    "1}, \"expireAfterSeconds\": 60, \"originalSpec\": {\"v\": 2, \"key\": {\"at\": 1}, \"name\": \"at_1\", "
    "\"partialFilterExpression\": {\"m\": 1}, \"expireAfterSeconds\": 60}}",
    false,
    "{\"key\": {\"control.min.at\": 1}, \"name\": \"at_1\", \"partialFilterExpression\": {\"meta\": 1}, "
    "\"expireAfterSeconds\": 2147483647, \"originalSpec\": {\"key\": {\"at\": 1}, \"name\": \"at_1\", "
    "\"partialFilterExpression\": {\"m\": 1}, \"expireAfterSeconds\": 2147483647}}",
    "");
}

static void
assert_logged(int source_version, const char *logged, const char *expected)
{
  bson_t *spec = bson_new_from_json((const uint8_t *)logged, -1, NULL);
  bson_t *wanted = bson_new_from_json((const uint8_t *)expected, -1, NULL);
  bson_t whole;
  schema_index_logged(spec, source_version, &whole);
  char *text = bson_as_relaxed_extended_json(&whole, NULL);
  char *wanted_text = bson_as_relaxed_extended_json(wanted, NULL);
  cr_assert_str_eq(text, wanted_text);
  bson_free(text);
  bson_free(wanted_text);
  bson_destroy(&whole);
  bson_destroy(spec);
  bson_destroy(wanted);
}

Test(schema, index_that_an_old_server_logged_has_the_version_that_it_made)
{
  const char *text = "{\"key\": {\"a\": 1, \"b\": \"text\"}, \"name\": \"t\"}";
  const char *place = "{\"key\": {\"a\": \"2dsphere\", \"b\": \"2dsphere\"}, \"name\": \"p\"}";
  const char *first = "{\"key\": {\"a\": \"2dsphere\"}, \"name\": \"p\", \"2dsphereIndexVersion\": 1}";
  assert_logged(206, text, "{\"key\": {\"a\": 1, \"b\": \"text\"}, \"name\": \"t\", \"textIndexVersion\": 2}");
  assert_logged(300, place,
                "{\"key\": {\"a\": \"2dsphere\", \"b\": \"2dsphere\"}, \"name\": \"p\", \"2dsphereIndexVersion\": 2}");
  assert_logged(206, first, first);
  assert_logged(206, "{\"key\": {\"a\": \"2d\"}}", "{\"key\": {\"a\": \"2d\"}}");
  assert_logged(206, "{\"key\": 1}", "{\"key\": 1}");
  assert_logged(302, place, place);
  assert_logged(0, place, place);
}
