#include "target/replay/delta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define DEPTH_MOST 220 /* the servers' own limit is 180 or 200 */
#define PATH_MOST 1024
#define LENGTH_MOST (2u << 20) /* more nulls than that are more than 16 MB */
#define SIZE_MOST (32u << 20) /* the servers' own limit is 16 MB; short diffs may ask for long arrays again and again */

static bool apply_document(const bson_t *document, const bson_t *diff, bson_t *result, int depth, struct error *error);
static bool apply_array(const bson_t *array, const bson_t *diff, bson_t *result, int depth, struct error *error);

static bool
bad_diff(const char *what, struct error *error)
{
  return error_set(error, ERROR_DIVERGED, "an update's diff has an unknown form: %s", what);
}

/* The sub-document or array an iterator stands on; an empty one if it stands on something else. */
static bool
sub_document(const bson_iter_t *iter, bson_t *document)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (BSON_ITER_HOLDS_DOCUMENT(iter)) {
    bson_iter_document(iter, &size, &bytes);
  } else if (BSON_ITER_HOLDS_ARRAY(iter)) {
    bson_iter_array(iter, &size, &bytes);
  }
  return bytes && bson_init_static(document, bytes, size);
}

/*
 * What a diff says of one field or element: where in the diff that is. So each is found without a walk through all of
 * them.
 */
struct change {
  const char *name; /* of the field; NULL: of an element */
  uint32_t index;   /* of the element */
  uint32_t number;  /* the order in which they were noted: of several, the first counts */
  char kind;        /* the section's name */
  bool met;         /* the document has such a field */
  uint32_t name_size;
  const uint8_t *diff; /* the document that it lies in, of that length, and where in it */
  uint32_t length;
  uint32_t offset;
};

struct changes {
  struct change *items;
  size_t count;
  size_t capacity;
};

static void
note_change(struct changes *changes, const bson_iter_t *at, char kind, const char *name, uint32_t index)
{
  changes->items = memory_grow(changes->items, changes->count, &changes->capacity, sizeof *changes->items);
  changes->items[changes->count] = (struct change){.name = name,
                                                   .index = index,
                                                   .number = (uint32_t)changes->count,
                                                   .kind = kind,
                                                   .name_size = bson_iter_key_len(at),
                                                   .diff = at->raw,
                                                   .length = at->len,
                                                   .offset = at->off};
  changes->count++;
}

static int
compare_subjects(const struct change *a, const struct change *b)
{
  return a->name ? strcmp(a->name, b->name) : (a->index > b->index) - (a->index < b->index);
}

static int
compare_changes(const void *left, const void *right)
{
  const struct change *a = left;
  const struct change *b = right;
  int subjects = compare_subjects(a, b);
  return subjects ? subjects : (a->number > b->number) - (a->number < b->number);
}

static int
compare_to_subject(const void *left, const void *right)
{
  return compare_subjects(left, right);
}

/* Sorted, and one of each subject. */
static void
sort_changes(struct changes *changes)
{
  size_t kept = 0;
  if (changes->count > 0) {
    qsort(changes->items, changes->count, sizeof *changes->items, compare_changes);
  }
  for (size_t i = 0; i < changes->count; i++) {
    if (kept == 0 || compare_subjects(&changes->items[kept - 1], &changes->items[i]) != 0) {
      changes->items[kept++] = changes->items[i];
    }
  }
  changes->count = kept;
}

/* The new value, or the diff of it. */
static bool
value_of(const struct change *change, bson_iter_t *value)
{
  return bson_iter_init_from_data_at_offset(value, change->diff, change->length, change->offset, change->name_size);
}

