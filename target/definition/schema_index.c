#include "target/definition/schema_index.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "target/definition/numbers.h"

#define ORIGINAL "originalSpec"
#define VERSION_3_2 302

const char *
schema_index_name(const bson_t *spec)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, spec, "name") && BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";
}

/*
 * Any other direction makes an index of its own. -1 becomes 1 before it is stored:
 * S:src/mongo/db/index/index_descriptor.h
 */
static bool
is_id_key(const bson_t *spec)
{
  bson_iter_t iter;
  bson_iter_t key;
  return bson_iter_init_find(&iter, spec, "key") && bson_iter_recurse(&iter, &key) && bson_iter_next(&key) &&
         strcmp(bson_iter_key(&key), "_id") == 0 && BSON_ITER_HOLDS_NUMBER(&key) && bson_iter_as_double(&key) == 1.0 &&
         !bson_iter_next(&key);
}

/*
 * What newer servers take. `v` is left out: every index is built as the target's newest kind. Old servers stored
 * whatever else the user wrote, without a meaning; it is refused from 3.4 on.
 */
static bool
is_known_option(const char *key)
{
  static const char *const known[] = {"key",
                                      "name",
                                      "unique",
                                      "sparse",
                                      "partialFilterExpression",
                                      "expireAfterSeconds",
                                      "hidden",
                                      "collation",
                                      "weights",
                                      "default_language",
                                      "language_override",
                                      "textIndexVersion",
                                      "2dsphereIndexVersion",
                                      "finestIndexedLevel",
                                      "coarsestIndexedLevel",
                                      "bits",
                                      "min",
                                      "max",
                                      "bucketSize",
                                      "wildcardProjection",
                                      "columnstoreProjection",
                                      "storageEngine",
                                      "prepareUnique",
                                      NULL};
  return text_is_one_of(key, known);
}

/*
 * schema_index converts originalSpec. The others are what old servers and SecantusDB 0.7 (multikey, entryFormat) store
 * in a specification, and nobody would miss.
 */
static bool
is_silent_option(const char *key)
{
  static const char *const silent[] = {"_id",  "ns",       "v",           "background", "dropDups",
                                       "safe", "multikey", "entryFormat", ORIGINAL,     NULL};
  return text_is_one_of(key, silent);
}

static void
note(char *notes, const char *key, const char *what)
{
  size_t used = strlen(notes);
  snprintf(notes + used, SCHEMA_NOTES_SIZE - used, "%s%.60s %s", used ? ", " : "", key, what);
}

/*
 * Up to v: 1 any value was a direction. What is no number, and 0, was ascending
 * (S:src/mongo/db/index/index_descriptor, protocol 6).
 */
static void
convert_key(const bson_iter_t *key, bson_t *built, char *notes)
{
  bson_iter_t field;
  bson_t made;
  BSON_APPEND_DOCUMENT_BEGIN(built, "key", &made);
  for (bson_iter_recurse(key, &field); bson_iter_next(&field);) {
    bool text = BSON_ITER_HOLDS_UTF8(&field) && bson_iter_utf8(&field, NULL)[0] != 0;
    double number = numbers_is(&field) ? numbers_of(&field) : 0;
    if (text || number > 0 || number < 0) {
      bson_append_iter(&made, NULL, 0, &field);
    } else {
      BSON_APPEND_INT32(&made, bson_iter_key(&field), 1);
      note(notes, bson_iter_key(&field), "is ascending");
    }
  }
  bson_append_document_end(built, &made);
}

static bool
is_compound(const bson_t *spec)
{
  bson_iter_t iter;
  bson_iter_t key;
  return bson_iter_init_find(&iter, spec, "key") && bson_iter_recurse(&iter, &key) && bson_iter_next(&key) &&
         bson_iter_next(&key);
}

/*
 * 2.6 took any value, and never expired by one that is no number, or by an index of several fields. False if the
 * option is left out.
 */
static bool
convert_ttl(const bson_t *spec, const bson_iter_t *value, int64_t *ttl, char *notes)
{
  if (!numbers_is(value)) {
    note(notes, "expireAfterSeconds", "is no number and left out");
    return false;
  }
  if (is_compound(spec)) {
    note(notes, "expireAfterSeconds", "of several fields has no effect and is left out");
    return false;
  }
  double seconds = numbers_of(value);
  *ttl = numbers_whole(value);
  if (isnan(seconds) || seconds > SCHEMA_TTL_DEFERRED || seconds < 0) {
    *ttl = SCHEMA_TTL_DEFERRED;
    note(notes, "expireAfterSeconds", "becomes 2147483647");
  }
  return true;
}

void
schema_index_logged(const bson_t *logged, int source_version, bson_t *whole)
{
  static const struct {
    const char *kind;
    const char *version;
  } kinds[] = {{"text", "textIndexVersion"}, {"2dsphere", "2dsphereIndexVersion"}};
  bson_iter_t iter;
  bson_iter_t key;
  bson_copy_to(logged, whole);
  if (source_version <= 0 || source_version >= VERSION_3_2 || !bson_iter_init_find(&iter, logged, "key") ||
      !BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &key)) {
    return;
  }
  while (bson_iter_next(&key)) {
    const char *kind = BSON_ITER_HOLDS_UTF8(&key) ? bson_iter_utf8(&key, NULL) : "";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
      if (strcmp(kind, kinds[i].kind) == 0 && !bson_has_field(whole, kinds[i].version)) {
        BSON_APPEND_INT32(whole, kinds[i].version, 2);
      }
    }
  }
}

