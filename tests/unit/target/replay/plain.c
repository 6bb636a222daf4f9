/* Deltas as modifiers: what a server does with these, modelled here, against what it does with the delta. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "target/replay/delta.h"

#define ROUNDS 40000
#define NAMES 16

static uint64_t state;

/* xorshift: the same numbers everywhere for one seed. */
static uint32_t
below(uint32_t bound)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 33) % bound;
}

static const char *const names[NAMES] = {"a", "b", "c",  "d",   "zz",   "Z", "\xc3\xa4", "k",
                                         "0", "1", "10", "a.b", "$ref", "",  "sa",       "u"};

/* Mostly names that modifiers can have. */
static const char *
any_name(void)
{
  return names[below(20) ? below(11) : below(NAMES)];
}

static void put_document(bson_t *into, const char *key, int depth);

static void
put_value(bson_t *into, const char *key, int depth)
{
  uint32_t kind = below(depth > 0 ? 5 : 3);
  bson_t array;
  if (kind == 0) {
    BSON_APPEND_INT32(into, key, (int)below(100));
  } else if (kind == 1) {
    BSON_APPEND_UTF8(into, key, "text");
  } else if (kind == 2) {
    BSON_APPEND_TIMESTAMP(into, key, 0, 0);
  } else if (kind == 3) {
    put_document(into, key, depth - 1);
  } else {
    char index[16];
    uint32_t length = below(13);
    BSON_APPEND_ARRAY_BEGIN(into, key, &array);
    for (uint32_t i = 0; i < length; i++) {
      snprintf(index, sizeof index, "%u", i);
      put_value(&array, index, depth - 1);
    }
    bson_append_array_end(into, &array);
  }
}

static void
put_fields(bson_t *document, uint32_t count, int depth)
{
  while (count-- > 0) {
    const char *name = any_name();
    bson_iter_t there;
    if (!bson_iter_init_find(&there, document, name)) {
      put_value(document, name, depth);
    }
  }
}

static void
put_document(bson_t *into, const char *key, int depth)
{
  bson_t document;
  BSON_APPEND_DOCUMENT_BEGIN(into, key, &document);
  put_fields(&document, below(5), depth);
  bson_append_document_end(into, &document);
}

static void make_diff(const bson_t *document, bson_t *diff);
static void make_array_diff(const bson_t *array, bson_t *diff);

static void
view(const bson_iter_t *iter, bson_t *value)
{
  const bson_value_t *whole = bson_iter_value((bson_iter_t *)iter);
  cr_assert(bson_init_static(value, whole->value.v_doc.data, whole->value.v_doc.data_len));
}

/* Appends the change below `iter`, of either kind, if it is a document or an array. */
static bool
put_below(bson_t *subs, const char *key, const bson_iter_t *iter)
{
  bson_t value;
  bson_t sub = BSON_INITIALIZER;
  if (!BSON_ITER_HOLDS_DOCUMENT(iter) && !BSON_ITER_HOLDS_ARRAY(iter)) {
    return false;
  }
  view(iter, &value);
  if (BSON_ITER_HOLDS_DOCUMENT(iter)) {
    make_diff(&value, &sub);
  } else {
    make_array_diff(&value, &sub);
  }
  BSON_APPEND_DOCUMENT(subs, key, &sub);
  bson_destroy(&sub);
  return true;
}

/* One that a server could have made of this document: it changes or removes what is there, and adds what is not. */
static void
make_diff(const bson_t *document, bson_t *diff)
{
  bson_t gone = BSON_INITIALIZER;
  bson_t set = BSON_INITIALIZER;
  bson_t added = BSON_INITIALIZER;
  bson_t subs = BSON_INITIALIZER;
  bson_iter_t iter;
  for (bson_iter_init(&iter, document); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    char sub_key[64];
    snprintf(sub_key, sizeof sub_key, "s%s", key);
    uint32_t kind = strcmp(key, "_id") == 0 ? 99 : below(12);
    if (kind == 0) {
      BSON_APPEND_BOOL(&gone, key, false);
    } else if (kind == 1) {
      put_value(&set, key, 2);
    } else if (kind == 2) { /* moved to the end */
      bson_append_iter(&added, key, -1, &iter);
    } else if (kind < 6) {
      put_below(&subs, sub_key, &iter);
    }
  }
  for (uint32_t count = below(2) * below(4); count > 0; count--) {
    const char *name = any_name();
    bson_iter_t there;
    if (!bson_iter_init_find(&there, document, name) && !bson_iter_init_find(&there, &added, name)) {
      put_value(&added, name, 2);
    }
  }
  if (!bson_empty(&gone)) {
    BSON_APPEND_DOCUMENT(diff, "d", &gone);
  }
  if (!bson_empty(&set)) {
    BSON_APPEND_DOCUMENT(diff, "u", &set);
  }
  if (!bson_empty(&added)) {
    BSON_APPEND_DOCUMENT(diff, "i", &added);
  }
  bson_concat(diff, &subs);
  bson_destroy(&gone);
  bson_destroy(&set);
  bson_destroy(&added);
  bson_destroy(&subs);
}