/* Applies the diff under `sub` to the value under `old`, and appends the result as `key`. */
static bool
append_patched(bson_t *result, const char *key, const bson_iter_t *old, const bson_iter_t *sub, int depth,
               struct error *error)
{
  bson_t diff;
  bson_t value;
  bson_t patched;
  bson_iter_t flag;
  if (!sub_document(sub, &diff)) {
    return bad_diff("a sub-diff that is no document", error);
  }
  bool array = bson_iter_init_find(&flag, &diff, "a") && bson_iter_as_bool(&flag);
  bool fits = old && (array ? BSON_ITER_HOLDS_ARRAY(old) : BSON_ITER_HOLDS_DOCUMENT(old)) && sub_document(old, &value);
  if (!fits) {
    return BSON_APPEND_NULL(result, key) || bad_diff("a document of that size", error);
  }
  bool ok;
  if (array) {
    bson_append_array_begin(result, key, -1, &patched);
    ok = apply_array(&value, &diff, &patched, depth + 1, error);
    bson_append_array_end(result, &patched);
  } else {
    bson_append_document_begin(result, key, -1, &patched);
    ok = apply_document(&value, &diff, &patched, depth + 1, error);
    bson_append_document_end(result, &patched);
  }
  return ok && (result->len <= SIZE_MOST || bad_diff("a document of that size", error));
}

static bool
check_sections(const bson_t *diff, struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init(&iter, diff)) {
    return bad_diff("not BSON", error);
  }
  while (bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    bool plain = strcmp(key, "d") == 0 || strcmp(key, "u") == 0 || strcmp(key, "i") == 0;
    if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || (!plain && key[0] != 's')) {
      return bad_diff(key, error);
    }
  }
  return true;
}

static void
note_section(struct changes *changes, const bson_t *diff, const char *name)
{
  bson_iter_t section;
  bson_iter_t field;
  if (bson_iter_init_find(&section, diff, name) && bson_iter_recurse(&section, &field)) {
    while (bson_iter_next(&field)) {
      note_change(changes, &field, *name, bson_iter_key(&field), 0);
    }
  }
}

/* What is removed or moved to the end comes before what is set. That comes before what is changed within. */
static void
note_fields(struct changes *changes, const bson_t *diff)
{
  bson_iter_t iter;
  note_section(changes, diff, "d");
  note_section(changes, diff, "i");
  note_section(changes, diff, "u");
  for (bson_iter_init(&iter, diff); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (key[0] == 's') {
      note_change(changes, &iter, 's', key + 1, 0);
    }
  }
  sort_changes(changes);
}

static struct change *
find_field(const struct changes *changes, const char *name)
{
  const struct change wanted = {.name = name};
  return changes->count == 0
           ? NULL
           : bsearch(&wanted, changes->items, changes->count, sizeof *changes->items, compare_to_subject);
}

/* Appends a section's fields; with `unless_met`, those which the document does not have. */
static void
append_section(const bson_t *diff, const char *name, const struct changes *unless_met, bson_t *result)
{
  bson_iter_t section;
  bson_iter_t field;
  if (!bson_iter_init_find(&section, diff, name) || !bson_iter_recurse(&section, &field)) {
    return;
  }
  while (bson_iter_next(&field)) {
    const char *key = bson_iter_key(&field);
    const struct change *change = unless_met ? find_field(unless_met, key) : NULL;
    if (!change || !change->met) {
      bson_append_iter(result, key, (int)bson_iter_key_len(&field), &field);
    }
  }
}

/*
 * Appends what becomes of a field or an element. `old` NULL: there was none. `change` NULL: the diff does not name it,
 * so it stays, or is null.
 */
static bool
append_changed(bson_t *result, const char *key, const bson_iter_t *old, const struct change *change, int depth,
               struct error *error)
{
  bson_iter_t value;
  bool ok;
  if (!change) {
    ok = old ? bson_append_iter(result, key, -1, old) : BSON_APPEND_NULL(result, key);
  } else if (!value_of(change, &value)) {
    return bad_diff("not BSON", error);
  } else if (change->kind == 's') {
    return append_patched(result, key, old, &value, depth, error);
  } else {
    ok = bson_append_iter(result, key, -1, &value);
  }
  return (ok && result->len <= SIZE_MOST) || bad_diff("a document of that size", error);
}

