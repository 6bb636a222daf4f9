#include "compare/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/exact_number.h"
#include "target/definition/numbers.h"

#define SHOWN_MOST 60

bool
values_truth(const bson_iter_t *value)
{
  return numbers_is(value) ? numbers_of(value) != 0 : bson_iter_as_bool(value);
}

bool
values_show(const bson_iter_t *value, char *text, size_t size)
{
  if (BSON_ITER_HOLDS_BOOL(value)) {
    snprintf(text, size, "%s", bson_iter_bool(value) ? "true" : "false");
  } else if (BSON_ITER_HOLDS_UTF8(value)) {
    snprintf(text, size, "\"%.*s\"", SHOWN_MOST, bson_iter_utf8(value, NULL));
  } else if (BSON_ITER_HOLDS_INT(value)) {
    snprintf(text, size, "%lld", (long long)bson_iter_as_int64(value));
  } else if (numbers_is(value)) {
    snprintf(text, size, "%g", numbers_of(value));
  } else {
    return false;
  }
  return true;
}

static bool
holds_fields(const bson_iter_t *value)
{
  return BSON_ITER_HOLDS_DOCUMENT(value) || BSON_ITER_HOLDS_ARRAY(value);
}

static void
extend(char *path, const char *name)
{
  size_t used = strlen(path);
  snprintf(path + used, VALUES_PATH_SIZE - used, "%s%s", used ? "." : "", name);
}

bool
values_same_bytes(const bson_iter_t *left, const bson_iter_t *right)
{
  return bson_iter_type(left) == bson_iter_type(right) && exact_bytes_same(left, right);
}

/* Of two whose types or bytes differ. */
static bool
same_scalar(const bson_iter_t *left, const bson_iter_t *right, enum values_rule rule)
{
  if (rule == VALUES_EXACT) {
    return false;
  }
  if (numbers_is(left) && numbers_is(right)) {
    double a = numbers_of(left);
    double b = numbers_of(right);
    return a == b || (isnan(a) && isnan(b));
  }
  if (BSON_ITER_HOLDS_BOOL(left) || BSON_ITER_HOLDS_BOOL(right)) {
    return (numbers_is(left) || BSON_ITER_HOLDS_BOOL(left)) && (numbers_is(right) || BSON_ITER_HOLDS_BOOL(right)) &&
           values_truth(left) == values_truth(right);
  }
  return false;
}

/* On a difference the path has the name of the field. */
static bool
same_in_order(bson_iter_t *left, bson_iter_t *right, enum values_rule rule, char *path)
{
  for (;;) {
    bool more = bson_iter_next(left);
    if (more != bson_iter_next(right)) {
      extend(path, bson_iter_key(more ? left : right));
      return false;
    }
    if (!more) { /* what cannot be read is not the same */
      return !left->err_off && !right->err_off;
    }
    size_t used = strlen(path);
    extend(path, bson_iter_key(left));
    if (strcmp(bson_iter_key(left), bson_iter_key(right)) != 0 || !values_same(left, right, rule, path)) {
      return false;
    }
    path[used] = 0;
  }
}

/* Each field of `left` is in `right`, and the same there. */
static bool
same_by_name(const bson_iter_t *left, const bson_iter_t *right, enum values_rule rule, char *path)
{
  bson_iter_t field;
  for (bson_iter_recurse(left, &field); bson_iter_next(&field);) {
    bson_iter_t other;
    size_t used = strlen(path);
    if (rule == VALUES_TOLD && strcmp(bson_iter_key(&field), "version") == 0) {
      continue;
    }
    bool there = bson_iter_recurse(right, &other) && bson_iter_find(&other, bson_iter_key(&field));
    extend(path, bson_iter_key(&field));
    if (there ? !values_same(&field, &other, rule, path) : rule != VALUES_TOLD) {
      return false;
    }
    path[used] = 0;
  }
  return !field.err_off;
}

bool
values_same(const bson_iter_t *left, const bson_iter_t *right, enum values_rule rule, char *path)
{
  bson_iter_t a;
  bson_iter_t b;
  if (values_same_bytes(left, right)) {
    return true;
  }
  if (!holds_fields(left) || bson_iter_type(left) != bson_iter_type(right)) {
    return same_scalar(left, right, rule);
  }
  if (!bson_iter_recurse(left, &a) || !bson_iter_recurse(right, &b)) {
    return false;
  }
  if (rule == VALUES_EXACT || rule == VALUES_NUMBERS || BSON_ITER_HOLDS_ARRAY(left)) {
    return same_in_order(&a, &b, rule, path);
  }
  return same_by_name(left, right, rule, path) && same_by_name(right, left, rule, path);
}
