#include "source/reader/by_id.h"

#include <criterion/criterion.h>
#include <math.h>

static bool
same(bson_t *left, bson_t *right)
{
  bool answer = by_id_same(left, right);
  cr_assert_eq(by_id_same(right, left), answer);
  bson_destroy(left);
  bson_destroy(right);
  return answer;
}

static bool
fits(bson_t *selector)
{
  bson_iter_t id;
  cr_assert(bson_iter_init_find(&id, selector, "_id"));
  bool answer = by_id_fits_in(&id);
  bson_destroy(selector);
  return answer;
}

Test(by_id, numbers_are_one_id_by_their_value)
{
  bson_decimal128_t decimal;
  bson_decimal128_from_string("1.0", &decimal);
  cr_assert(same(BCON_NEW("_id", BCON_INT32(1)), BCON_NEW("_id", BCON_INT64(1))));
  cr_assert(same(BCON_NEW("_id", BCON_INT32(1)), BCON_NEW("_id", BCON_DOUBLE(1))));
  cr_assert(same(BCON_NEW("_id", BCON_INT32(1)), BCON_NEW("_id", BCON_DECIMAL128(&decimal))));
  cr_assert(same(BCON_NEW("_id", BCON_DOUBLE(0.0)), BCON_NEW("_id", BCON_DOUBLE(-0.0))));
  cr_assert(same(BCON_NEW("_id", BCON_DOUBLE(NAN)), BCON_NEW("_id", BCON_DOUBLE(-NAN))));
  cr_assert_not(same(BCON_NEW("_id", BCON_INT64(9007199254740993)), BCON_NEW("_id", BCON_DOUBLE(9007199254740992))));
  cr_assert_not(same(BCON_NEW("_id", BCON_INT32(1)), BCON_NEW("_id", BCON_BOOL(true))));
}

Test(by_id, documents_are_one_id_field_by_field)
{
  cr_assert(same(BCON_NEW("_id", "{", "a", BCON_INT32(1), "b", BCON_UTF8("x"), "}"),
                 BCON_NEW("_id", "{", "a", BCON_DOUBLE(1), "b", BCON_SYMBOL("x"), "}")));
  cr_assert_not(same(BCON_NEW("_id", "{", "a", BCON_INT32(1), "b", BCON_INT32(2), "}"),
                     BCON_NEW("_id", "{", "b", BCON_INT32(2), "a", BCON_INT32(1), "}")));
  cr_assert_not(same(BCON_NEW("_id", "{", "a", BCON_INT32(1), "}"), BCON_NEW("_id", "{", "}")));
  cr_assert_not(same(BCON_NEW("_id", BCON_UTF8("a")), BCON_NEW("_id", BCON_UTF8("A"))));
  cr_assert_not(same(BCON_NEW("_id", BCON_UTF8("a")), BCON_NEW("a", BCON_UTF8("a"))));
}

Test(by_id, in_is_asked_only_for_what_it_takes_for_a_value)
{
  cr_assert(fits(BCON_NEW("_id", BCON_INT32(1))));
  cr_assert(fits(BCON_NEW("_id", BCON_UTF8("^a"))));
  cr_assert(fits(BCON_NEW("_id", "{", "a", "{", "$gt", BCON_INT32(1), "}", "}")));
  cr_assert(fits(BCON_NEW("_id", "{", "}")));
  cr_assert_not(fits(BCON_NEW("_id", "{", "$gt", BCON_INT32(1), "}")));
  cr_assert_not(fits(BCON_NEW("_id", "[", BCON_INT32(1), "]")));
  cr_assert_not(fits(BCON_NEW("_id", BCON_REGEX("^a", ""))));
  cr_assert_not(fits(BCON_NEW("_id", BCON_NULL)));
  cr_assert_not(fits(BCON_NEW("_id", BCON_DOUBLE(NAN))));
  cr_assert_not(fits(BCON_NEW("_id", BCON_MINKEY)));
  cr_assert_not(fits(BCON_NEW("_id", BCON_TIMESTAMP(1, 2))));
}