static bool
apply_document(const bson_t *document, const bson_t *diff, bson_t *result, int depth, struct error *error)
{
  bson_iter_t old;
  bool ok = true;
  struct changes changes = {0};
  if (depth > DEPTH_MOST) {
    return bad_diff("nested too deeply", error);
  }
  if (!check_sections(diff, error) || !bson_iter_init(&old, document)) {
    return false;
  }
  note_fields(&changes, diff);
  while (ok && bson_iter_next(&old)) {
    const char *key = bson_iter_key(&old);
    struct change *change = find_field(&changes, key);
    bool goes = change && (change->kind == 'd' || change->kind == 'i');
    if (change) {
      change->met = true;
    }
    ok = goes || append_changed(result, key, &old, change, depth, error);
  }
  if (ok) {
    append_section(diff, "u", &changes, result);
    append_section(diff, "i", NULL, result);
  }
  free(changes.items);
  return ok;
}

/* Elements are named as servers name them: "07" is none. */
static void
note_elements(struct changes *changes, const bson_t *diff)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, diff); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    const char *digits = key + 1;
    bool plain = *key && *digits && strspn(digits, "0123456789") == strlen(digits) && (*digits != '0' || !digits[1]);
    if ((key[0] == 'u' || key[0] == 's') && plain) {
      note_change(changes, &iter, key[0], NULL, (uint32_t)strtoul(digits, NULL, 10));
    }
  }
  sort_changes(changes);
}

/* The result's length: the old one, or `l`, or as far as an element is set. */
static bool
array_length(const bson_t *array, const bson_t *diff, uint32_t *length, struct error *error)
{
  bson_iter_t iter;
  *length = bson_count_keys(array);
  if (bson_iter_init_find(&iter, diff, "l")) {
    int64_t cut = bson_iter_as_int64(&iter);
    *length = cut < 0 || cut > LENGTH_MOST ? UINT32_MAX : (uint32_t)cut;
  }
  for (bson_iter_init(&iter, diff); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "a") == 0 || strcmp(key, "l") == 0) {
      continue;
    }
    char *end = NULL;
    unsigned long index = strtoul(key + 1, &end, 10);
    if ((key[0] != 'u' && key[0] != 's') || end == key + 1 || *end || index >= LENGTH_MOST) {
      return bad_diff(key, error);
    }
    *length = index + 1 > *length ? (uint32_t)index + 1 : *length;
  }
  return *length <= LENGTH_MOST || bad_diff("an array of that length", error);
}

static bool
apply_array(const bson_t *array, const bson_t *diff, bson_t *result, int depth, struct error *error)
{
  uint32_t length = 0;
  uint32_t cut = UINT32_MAX; /* from here on the old elements are gone */
  size_t next = 0;           /* of the changes */
  bson_iter_t old;
  bson_iter_t found;
  struct changes changes = {0};
  if (depth > DEPTH_MOST) {
    return bad_diff("nested too deeply", error);
  }
  if (!array_length(array, diff, &length, error)) {
    return false;
  }
  if (bson_iter_init_find(&found, diff, "l")) {
    cut = (uint32_t)bson_iter_as_int64(&found);
  }
  note_elements(&changes, diff);
  bson_iter_init(&old, array);
  bool ok = true;
  bool more = true;
  for (uint32_t i = 0; ok && i < length; i++) {
    more = more && bson_iter_next(&old);
    bool changed = next < changes.count && changes.items[next].index == i;
    const struct change *change = changed ? &changes.items[next++] : NULL;
    char key[24];
    snprintf(key, sizeof key, "%u", i);
    ok = append_changed(result, key, more && i < cut ? &old : NULL, change, depth, error);
  }
  free(changes.items);
  return ok;
}