static bool
is_true(const bson_t *spec, const char *option)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, spec, option) &&
         (numbers_is(&iter) ? numbers_of(&iter) != 0 : bson_iter_as_bool(&iter));
}

bool
schema_index_unique(const bson_t *spec)
{
  return is_true(spec, "unique") || is_true(spec, "prepareUnique");
}

static bool
same_value(const bson_iter_t *left, const bson_iter_t *right)
{
  if (numbers_is(left) && numbers_is(right)) {
    double a = numbers_of(left);
    double b = numbers_of(right);
    return a == b || (isnan(a) && isnan(b));
  }
  return BSON_ITER_HOLDS_UTF8(left) && BSON_ITER_HOLDS_UTF8(right) &&
         strcmp(bson_iter_utf8(left, NULL), bson_iter_utf8(right, NULL)) == 0;
}

bool
schema_index_has_key(const bson_t *spec, const bson_iter_t *key)
{
  char notes[SCHEMA_NOTES_SIZE] = "";
  bson_t converted = BSON_INITIALIZER;
  bson_iter_t iter;
  bson_iter_t mine;
  bson_iter_t other;
  convert_key(key, &converted, notes);
  bool same = bson_iter_init_find(&iter, spec, "key") && BSON_ITER_HOLDS_DOCUMENT(&iter) &&
              bson_iter_recurse(&iter, &mine) && bson_iter_init_find(&iter, &converted, "key") &&
              bson_iter_recurse(&iter, &other);
  while (same && bson_iter_next(&mine)) {
    same =
      bson_iter_next(&other) && strcmp(bson_iter_key(&mine), bson_iter_key(&other)) == 0 && same_value(&mine, &other);
  }
  same = same && !bson_iter_next(&other);
  bson_destroy(&converted);
  return same;
}

static enum schema_index_kind make_index(const bson_t *spec, bool collated, struct schema_index *index);

/* The user's own definition of a buckets' index. It is translated as well, as it is what is sent (send_by_original). */
static void
convert_original(const bson_iter_t *original, bool collated, struct schema_index *index)
{
  bson_t spec;
  struct schema_index made;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  bson_iter_document(original, &size, &bytes);
  if (bson_init_static(&spec, bytes, size)) {
    make_index(&spec, collated, &made);
    BSON_APPEND_DOCUMENT(&index->spec, ORIGINAL, &made.spec);
    bson_destroy(&made.spec);
  }
}

enum schema_index_kind
schema_index(const bson_t *spec, bool collated, struct schema_index *index)
{
  bson_iter_t original;
  enum schema_index_kind kind = make_index(spec, collated, index);
  if (bson_iter_init_find(&original, spec, ORIGINAL) && BSON_ITER_HOLDS_DOCUMENT(&original)) {
    convert_original(&original, collated, index);
  }
  return kind;
}

static bool
is_simple(const bson_iter_t *collation)
{
  bson_iter_t locale;
  return BSON_ITER_HOLDS_DOCUMENT(collation) && bson_iter_recurse(collation, &locale) &&
         bson_iter_find(&locale, "locale") && BSON_ITER_HOLDS_UTF8(&locale) &&
         strcmp(bson_iter_utf8(&locale, NULL), "simple") == 0;
}

static enum schema_index_kind
make_index(const bson_t *spec, bool collated, struct schema_index *index)
{
  bson_iter_t iter;
  bson_t *built = &index->spec;
  bool has_collation = false;
  bson_init(built);
  index->ttl_s = -1;
  index->notes[0] = 0;
  for (bson_iter_init(&iter, spec); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "key") == 0 && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      convert_key(&iter, built, index->notes);
    } else if (strcmp(key, "expireAfterSeconds") == 0) {
      if (convert_ttl(spec, &iter, &index->ttl_s, index->notes)) {
        BSON_APPEND_INT32(built, key, SCHEMA_TTL_DEFERRED);
      }
    } else if (strcmp(key, "collation") == 0 && !collated && is_simple(&iter)) {
      continue; /* that is what none means here */
    } else if (is_known_option(key)) {
      has_collation = has_collation || strcmp(key, "collation") == 0;
      bson_append_iter(built, NULL, 0, &iter);
    } else if (!is_silent_option(key)) {
      note(index->notes, key, "is unknown and left out");
    }
  }
  if (collated && !has_collation) {
    bson_t simple;
    BSON_APPEND_DOCUMENT_BEGIN(built, "collation", &simple);
    BSON_APPEND_UTF8(&simple, "locale", "simple");
    bson_append_document_end(built, &simple);
  }
  if (is_id_key(built)) {
    return SCHEMA_INDEX_ID;
  }
  return schema_index_unique(spec) ? SCHEMA_INDEX_UNIQUE : SCHEMA_INDEX_PLAIN;
}
