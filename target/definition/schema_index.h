/*
 * What an index of the source is on the target. Pure.
 */
#ifndef FERRY_TARGET_DEFINITION_SCHEMA_INDEX_H
#define FERRY_TARGET_DEFINITION_SCHEMA_INDEX_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

/* The name in a specification; "" if it has none. Lives in `spec`. */
const char *schema_index_name(const bson_t *spec);

/*
 * How an index of the source is built during a migration.
 *
 * Unique ones wait for the consistency point: a moving copy may hold two documents with one key. TTL ones expire
 * nothing, with SCHEMA_TTL_DEFERRED seconds, until the cut-over: the target must never delete by itself.
 */
#define SCHEMA_TTL_DEFERRED 2147483647

enum schema_index_kind {
  SCHEMA_INDEX_PLAIN,
  SCHEMA_INDEX_UNIQUE, /* deferred */
  SCHEMA_INDEX_ID      /* nothing to build */
};

#define SCHEMA_NOTES_SIZE 400

struct schema_index {
  bson_t spec;                   /* to be sent; the caller's to destroy */
  int64_t ttl_s;                 /* the source's expireAfterSeconds, -1 if none */
  char notes[SCHEMA_NOTES_SIZE]; /* what was changed that the user should know; "" if nothing */
};

/*
 * What an index of the source, of any version, is on the target. `collated`: the collection has a default collation;
 * an index without one then means the simple collation. Pure.
 */
enum schema_index_kind schema_index(const bson_t *spec, bool collated, struct schema_index *index);

/*
 * A 2.6 and a 3.0 log an index as the user gave it. Where that names no version of a text or 2dsphere index, they make
 * the second one, and newer servers the third. `whole` becomes the specification with the version; the caller's to
 * destroy. `source_version`: major * 100 + minor. Pure.
 * S:src/mongo/db/index/s2_access_method.cpp, src/mongo/db/fts/fts_spec.cpp@r2.6.12..r3.2.22
 */
void schema_index_logged(const bson_t *logged, int source_version, bson_t *whole);

/*
 * True if the index refuses documents with one key, or (prepareUnique, 6.0 on) will from now on. Writes to different
 * documents must then keep their order.
 */
bool schema_index_unique(const bson_t *spec);

/*
 * An index as commands name it: by name, or, where that is NULL, by its key pattern. `key` is an element that holds a
 * document.
 */
struct schema_index_ref {
  const char *name;
  const bson_iter_t *key;
};

/*
 * Whether a command that names an index by this key pattern means this one: to a server 1 is 1.0. The pattern may be
 * the source's; its odd directions are ascending on the target.
 */
bool schema_index_has_key(const bson_t *spec, const bson_iter_t *key);

#endif