bool
delta_apply(const bson_t *document, const bson_t *diff, bson_t *result, struct error *error)
{
  bson_init(result);
  if (!apply_document(document, diff, result, 0, error)) {
    bson_destroy(result);
    return false;
  }
  return true;
}

/* A diff that becomes modifiers. `set` and `unset` are NULL if only the question is asked. */
struct modifiers {
  bson_t *set;
  bson_t *unset;
  char path[PATH_MOST];
};

static bool plain_document(struct modifiers *modifiers, const bson_t *diff, size_t length);
static bool plain_array(struct modifiers *modifiers, const bson_t *diff, size_t length);

/* Appends `name` to the path of that length, and gives the new length; 0 if modifiers cannot name it. */
static size_t
append_name(struct modifiers *modifiers, size_t length, const char *name)
{
  size_t size = strlen(name);
  bool id = length == 0 && strcmp(name, "_id") == 0;
  if (size == 0 || *name == '$' || strchr(name, '.') || id || length + size + 2 > PATH_MOST) {
    return 0;
  }
  if (length > 0) {
    modifiers->path[length++] = '.';
  }
  memcpy(modifiers->path + length, name, size + 1);
  return length + size;
}

/* Each field of a section as one path, set to its value or (`unset`) removed. */
static bool
plain_section(struct modifiers *modifiers, const bson_iter_t *section, size_t length, bool unset)
{
  bson_iter_t field;
  bson_t *into = unset ? modifiers->unset : modifiers->set;
  if (!bson_iter_recurse(section, &field)) {
    return false;
  }
  while (bson_iter_next(&field)) {
    size_t to = append_name(modifiers, length, bson_iter_key(&field));
    if (to == 0) {
      return false;
    }
    if (into) {
      bson_append_iter(into, modifiers->path, (int)to, &field);
    }
  }
  return true;
}

static bool
plain_below(struct modifiers *modifiers, const bson_iter_t *sub, size_t length, const char *name)
{
  bson_t diff;
  bson_iter_t flag;
  size_t to = append_name(modifiers, length, name);
  if (to == 0 || !sub_document(sub, &diff)) {
    return false;
  }
  bool array = bson_iter_init_find(&flag, &diff, "a") && bson_iter_as_bool(&flag);
  return array ? plain_array(modifiers, &diff, to) : plain_document(modifiers, &diff, to);
}

static bool
plain_document(struct modifiers *modifiers, const bson_t *diff, size_t length)
{
  bson_iter_t iter;
  bool ok = bson_iter_init(&iter, diff);
  while (ok && bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "u") == 0 || strcmp(key, "d") == 0) {
      ok = plain_section(modifiers, &iter, length, *key == 'd');
    } else {
      ok = key[0] == 's' && plain_below(modifiers, &iter, length, key + 1);
    }
  }
  return ok;
}

/* A change of the length has no path. */
static bool
plain_array(struct modifiers *modifiers, const bson_t *diff, size_t length)
{
  bson_iter_t iter;
  bool ok = bson_iter_init(&iter, diff);
  while (ok && bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    if (key[0] == 's') {
      ok = plain_below(modifiers, &iter, length, key + 1);
    } else if (key[0] == 'u') {
      size_t to = append_name(modifiers, length, key + 1);
      ok = to > 0 && (!modifiers->set || bson_append_iter(modifiers->set, modifiers->path, (int)to, &iter));
    } else {
      ok = strcmp(key, "a") == 0;
    }
  }
  return ok;
}

bool
delta_is_plain(const bson_t *diff)
{
  struct modifiers modifiers = {0};
  return !bson_empty(diff) && plain_document(&modifiers, diff, 0);
}

