#include "target/definition/numbers.h"

#include <math.h>
#include <stdlib.h>

#define TWO_TO_63 9223372036854775808.0

bool
numbers_is(const bson_iter_t *iter)
{
  return BSON_ITER_HOLDS_NUMBER(iter) || BSON_ITER_HOLDS_DECIMAL128(iter);
}

double
numbers_of(const bson_iter_t *iter)
{
  double number;
  if (BSON_ITER_HOLDS_DECIMAL128(iter)) {
    bson_decimal128_t decimal;
    char text[BSON_DECIMAL128_STRING];
    bson_iter_decimal128(iter, &decimal);
    bson_decimal128_to_string(&decimal, text);
    number = strtod(text, NULL);
  } else {
    number = BSON_ITER_HOLDS_DOUBLE(iter) ? bson_iter_double(iter) : (double)bson_iter_as_int64(iter);
  }
  return isnan(number) ? NAN : number == 0 ? 0 : number;
}

int64_t
numbers_whole(const bson_iter_t *iter)
{
  if (BSON_ITER_HOLDS_INT(iter)) {
    return bson_iter_as_int64(iter);
  }
  double number = numbers_is(iter) ? numbers_of(iter) : 0;
  if (isnan(number)) {
    return 0;
  }
  return number >= TWO_TO_63 ? INT64_MAX : number <= -TWO_TO_63 ? INT64_MIN : (int64_t)number;
}
