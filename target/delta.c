#include "target/delta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 220 /* the servers' own limit is 180 or 200 */
#define PATH_MOST 1024
#define LENGTH_MOST (2u << 20) /* more nulls than that are more than 16 MB */

static bool apply_document(const bson_t *document, const bson_t *diff, bson_t *result, int depth, struct error *error);
static bool apply_array(const bson_t *array, const bson_t *diff, bson_t *result, int depth, struct error *error);

static bool
bad_diff(const char *what, struct error *error)
{
  return error_set(error, ERROR_DIVERGED, "an update's diff has a form that is not known: %s", what);
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

/* Looks `field` up in the section `name` ("d", "u" or "i") of a diff. */
static bool
find_in(const bson_t *diff, const char *name, const char *field, bson_iter_t *found)
{
  bson_iter_t section;
  return bson_iter_init_find(&section, diff, name) && BSON_ITER_HOLDS_DOCUMENT(&section) &&
         bson_iter_recurse(&section, found) && bson_iter_find(found, field);
}

static bool
find_sub_diff(const bson_t *diff, const char *field, bson_iter_t *found)
{
  if (!bson_iter_init(found, diff)) {
    return false;
  }
  while (bson_iter_next(found)) {
    const char *key = bson_iter_key(found);
    if (key[0] == 's' && strcmp(key + 1, field) == 0) {
      return true;
    }
  }
  return false;
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
    return BSON_APPEND_NULL(result, key);
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
  return ok;
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

static bool
has_literal(const bson_t *document, const char *field)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, field);
}

/* Appends a section's fields; with `unless_in`, those which that document does not have. */
static void
append_section(const bson_t *diff, const char *name, const bson_t *unless_in, bson_t *result)
{
  bson_iter_t section;
  bson_iter_t field;
  if (!bson_iter_init_find(&section, diff, name) || !bson_iter_recurse(&section, &field)) {
    return;
  }
  while (bson_iter_next(&field)) {
    if (!unless_in || !has_literal(unless_in, bson_iter_key(&field))) {
      bson_append_iter(result, bson_iter_key(&field), (int)bson_iter_key_len(&field), &field);
    }
  }
}

static bool
apply_document(const bson_t *document, const bson_t *diff, bson_t *result, int depth, struct error *error)
{
  bson_iter_t old;
  if (depth > DEPTH_MOST) {
    return bad_diff("nested too deeply", error);
  }
  if (!check_sections(diff, error) || !bson_iter_init(&old, document)) {
    return false;
  }
  while (bson_iter_next(&old)) {
    const char *key = bson_iter_key(&old);
    bson_iter_t found;
    if (find_in(diff, "d", key, &found) || find_in(diff, "i", key, &found)) {
      continue;
    }
    if (find_in(diff, "u", key, &found)) {
      bson_append_iter(result, key, -1, &found);
    } else if (find_sub_diff(diff, key, &found)) {
      if (!append_patched(result, key, &old, &found, depth, error)) {
        return false;
      }
    } else {
      bson_append_iter(result, key, -1, &old);
    }
  }
  append_section(diff, "u", document, result);
  append_section(diff, "i", NULL, result);
  return true;
}

/* The array diff's element for position `index`: its kind ('u', 's') and value. */
static char
find_element(const bson_t *diff, uint32_t index, bson_iter_t *found)
{
  char digits[16];
  snprintf(digits, sizeof digits, "%u", index);
  if (bson_iter_init(found, diff)) {
    while (bson_iter_next(found)) {
      const char *key = bson_iter_key(found);
      if ((key[0] == 'u' || key[0] == 's') && strcmp(key + 1, digits) == 0) {
        return key[0];
      }
    }
  }
  return 0;
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
  bson_iter_t old;
  bson_iter_t found;
  if (depth > DEPTH_MOST) {
    return bad_diff("nested too deeply", error);
  }
  if (!array_length(array, diff, &length, error)) {
    return false;
  }
  if (bson_iter_init_find(&found, diff, "l")) {
    cut = (uint32_t)bson_iter_as_int64(&found);
  }
  bson_iter_init(&old, array);
  bool more = true;
  for (uint32_t i = 0; i < length; i++) {
    char key[24];
    snprintf(key, sizeof key, "%u", i);
    more = more && bson_iter_next(&old);
    bool there = more && i < cut;
    char kind = find_element(diff, i, &found);
    if (kind == 'u') {
      bson_append_iter(result, key, -1, &found);
    } else if (kind == 's') {
      if (!append_patched(result, key, there ? &old : NULL, &found, depth, error)) {
        return false;
      }
    } else if (there) {
      bson_append_iter(result, key, -1, &old);
    } else {
      BSON_APPEND_NULL(result, key);
    }
  }
  return true;
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

/* A diff on its way to modifiers. `set` and `unset` are NULL where only the question is asked. */
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

/* Says which parts a path has, where dots or digits leave it open. Modifiers cannot name a field that has a dot in it. */
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