static void
make_array_diff(const bson_t *array, bson_t *diff)
{
  uint32_t length = bson_count_keys(array);
  bson_iter_t iter;
  char key[16];
  uint32_t i = 0;
  BSON_APPEND_BOOL(diff, "a", true);
  if (length > 0 && below(6) == 0) {
    length = below(length);
    BSON_APPEND_INT32(diff, "l", (int)length);
  }
  for (bson_iter_init(&iter, array); i < length && bson_iter_next(&iter); i++) {
    uint32_t kind = below(5);
    snprintf(key, sizeof key, "%c%u", kind == 0 ? 'u' : 's', i);
    if (kind == 0) {
      put_value(diff, key, 1);
    } else if (kind < 3) {
      put_below(diff, key, &iter);
    }
  }
  for (uint32_t more = below(3); more > 0; more--, i++) {
    snprintf(key, sizeof key, "u%u", i);
    put_value(diff, key, 1);
  }
}

/* As servers order the parts of paths: S:src/mongo/db/update/path_support.h, cmpPathsAndArrayIndexes@r5.0.0 */
static int
compare_parts(const char *left, const char *right)
{
  size_t a = strlen(left);
  size_t b = strlen(right);
  bool numbers = a && b && *left >= '0' && *left <= '9' && *right >= '0' && *right <= '9' && !(*left == '0' && a > 1) &&
                 !(*right == '0' && b > 1);
  return numbers && a != b ? (a < b ? -1 : 1) : strcmp(left, right);
}

static int
compare_paths(const void *left, const void *right)
{
  char a[1100];
  char b[1100];
  char *more_a = NULL;
  char *more_b = NULL;
  snprintf(a, sizeof a, "%s", *(const char *const *)left);
  snprintf(b, sizeof b, "%s", *(const char *const *)right);
  const char *part_a = strtok_r(a, ".", &more_a);
  const char *part_b = strtok_r(b, ".", &more_b);
  while (part_a && part_b) {
    int order = compare_parts(part_a, part_b);
    if (order) {
      return order;
    }
    part_a = strtok_r(NULL, ".", &more_a);
    part_b = strtok_r(NULL, ".", &more_b);
  }
  cr_assert_fail("one path is the beginning of another: %s and %s", *(const char *const *)left,
                 *(const char *const *)right);
  return 0;
}

/* Sets (or with `value` NULL, removes) one path, as servers do where all of it but its last part is there. */
static void
change_path(const bson_t *before, const char *path, const bson_iter_t *value, bool array, bson_t *after)
{
  const char *dot = strchr(path, '.');
  size_t length = dot ? (size_t)(dot - path) : strlen(path);
  bson_iter_t iter;
  bool found = false;
  char name[1100];
  snprintf(name, sizeof name, "%.*s", (int)length, path);
  bson_init(after);
  for (bson_iter_init(&iter, before); bson_iter_next(&iter);) {
    if (strcmp(bson_iter_key(&iter), name) != 0) {
      bson_append_iter(after, NULL, 0, &iter);
      continue;
    }
    found = true;
    if (!dot && value) {
      bson_append_iter(after, name, -1, value);
    } else if (dot) {
      bson_t inner;
      bson_t changed;
      bool inner_array = BSON_ITER_HOLDS_ARRAY(&iter);
      cr_assert(inner_array || BSON_ITER_HOLDS_DOCUMENT(&iter), "%s is set below a value", path);
      view(&iter, &inner);
      change_path(&inner, dot + 1, value, inner_array, &changed);
      if (inner_array) {
        BSON_APPEND_ARRAY(after, name, &changed);
      } else {
        BSON_APPEND_DOCUMENT(after, name, &changed);
      }
      bson_destroy(&changed);
    }
  }
  if (!found) {
    cr_assert(!dot, "%s is not there", path);
    cr_assert(value, "%s to be removed is not there", path);
    for (uint32_t i = bson_count_keys(after); array && i < (uint32_t)atoi(name); i++) { /* filled up with nulls */
      char index[16];
      snprintf(index, sizeof index, "%u", i);
      BSON_APPEND_NULL(after, index);
    }
    bson_append_iter(after, name, -1, value);
  }
}