void
delta_plain_update(const bson_t *diff, bson_t *update)
{
  bson_t set = BSON_INITIALIZER;
  bson_t unset = BSON_INITIALIZER;
  struct modifiers modifiers = {.set = &set, .unset = &unset};
  plain_document(&modifiers, diff, 0);
  bson_init(update);
  if (!bson_empty(&set)) {
    BSON_APPEND_DOCUMENT(update, "$set", &set);
  }
  if (!bson_empty(&unset)) {
    BSON_APPEND_DOCUMENT(update, "$unset", &unset);
  }
  bson_destroy(&set);
  bson_destroy(&unset);
}

static void
append_truncations(const bson_iter_t *arrays, bson_t *truncations)
{
  bson_iter_t item;
  bson_t push;
  bool any = false;
  if (!bson_iter_recurse(arrays, &item)) {
    return;
  }
  while (bson_iter_next(&item)) {
    bson_iter_t field;
    bson_iter_t size;
    bson_t slice;
    bson_t none;
    if (!bson_iter_recurse(&item, &field) || !bson_iter_find(&field, "field") || !BSON_ITER_HOLDS_UTF8(&field) ||
        !bson_iter_recurse(&item, &size) || !bson_iter_find(&size, "newSize")) {
      continue;
    }
    if (!any) {
      BSON_APPEND_DOCUMENT_BEGIN(truncations, "$push", &push);
      any = true;
    }
    bson_append_document_begin(&push, bson_iter_utf8(&field, NULL), -1, &slice);
    BSON_APPEND_ARRAY_BEGIN(&slice, "$each", &none);
    bson_append_array_end(&slice, &none);
    BSON_APPEND_INT64(&slice, "$slice", bson_iter_as_int64(&size));
    bson_append_document_end(&push, &slice);
  }
  if (any) {
    bson_append_document_end(truncations, &push);
  }
}

static void
append_removed(const bson_iter_t *names, bson_t *modifiers)
{
  bson_iter_t item;
  bson_t unset;
  if (!bson_iter_recurse(names, &item) || !bson_iter_next(&item)) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(modifiers, "$unset", &unset);
  do {
    if (BSON_ITER_HOLDS_UTF8(&item)) {
      bson_append_bool(&unset, bson_iter_utf8(&item, NULL), -1, true);
    }
  } while (bson_iter_next(&item));
  bson_append_document_end(modifiers, &unset);
}

/*
 * Finds which parts a path has, if dots or digits leave that open. Modifiers cannot name a field that has a dot in it.
 */
static bool
check_paths(const bson_iter_t *paths, struct error *error)
{
  bson_iter_t path;
  bson_iter_t part;
  for (bson_iter_recurse(paths, &path); bson_iter_next(&path);) {
    if (!BSON_ITER_HOLDS_ARRAY(&path) || !bson_iter_recurse(&path, &part)) {
      continue;
    }
    while (bson_iter_next(&part)) {
      if (BSON_ITER_HOLDS_UTF8(&part) && strchr(bson_iter_utf8(&part, NULL), '.')) {
        return bad_diff("a change below a field whose name has a dot", error);
      }
    }
  }
  return true;
}

bool
delta_to_modifiers(const bson_t *diff, bson_t *truncations, bson_t *modifiers, struct error *error)
{
  bson_iter_t iter;
  bson_t fields;
  bson_init(truncations);
  bson_init(modifiers);
  for (bson_iter_init(&iter, diff); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "updatedFields") == 0 && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      if (sub_document(&iter, &fields) && !bson_empty(&fields)) {
        BSON_APPEND_DOCUMENT(modifiers, "$set", &fields);
      }
    } else if (strcmp(key, "removedFields") == 0 && BSON_ITER_HOLDS_ARRAY(&iter)) {
      append_removed(&iter, modifiers);
    } else if (strcmp(key, "truncatedArrays") == 0 && BSON_ITER_HOLDS_ARRAY(&iter)) {
      append_truncations(&iter, truncations);
    } else if (strcmp(key, "disambiguatedPaths") == 0 && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      if (!check_paths(&iter, error)) {
        return false;
      }
    } else {
      return bad_diff(key, error);
    }
  }
  return true;
}
