#include "compare/difference.h"

#include <criterion/criterion.h>

static struct difference
between(bson_t *source, bson_t *target)
{
  struct difference difference;
  difference_find(source, target, true, &difference);
  bson_destroy(source);
  bson_destroy(target);
  return difference;
}

Test(difference, a_value_in_a_document_in_an_array)
{
  struct difference found =
    between(BCON_NEW("_id", BCON_INT32(1), "a", "[", BCON_INT32(1), "{", "b", BCON_UTF8("x"), "}", "]"),
            BCON_NEW("_id", BCON_INT32(1), "a", "[", BCON_INT32(1), "{", "b", BCON_UTF8("y"), "}", "]"));
  cr_assert_eq(found.kind, DIFFERENCE_VALUE);
  cr_assert_str_eq(found.path, "a.1.b");
  cr_assert_str_eq(found.source, "\"x\"");
  cr_assert_str_eq(found.target, "\"y\"");
}

Test(difference, a_number_of_another_type_is_no_other_number)
{
  cr_assert_eq(between(BCON_NEW("a", BCON_INT32(1)), BCON_NEW("a", BCON_DOUBLE(1))).kind, DIFFERENCE_NUMBERS);
  cr_assert_eq(between(BCON_NEW("a", BCON_INT64(1)), BCON_NEW("a", BCON_INT32(1))).kind, DIFFERENCE_NUMBERS);
  cr_assert_eq(between(BCON_NEW("a", BCON_INT32(1)), BCON_NEW("a", BCON_DOUBLE(1.5))).kind, DIFFERENCE_VALUE);
  cr_assert_eq(between(BCON_NEW("a", BCON_INT32(1)), BCON_NEW("a", BCON_BOOL(true))).kind, DIFFERENCE_VALUE);
  cr_assert_eq(between(BCON_NEW("a", BCON_DOUBLE(0.0)), BCON_NEW("a", BCON_DOUBLE(-0.0))).kind, DIFFERENCE_VALUE);
  /* as doubles they would be equal */
  cr_assert_eq(between(BCON_NEW("a", BCON_INT64(9007199254740993)), BCON_NEW("a", BCON_DOUBLE(9007199254740992))).kind,
               DIFFERENCE_VALUE);
}

Test(difference, only_the_order_of_fields)
{
  struct difference found = between(BCON_NEW("a", "{", "b", BCON_INT32(1), "c", BCON_INT32(2), "}"),
                                    BCON_NEW("a", "{", "c", BCON_INT32(2), "b", BCON_INT32(1), "}"));
  cr_assert_eq(found.kind, DIFFERENCE_ORDER);
  cr_assert_str_eq(found.path, "a.b");
  cr_assert_eq(
    between(BCON_NEW("a", BCON_INT32(1), "b", BCON_INT32(2)), BCON_NEW("b", BCON_INT32(2), "a", BCON_INT32(2))).kind,
    DIFFERENCE_VALUE);
  cr_assert_eq(between(BCON_NEW("a", BCON_INT32(1), "a", BCON_INT32(1)), BCON_NEW("a", BCON_INT32(1))).kind,
               DIFFERENCE_VALUE);
}

Test(difference, a_name_that_is_there_twice_gives_the_same_kind_from_both_sides)
{
  cr_assert_eq(
    between(BCON_NEW("a", BCON_INT32(1), "a", BCON_INT32(1)), BCON_NEW("a", BCON_INT32(1), "b", BCON_INT32(2))).kind,
    DIFFERENCE_VALUE);
  cr_assert_eq(
    between(BCON_NEW("a", BCON_INT32(1), "b", BCON_INT32(2)), BCON_NEW("a", BCON_INT32(1), "a", BCON_INT32(1))).kind,
    DIFFERENCE_VALUE);
}

Test(difference, two_documents_of_very_many_fields_are_compared_at_once, .timeout = 20)
{
  bson_t *source = bson_new();
  bson_t *target = bson_new();
  char name[16];
  for (int i = 0; i < 300000; i++) {
    snprintf(name, sizeof name, "f%d", i);
    BSON_APPEND_INT32(source, name, i);
    snprintf(name, sizeof name, "f%d", 299999 - i);
    BSON_APPEND_INT32(target, name, 299999 - i);
  }
  cr_assert_eq(between(source, target).kind, DIFFERENCE_ORDER);
}

Test(difference, what_cannot_be_read_is_neither_the_same_nor_a_number)
{
  uint8_t two[] = {9, 0, 0, 0, 8, 'a', 0, 2, 0}; /* a boolean that is neither true nor false */
  uint8_t three[] = {9, 0, 0, 0, 8, 'a', 0, 3, 0};
  bson_t source;
  bson_t target;
  struct difference found;
  cr_assert(bson_init_static(&source, two, sizeof two) && bson_init_static(&target, three, sizeof three));
  difference_find(&source, &target, true, &found);
  cr_assert_eq(found.kind, DIFFERENCE_VALUE);
}

Test(difference, the_elements_of_an_array_have_an_order)
{
  cr_assert_eq(between(BCON_NEW("a", "[", BCON_INT32(1), BCON_INT32(2), "]"),
                       BCON_NEW("a", "[", BCON_INT32(2), BCON_INT32(1), "]"))
                 .kind,
               DIFFERENCE_VALUE);
}

Test(difference, a_field_that_one_side_does_not_have)
{
  struct difference found = between(BCON_NEW("a", BCON_INT32(1)), BCON_NEW("a", BCON_INT32(1), "b", BCON_INT32(2)));
  cr_assert_str_eq(found.path, "b");
  cr_assert_str_eq(found.source, "");
  cr_assert_str_eq(found.target, "{ \"$numberInt\" : \"2\" }");
}

Test(difference, a_damaged_document_has_no_path)
{
  uint8_t damaged[] = {12, 0, 0, 0, 3, 'a', 0, 200, 0, 0, 0, 0};
  bson_t target;
  struct difference found;
  bson_t *source = BCON_NEW("a", BCON_INT32(1));
  cr_assert(bson_init_static(&target, damaged, sizeof damaged));
  difference_find(source, &target, true, &found);
  cr_assert_eq(found.kind, DIFFERENCE_VALUE);
  cr_assert_str_eq(found.path, "");
  bson_destroy(source);
}

Test(difference, a_path_never_ends_a_line)
{
  cr_assert_str_eq(between(BCON_NEW("a\nb", BCON_INT32(1)), BCON_NEW("a\nb", BCON_INT32(2))).path, "a\\nb");
}
