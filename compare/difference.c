#include "compare/difference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nesting.h"
#include "base/text.h"
#include "compare/values.h"
#include "server/exact_number.h"

static const struct {
  const char *name;
  const char *text;
} kinds[DIFFERENCE_KINDS] = {{"missing", "missing on the target"},
                             {"extra", "only on the target"},
                             {"value", "different"},
                             {"fieldOrder", "fields in another order"},
                             {"numericType", "a number of another type"},
                             {"position", "at another place"}};

const char *
difference_name(enum difference_kind kind)
{
  return kinds[kind].name;
}

const char *
difference_text(enum difference_kind kind)
{
  return kinds[kind].text;
}

enum difference_kind
difference_named(const char *name)
{
  int kind = 0;
  while (kind < DIFFERENCE_KINDS && strcmp(kinds[kind].name, name) != 0) {
    kind++;
  }
  return (enum difference_kind)kind;
}

/* How alike two values may be. */
enum likeness { SAME_BYTES, SAME_NUMBERS, SAME_FIELDS };

static bool alike(const bson_iter_t *left, const bson_iter_t *right, enum likeness likeness);

static bool
same_number(const bson_iter_t *left, const bson_iter_t *right)
{
  return exact_number_is(left) && exact_number_is(right) && bson_iter_type(left) != bson_iter_type(right) &&
         exact_number_same(left, right);
}

/* On a difference both iterators stand where it is; one of them may be at its end. */
static bool
alike_in_order(bson_iter_t *left, bson_iter_t *right, enum likeness likeness, bool *left_there, bool *right_there)
{
  for (;;) {
    *left_there = bson_iter_next(left);
    *right_there = bson_iter_next(right);
    if (!*left_there || !*right_there) { /* what cannot be read is not alike */
      return *left_there == *right_there && !left->err_off && !right->err_off;
    }
    if (strcmp(bson_iter_key(left), bson_iter_key(right)) != 0 || !alike(left, right, likeness)) {
      return false;
    }
  }
}

struct field {
  const char *name;
  uint32_t offset; /* of its element in the document */
};

static int
by_name(const void *left, const void *right)
{
  const struct field *a = left;
  const struct field *b = right;
  int names = strcmp(a->name, b->name);
  return names != 0 ? names : (a->offset > b->offset) - (a->offset < b->offset);
}

/* The fields behind `before`, sorted by name; the caller's. */
static struct field *
list_fields(const bson_iter_t *before, size_t *count, bool *damaged)
{
  struct field *fields = NULL;
  size_t capacity = 0;
  bson_iter_t field = *before;
  for (*count = 0; bson_iter_next(&field); ++*count) {
    fields = memory_grow(fields, *count, &capacity, sizeof *fields);
    fields[*count] = (struct field){bson_iter_key(&field), bson_iter_offset(&field)};
  }
  *damaged |= field.err_off != 0;
  if (*count > 1) {
    qsort(fields, *count, sizeof *fields, by_name);
  }
  return fields;
}

static bool
go_to(const bson_iter_t *document, const struct field *field, bson_iter_t *iter)
{
  return bson_iter_init_from_data_at_offset(iter, document->raw, document->len, field->offset, strlen(field->name));
}

/*
 * Both have the same fields, in any order. Of those with one name the first is compared with the first, and so on. Both
 * stand before their first field.
 */
static bool
alike_by_name(const bson_iter_t *left, const bson_iter_t *right)
{
  size_t count;
  size_t others;
  bool damaged = false;
  struct field *ours = list_fields(left, &count, &damaged);
  struct field *theirs = list_fields(right, &others, &damaged);
  bool same = count == others && !damaged;
  for (size_t i = 0; same && i < count; i++) {
    bson_iter_t a;
    bson_iter_t b;
    same = strcmp(ours[i].name, theirs[i].name) == 0 && go_to(left, &ours[i], &a) && go_to(right, &theirs[i], &b) &&
           alike(&a, &b, SAME_FIELDS);
  }
  free(ours);
  free(theirs);
  return same;
}