/* As a server carries the update out: the paths in its own order. */
static void
change_all(const bson_t *before, const bson_t *update, bson_t *after)
{
  static const char *paths[1000];
  static struct {
    bson_iter_t iter;
  } values[1000];
  bson_iter_t modifier;
  bson_iter_t field;
  size_t count = 0;
  for (bson_iter_init(&modifier, update); bson_iter_next(&modifier);) {
    for (bson_iter_recurse(&modifier, &field); bson_iter_next(&field);) {
      paths[count] = bson_iter_key(&field);
      values[count++].iter = field;
    }
  }
  const char *sorted[1000];
  memcpy(sorted, paths, count * sizeof *paths);
  qsort(sorted, count, sizeof *sorted, compare_paths);
  bson_copy_to(before, after);
  for (size_t i = 0; i < count; i++) {
    size_t at = 0;
    bson_t next;
    bson_iter_t removed;
    while (paths[at] != sorted[i]) {
      at++;
    }
    bool unset = bson_iter_init_find(&modifier, update, "$unset") && bson_iter_recurse(&modifier, &removed) &&
                 bson_iter_find(&removed, sorted[i]);
    change_path(after, sorted[i], unset ? NULL : &values[at].iter, false, &next);
    bson_destroy(after);
    bson_copy_to(&next, after);
    bson_destroy(&next);
  }
}

static bool
same_by_modifiers(const bson_t *before, const bson_t *diff)
{
  bson_t update;
  bson_t by_delta;
  bson_t by_modifiers;
  struct error error;
  if (!delta_is_plain(diff)) {
    return false;
  }
  delta_plain_update(diff, &update);
  cr_assert(delta_apply(before, diff, &by_delta, &error), "%s", error.text);
  change_all(before, &update, &by_modifiers);
  char *shown[5] = {bson_as_canonical_extended_json(before, NULL), bson_as_canonical_extended_json(diff, NULL), bson_as_canonical_extended_json(&update, NULL),
                    bson_as_canonical_extended_json(&by_delta, NULL), bson_as_canonical_extended_json(&by_modifiers, NULL)};
  cr_assert(bson_equal(&by_delta, &by_modifiers), "%s by %s is %s; by %s it is %s", shown[0], shown[1], shown[3],
            shown[2], shown[4]);
  for (size_t i = 0; i < 5; i++) {
    bson_free(shown[i]);
  }
  bson_destroy(&update);
  bson_destroy(&by_delta);
  bson_destroy(&by_modifiers);
  return true;
}

Test(plain, random_deltas_do_the_same_as_modifiers)
{
  const char *seed = getenv("FERRY_SEED");
  uint64_t begun = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
  int plain = 0;
  state = begun * 2654435761u + 88172645463325252u;
  cr_log_info("FERRY_SEED=%llu", (unsigned long long)begun);
  for (int round = 0; round < ROUNDS; round++) {
    bson_t document = BSON_INITIALIZER;
    bson_t diff = BSON_INITIALIZER;
    BSON_APPEND_INT32(&document, "_id", 1);
    put_fields(&document, below(8), 3);
    make_diff(&document, &diff);
    plain += same_by_modifiers(&document, &diff);
    bson_destroy(&document);
    bson_destroy(&diff);
  }
  cr_assert_gt(plain, ROUNDS / 10, "FERRY_SEED=%llu: only %d of %d deltas are plain", (unsigned long long)begun, plain,
               ROUNDS);
}

static void
is_plain(const char *diff, bool expected)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)diff, -1, &cause);
  cr_assert_not_null(document, "%s", cause.message);
  cr_assert_eq(delta_is_plain(document), expected, "%s", diff);
  bson_destroy(document);
}

Test(plain, what_modifiers_cannot_say_is_not_plain)
{
  is_plain("{\"u\": {\"n\": 1}, \"sa\": {\"u\": {\"x\": 1, \"y\": 2}}, \"d\": {\"o\": false}}", true);
  is_plain("{\"slist\": {\"a\": true, \"u3\": 1, \"s0\": {\"u\": {\"k\": 1}}}}", true);
  is_plain("{\"i\": {\"a\": 1}}", false); /* it may be there, in another place */
  is_plain("{\"u\": {\"a.b\": 1}}", false);
  is_plain("{\"u\": {\"$a\": 1}}", false);
  is_plain("{\"u\": {\"\": 1}}", false);
  is_plain("{\"d\": {\"_id\": false}}", false);
  is_plain("{\"sa.b\": {\"u\": {\"c\": 1}}}", false);
  is_plain("{\"slist\": {\"a\": true, \"l\": 3}}", false);
  is_plain("{\"b\": {\"x\": {\"o\": 1}}}", false); /* of servers later than the one that this is for */
  is_plain("{}", false);
}
