#include "server/exact_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool
exact_number_is(const bson_iter_t *value)
{
  return BSON_ITER_HOLDS_NUMBER(value) || BSON_ITER_HOLDS_DECIMAL128(value);
}

long double
exact_number_of(const bson_iter_t *value)
{
  bson_decimal128_t decimal;
  char text[BSON_DECIMAL128_STRING];
  if (BSON_ITER_HOLDS_INT(value)) {
    return (long double)bson_iter_as_int64(value);
  }
  if (bson_iter_decimal128(value, &decimal)) {
    bson_decimal128_to_string(&decimal, text);
    return strtold(text, NULL);
  }
  return (long double)bson_iter_as_double(value);
}

bool
exact_number_same(const bson_iter_t *left, const bson_iter_t *right)
{
  long double a = exact_number_of(left);
  long double b = exact_number_of(right);
  return a == b || (isnan(a) && isnan(b));
}

/* A value lies between these two offsets: libbson sets d1 behind the name for each type. */
bool
exact_bytes_same(const bson_iter_t *left, const bson_iter_t *right)
{
  uint32_t left_size = left->next_off - left->d1;
  uint32_t right_size = right->next_off - right->d1;
  return left_size == right_size && memcmp(left->raw + left->d1, right->raw + right->d1, left_size) == 0;
}
