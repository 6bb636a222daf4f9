#include "coordinator/store/store_key.h"

#include <criterion/criterion.h>

static const struct store_place place = {.set = 't', .collection = 258, .epoch = 3};

static struct store_key
key_of(const bson_t *document)
{
  bson_iter_t id;
  cr_assert(bson_iter_init(&id, document) && bson_iter_next(&id));
  return store_key_id(&place, &id);
}

static void
check_round(const bson_t *document)
{
  struct store_place got;
  struct store_key key = key_of(document);
  bson_t *value = store_key_value(key.bytes, key.size);
  cr_assert(store_key_place(key.bytes, key.size, &got));
  cr_assert(got.set == place.set && got.collection == place.collection && got.epoch == place.epoch);
  cr_assert_not_null(value);
  cr_assert(bson_equal(value, document));
  bson_destroy(value);
  store_key_clear(&key);
}

static void
check_raw(const char *bytes, size_t size)
{
  bson_t document;
  cr_assert(bson_init_static(&document, (const uint8_t *)bytes, size));
  check_round(&document);
}

Test(store_key, an_id_of_each_type_keeps_its_bytes)
{
  static const char regex[] = "\x0f\0\0\0\x0b_id\0a\0xi\0"; /* options that libbson would sort */
  static const char old_binary[] = "\x15\0\0\0\x05_id\0\x06\0\0\0\x02\x02\0\0\0ab"; /* with a length of its own */
  static const char symbol[] = "\x10\0\0\0\x0e_id\0\x02\0\0\0s\0";
  static const char undefined[] = "\x0a\0\0\0\x06_id\0";
  static const char *const json[] = {
    "{\"_id\": {\"$oid\": \"5f0000000000000000000001\"}}",
    "{\"_id\": -7}",
    "{\"_id\": {\"$numberLong\": \"-9223372036854775808\"}}",
    "{\"_id\": 1.5}",
    "{\"_id\": -1.5}",
    "{\"_id\": {\"$numberDouble\": \"NaN\"}}",
    "{\"_id\": {\"$numberDouble\": \"-Infinity\"}}",
    "{\"_id\": {\"$numberDouble\": \"-0.0\"}}",
    "{\"_id\": {\"$numberDecimal\": \"1.10\"}}",
    "{\"_id\": \"\"}",
    "{\"_id\": \"a\\u0000b\"}",
    "{\"_id\": {\"$date\": {\"$numberLong\": \"-1\"}}}",
    "{\"_id\": {\"$timestamp\": {\"t\": 4294967295, \"i\": 1}}}",
    "{\"_id\": true}",
    "{\"_id\": null}",
    "{\"_id\": {\"$minKey\": 1}}",
    "{\"_id\": {\"$maxKey\": 1}}",
    "{\"_id\": {}}",
    "{\"_id\": {\"a\": {\"b\": [1, {\"c\": null}]}}}",
    "{\"_id\": [1, 2]}",
    "{\"_id\": {\"$binary\": {\"base64\": \"AAECAwQFBgcICQoLDA0ODw==\", \"subType\": \"04\"}}}",
    "{\"_id\": {\"$code\": \"f()\", \"$scope\": {\"x\": 1}}}",
    "{\"_id\": {\"$code\": \"f()\"}}",
  };
  for (size_t i = 0; i < sizeof json / sizeof *json; i++) {
    bson_error_t error;
    bson_t *document = bson_new_from_json((const uint8_t *)json[i], -1, &error);
    cr_assert_not_null(document, "%s: %s", json[i], error.message);
    check_round(document);
    bson_destroy(document);
  }
  check_raw(regex, sizeof regex);
  check_raw(old_binary, sizeof old_binary);
  check_raw(symbol, sizeof symbol);
  check_raw(undefined, sizeof undefined);
}

static int
compare(const bson_t *a, const bson_t *b)
{
  struct store_key left = key_of(a);
  struct store_key right = key_of(b);
  int order = memcmp(left.bytes, right.bytes, left.size);
  cr_assert_eq(left.size, right.size);
  store_key_clear(&left);
  store_key_clear(&right);
  return order;
}

Test(store_key, numbers_and_dates_stand_by_value)
{
  static const int64_t whole[] = {INT64_MIN, -65536, -257, -256, -1, 0, 1, 255, 256, 70000, INT64_MAX};
  static const double halves[] = {-1e300, -256.5, -1.5, -0.5, 0, 0.5, 1.5, 255.5, 1e300};
  for (size_t i = 1; i < sizeof whole / sizeof *whole; i++) {
    bson_t *a = BCON_NEW("_id", BCON_INT64(whole[i - 1]));
    bson_t *b = BCON_NEW("_id", BCON_INT64(whole[i]));
    cr_assert_lt(compare(a, b), 0);
    bson_destroy(a);
    bson_destroy(b);
    a = BCON_NEW("_id", BCON_DATE_TIME(whole[i - 1]));
    b = BCON_NEW("_id", BCON_DATE_TIME(whole[i]));
    cr_assert_lt(compare(a, b), 0);
    bson_destroy(a);
    bson_destroy(b);
  }
  for (size_t i = 1; i < sizeof halves / sizeof *halves; i++) {
    bson_t *a = BCON_NEW("_id", BCON_DOUBLE(halves[i - 1]));
    bson_t *b = BCON_NEW("_id", BCON_DOUBLE(halves[i]));
    cr_assert_lt(compare(a, b), 0);
    bson_destroy(a);
    bson_destroy(b);
  }
}

Test(store_key, bytes_that_are_no_id_are_refused)
{
  static const char *const bytes[] = {
    "I",
    "It\0\0\1\2\0\0\0",       /* no epoch */
    "It\0\0\1\2\0\0\0\3",     /* no value */
    "It\0\0\1\2\0\0\0\3\x20", /* a type that BSON does not know */
    "It\0\0\1\2\0\0\0\3\x07"
    "12345", /* an ObjectId that is cut short */
    "It\0\0\1\2\0\0\0\3\x02\xff\0\0\0a",
    "It\0\0\1\2\0\0\0\3\x0a\x0a_id\0", /* two values */
    "Nt\0\0\1\2\0\0\0\3\x0a",
  };
  static const size_t sizes[] = {1, 9, 10, 11, 16, 16, 16, 11};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    cr_assert_null(store_key_value((const uint8_t *)bytes[i], sizes[i]), "%zu", i);
  }
}
