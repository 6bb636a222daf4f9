/*
 * Where two BSON values differ. Pure.
 */
#ifndef FERRY_COMPARE_VALUES_H
#define FERRY_COMPARE_VALUES_H

#include <bson/bson.h>
#include <stdbool.h>

#define VALUES_PATH_SIZE 300

enum values_rule {
  VALUES_EXACT,   /* the same bytes; fields in the same order */
  VALUES_NUMBERS, /* numbers as servers compare them, and booleans by their truth; fields in the same order */
  VALUES_NAMED,   /* as before, but fields in any order */
  /* As before. A field that only one side has is ignored, as newer servers fill in more. So is a collation's version. */
  VALUES_TOLD
};

/*
 * True if the values are the same. If not, `path` (VALUES_PATH_SIZE bytes; it holds the path up to here, without a dot
 * at its end) is extended by the names that lead to the first difference.
 */
bool values_same(const bson_iter_t *left, const bson_iter_t *right, enum values_rule rule, char *path);

/* The same type and the same bytes; the names do not count. */
bool values_same_bytes(const bson_iter_t *left, const bson_iter_t *right);

/* The value as a server takes it for an option that is on or off. */
bool values_truth(const bson_iter_t *value);

/* A scalar in a few characters, for a message: a number, true, "text". False for another kind of value. */
bool values_show(const bson_iter_t *value, char *text, size_t size);

#endif
