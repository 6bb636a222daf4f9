/*
 * What there is to copy: the source's databases, collections, options and indexes.
 * `admin`, `config`, `local` and the `system.*` collections other than `system.js` are never listed.
 */
#ifndef FERRY_SOURCE_CATALOG_H
#define FERRY_SOURCE_CATALOG_H

#include "source/reader.h"

struct collection {
  char *db;
  char *name;
  char *to_db; /* its name on the target; the same unless catalog_rename gave another one */
  char *to_name;
  bson_t *options; /* of the create command, as listCollections shows them */
  bson_t *indexes; /* an array of specifications, as listIndexes shows them; empty for a view */
  bool has_uuid;   /* 3.6 and later */
  uint8_t uuid[16];
  bool view;
  bool capped;
  bool has_id_index; /* without it there are no ranges */
  int64_t documents; /* dataSize's or collStats' estimates, 0 if not asked or not known */
  int64_t bytes;
};

struct catalog {
  struct collection *collections;
  size_t count;
  size_t capacity;
};

/* Which namespaces are wanted; called for each collection. */
typedef bool (*catalog_wanted)(const void *context, const char *db, const char *coll);

/* Lists everything that `wanted` wants, without indexes and sizes; on false the catalog is empty. */
bool catalog_list(struct catalog *catalog, struct reader *reader, catalog_wanted wanted, const void *context,
                  struct error *error);
/* A round trip each: what is to be known of one collection of the list. Different ones may be asked at once. */
bool catalog_read_indexes(struct collection *collection, struct reader *reader, struct error *error);
bool catalog_read_size(struct collection *collection, struct reader *reader, struct error *error);
/* The list with all indexes, for few collections; on false the catalog is empty. */
bool catalog_read(struct catalog *catalog, struct reader *reader, catalog_wanted wanted, const void *context,
                  struct error *error);
void catalog_rename(struct collection *collection, const char *to_db, const char *to_name);
void catalog_clear(struct catalog *catalog);

/* True for what no migration touches. */
bool catalog_is_internal(const char *db, const char *coll);

/* Whether the collection `uuid` is still there under the same name: 1 yes; 0 it was dropped or renamed; -1 on error. */
int catalog_still(struct reader *reader, const char *db, const char *coll, const uint8_t uuid[16], struct error *error);

#endif