static bool
alike(const bson_iter_t *left, const bson_iter_t *right, enum likeness likeness)
{
  bson_iter_t a;
  bson_iter_t b;
  bool more;
  bool others;
  bool array = BSON_ITER_HOLDS_ARRAY(left);
  if (values_same_bytes(left, right)) {
    return true;
  }
  if (bson_iter_type(left) != bson_iter_type(right) || !(array || BSON_ITER_HOLDS_DOCUMENT(left))) {
    return likeness == SAME_NUMBERS && same_number(left, right);
  }
  if (!bson_iter_recurse(left, &a) || !bson_iter_recurse(right, &b)) {
    return false;
  }
  return likeness == SAME_FIELDS && !array ? alike_by_name(&a, &b) : alike_in_order(&a, &b, likeness, &more, &others);
}

static void
extend(char *path, const char *name)
{
  size_t used = strlen(path);
  if (used > 0 && used < DIFFERENCE_PATH_SIZE - 1) {
    path[used++] = '.';
  }
  text_escape(path + used, DIFFERENCE_PATH_SIZE - used, name, strlen(name));
}

static void
show(const bson_iter_t *value, char *text)
{
  bson_t holder = BSON_INITIALIZER;
  bson_append_iter(&holder, "", 0, value);
  char *json = bson_as_canonical_extended_json(&holder, NULL); /* { "" : VALUE } */
  size_t length = json ? strlen(json) : 0;
  if (length > 9) {
    text_escape(text, DIFFERENCE_VALUE_SIZE, json + 7, length - 9);
  } else {
    snprintf(text, DIFFERENCE_VALUE_SIZE, "no valid UTF-8");
  }
  bson_free(json);
  bson_destroy(&holder);
}

/* Follows both to the first field that differs. */
static void
find_field(bson_iter_t *left, bson_iter_t *right, bool values, struct difference *difference)
{
  bool here;
  bool there;
  while (!alike_in_order(left, right, SAME_BYTES, &here, &there)) {
    bson_iter_t a;
    bson_iter_t b;
    if (!here && !there) { /* damaged */
      return;
    }
    extend(difference->path, bson_iter_key(here ? left : right));
    bool same_name = here && there && strcmp(bson_iter_key(left), bson_iter_key(right)) == 0;
    bool inner = same_name && bson_iter_type(left) == bson_iter_type(right) &&
                 (BSON_ITER_HOLDS_DOCUMENT(left) || BSON_ITER_HOLDS_ARRAY(left));
    if (inner && bson_iter_recurse(left, &a) && bson_iter_recurse(right, &b)) {
      *left = a;
      *right = b;
      continue;
    }
    if (values && here) {
      show(left, difference->source);
    }
    if (values && there && (same_name || !here)) {
      show(right, difference->target);
    }
    return;
  }
}

/* No value is copied: documents may be large. */
void
difference_find(const bson_t *source, const bson_t *target, bool values, struct difference *difference)
{
  bson_iter_t left;
  bson_iter_t right;
  bson_iter_t a;
  bson_iter_t b;
  bool more;
  bool others;
  *difference = (struct difference){.kind = DIFFERENCE_VALUE};
  if (!nesting_fits(bson_get_data(source), source->len) || !nesting_fits(bson_get_data(target), target->len) ||
      !bson_iter_init(&left, source) || !bson_iter_init(&right, target)) {
    return;
  }
  a = left;
  b = right;
  difference->kind = alike_in_order(&a, &b, SAME_NUMBERS, &more, &others) ? DIFFERENCE_NUMBERS
                     : alike_by_name(&left, &right)                       ? DIFFERENCE_ORDER
                                                                          : DIFFERENCE_VALUE;
  find_field(&left, &right, values, difference);
}

static void
put_text(bson_t *item, const char *name, const char *text)
{
  if (text[0]) {
    bson_append_utf8(item, name, -1, text, -1);
  }
}

void
difference_put(const struct difference *difference, bson_t *item)
{
  BSON_APPEND_UTF8(item, "kind", difference_name(difference->kind));
  put_text(item, "path", difference->path);
  put_text(item, "source_value", difference->source);
  put_text(item, "target_value", difference->target);
}
