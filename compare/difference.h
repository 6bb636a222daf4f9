/*
 * What is different about one document. Pure.
 */
#ifndef FERRY_COMPARE_DIFFERENCE_H
#define FERRY_COMPARE_DIFFERENCE_H

#include <bson/bson.h>
#include <stdbool.h>

enum difference_kind {
  DIFFERENCE_MISSING,  /* the target does not have it */
  DIFFERENCE_EXTRA,    /* the source does not have it */
  DIFFERENCE_VALUE,    /* the values differ */
  DIFFERENCE_ORDER,    /* only the order of fields differs */
  DIFFERENCE_NUMBERS,  /* the numbers are equal, but of another type */
  DIFFERENCE_POSITION, /* of a capped collection: the same document at another place */
  DIFFERENCE_KINDS
};

/* "missing", "fieldOrder"... as the report says it; and the same for people. */
const char *difference_name(enum difference_kind kind);
const char *difference_text(enum difference_kind kind);
/* The kind of that name; DIFFERENCE_KINDS: there is none. */
enum difference_kind difference_named(const char *name);

#define DIFFERENCE_PATH_SIZE 300
#define DIFFERENCE_VALUE_SIZE 300

struct difference {
  enum difference_kind kind;
  char path[DIFFERENCE_PATH_SIZE];    /* of the first field that differs; "" if it is not known */
  char source[DIFFERENCE_VALUE_SIZE]; /* that field's value, as JSON; "" if there is none, or none was asked for */
  char target[DIFFERENCE_VALUE_SIZE];
};

/* Of two documents whose bytes differ. They may be damaged. */
void difference_find(const bson_t *source, const bson_t *target, bool values, struct difference *difference);

/* Appends kind, path?, source_value?, target_value?, as a message and the report have them. */
void difference_put(const struct difference *difference, bson_t *item);

#endif
