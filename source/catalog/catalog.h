/*
 * The catalog: the source's databases, collections, options and indexes. `admin`, `config`, `local` are never listed,
 * nor are `system.*` collections other than `system.js` and time series' buckets.
 *
 * From 5.0 on a time series collection `x` is a view over `system.buckets.x`. The buckets hold its data and are listed
 * beside it. So `x` has no documents to copy and no indexes; its buckets are copied as any other collection.
 * (SecantusDB keeps the measurements themselves in `x`.) Buckets that $out has not given their name yet are not
 * listed.
 */
#ifndef FERRY_SOURCE_CATALOG_CATALOG_H
#define FERRY_SOURCE_CATALOG_CATALOG_H

#include "source/reader/reader.h"

struct collection {
  char *db;
  char *name;
  char *to_db; /* its name on the target; the same unless catalog_rename gave another one */
  char *to_name;
  bson_t *options; /* for the create command, as listCollections shows them */
  int64_t ttl_s;   /* the collection's own expiry, once the options are translated; -1: none */
  bson_t *indexes; /* specifications, as listIndexes shows them; a source's finished ones only */
  bool has_uuid;   /* from 3.6 on */
  uint8_t uuid[16];
  bool view;         /* it has no documents of its own: a view, or a time series whose buckets are listed */
  bool capped;       /* or a time series without buckets, which is copied the same way */
  bool has_id_index; /* without one there are no ranges */
  int64_t documents; /* dataSize's or collStats' estimates; 0: not asked or not known */
  int64_t bytes;
};

struct catalog {
  struct collection *collections;
  size_t count;
  size_t capacity;
  bson_t *listed; /* see source/catalog/listing.h; NULL: not known */
};

/* Which namespaces are wanted; called for each collection. */
typedef bool (*catalog_wanted)(const void *context, const char *db, const char *coll);

/* Says yes to all of them. */
bool catalog_any(const void *context, const char *db, const char *coll);

/* Lists everything that `wanted` says yes to, without indexes and sizes. On false the catalog is empty. */
bool catalog_list(struct catalog *catalog, struct reader *reader, catalog_wanted wanted, const void *context,
                  struct error *error);
/* One round trip each, for one collection of the list. Several threads may ask about different ones at once. */
bool catalog_read_indexes(struct collection *collection, struct reader *reader, struct error *error);
/* The same, with those that a source before 4.4 is still building (unfinished_builds_leave_out), which is quicker. */
bool catalog_list_indexes(struct collection *collection, struct reader *reader, struct error *error);
bool catalog_read_size(struct collection *collection, struct reader *reader, struct error *error);
/* The list with all indexes, for a few collections. On false the catalog is empty. */
bool catalog_read(struct catalog *catalog, struct reader *reader, catalog_wanted wanted, const void *context,
                  struct error *error);
void catalog_rename(struct collection *collection, const char *to_db, const char *to_name);
void catalog_clear(struct catalog *catalog);

/* Compares names on the target; for qsort and bsearch over pointers to collections. */
int catalog_compare_targets(const void *left, const void *right);

/* True for what a migration never touches. */
bool catalog_is_internal(const char *db, const char *coll);

/* Whether the collection `uuid` still has this name. 1: yes; 0: it was dropped or renamed; -1 on error. */
int catalog_still(struct reader *reader, const char *db, const char *coll, const uint8_t uuid[16], struct error *error);

#endif
