/*
 * The deferred indexes. Unique ones are not built before the consistency point. TTL ones do not expire anything before
 * the cut-over. A collection with an expiry of its own (clustered, time series) is deferred, too: it is listed with an
 * empty specification and the name "". DDL of the oplog changes these lists before it changes the target.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_DEFERRED_INDEXES_H
#define FERRY_APPLIER_COLLECTIONS_DEFERRED_INDEXES_H

#include <bson/bson.h>

#include "applier/collections/namespace_set.h"
#include "base/error.h"

struct deferred_index {
  char *name;
  bson_t *spec;          /* what to build, as schema_index made it */
  bool unbuilt;          /* still to be built: a unique one, or one that was refused while the replay was lenient */
  int64_t ttl_s;         /* the source's expireAfterSeconds, -1 if none */
  struct error *refused; /* set by indexes_build or indexes_set_ttl; else NULL */
};

/* The deferred indexes of one collection, one at least. */
struct deferred_list {
  char *ns; /* the key: "db.coll" */
  char *db;
  char *coll;
  struct deferred_index *items;
  size_t count;
  size_t capacity;
  int64_t bytes; /* the collection's size when it was listed; 0: not known */
  UT_hash_handle by_ns;
};

struct deferred {
  struct deferred_list *by_ns;
  struct namespace_set changed; /* since the last deferred_put_changed; see deferred_changed */
};

void deferred_clear(struct deferred *deferred);
/* Replaces one of the same name. */
void deferred_add(struct deferred *deferred, const char *db, const char *coll, const bson_t *spec, bool unbuilt,
                  int64_t ttl_s);
/* `name` NULL: all of the collection, its own expiry included. */
void deferred_remove(struct deferred *deferred, const char *db, const char *coll, const char *name);
/* All but the collection's own expiry. */
void deferred_remove_indexes(struct deferred *deferred, const char *db, const char *coll);
void deferred_remove_database(struct deferred *deferred, const char *db);
/* Removes the one at this index. With the last one goes the list. */
void deferred_drop(struct deferred *deferred, struct deferred_list *deferred_list, size_t at);
void deferred_rename(struct deferred *deferred, const char *db, const char *coll, const char *to_db,
                     const char *to_coll);
/* To be called by whoever sets a field directly. */
void deferred_changed(struct deferred *deferred, const struct deferred_list *deferred_list);

/* NULL if the collection has none. */
struct deferred_list *deferred_of(const struct deferred *deferred, const char *db, const char *coll);
struct deferred_index *deferred_find(const struct deferred *deferred, const char *db, const char *coll,
                                     const char *name);
/* Whether the target has a unique one of this collection by now. */
bool deferred_any_unique(const struct deferred *deferred, const char *db, const char *coll);

/*
 * For the bookmark file: puts the deferred indexes of one collection that changed since the last call into an empty
 * document; false if there is none. Where none are left, the document has the collection's name only.
 */
bool deferred_put_changed(struct deferred *deferred, bson_t *item);
/* Reads them back from the bookmark file. */
void deferred_get(struct deferred *deferred, const bson_t *list);

/*
 * A unique index that the target has: indexes_unbuild will drop it, whatever the list says of it. `collated`: see
 * schema_index.
 */
void deferred_adopt(struct deferred *deferred, const char *db, const char *coll, const bson_t *spec, bool collated);

#endif
