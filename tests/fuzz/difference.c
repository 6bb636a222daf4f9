/*
 * What is different about two documents: one byte for how, then both. A copy that is told apart from itself, or a
 * difference that depends on which side is which, is a bug.
 */
#include "compare/difference.h"
#include "base/nesting.h"
#include "compare/values.h"
#include "tests/fuzz/input.h"

static bool
same_bytes(const bson_t *one, const bson_t *other)
{
  return one->len == other->len && memcmp(bson_get_data(one), bson_get_data(other), one->len) == 0;
}

/* As the values of a field each. */
static bool
said_same(const bson_t *one, const bson_t *other, enum values_rule rule)
{
  bson_t left = BSON_INITIALIZER;
  bson_t right = BSON_INITIALIZER;
  bson_iter_t a;
  bson_iter_t b;
  char path[VALUES_PATH_SIZE] = "";
  bson_append_document(&left, "d", 1, one);
  bson_append_document(&right, "d", 1, other);
  INPUT_ASSERT(bson_iter_init_find(&a, &left, "d") && bson_iter_init_find(&b, &right, "d"));
  bool same = values_same(&a, &b, rule, path);
  bson_destroy(&left);
  bson_destroy(&right);
  return same;
}

static bool
is_sound(const bson_t *document)
{
  return nesting_fits(bson_get_data(document), document->len) && bson_validate(document, BSON_VALIDATE_NONE, NULL);
}

static void
check(const bson_t *one, const bson_t *other, bool values)
{
  struct difference there;
  struct difference back;
  bool same = same_bytes(one, other);
  bool nested = nesting_fits(bson_get_data(one), one->len) && nesting_fits(bson_get_data(other), other->len);
  difference_find(one, other, values, &there);
  difference_find(other, one, values, &back);
  INPUT_ASSERT(there.kind == back.kind);
  INPUT_ASSERT(there.kind == DIFFERENCE_VALUE || there.kind == DIFFERENCE_ORDER || there.kind == DIFFERENCE_NUMBERS);
  if (!nested) {
    return;
  }
  INPUT_ASSERT(said_same(one, other, VALUES_EXACT) == same);
  INPUT_ASSERT(!same || said_same(one, other, VALUES_NUMBERS));
  INPUT_ASSERT(same || !values || !is_sound(one) || !is_sound(other) || there.source[0] || there.target[0]);
  INPUT_ASSERT(!same || !is_sound(one) || (!there.path[0] && !there.source[0] && !there.target[0]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  bson_t one;
  bson_t other;
  uint8_t how = input_byte(&input);
  uint8_t *one_bytes = input_document(&input, &one);
  uint8_t *other_bytes = one_bytes ? input_document(&input, &other) : NULL;
  if (other_bytes) {
    check(&one, &other, how & 1);
    check(&one, &one, true);
  }
  free(one_bytes);
  free(other_bytes);
  return 0;
}
