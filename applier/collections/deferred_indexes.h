/*
 * Indexes that cannot do their work all along: unique ones are not built before the consistency point, TTL ones do not
 * expire before the cut-over. Nor does a collection with an expiry of its own (clustered, time series), which is listed with
 * an empty specification and the name "". DDL of the oplog changes these lists before it changes the target.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_DEFERRED_INDEXES_H
#define FERRY_APPLIER_COLLECTIONS_DEFERRED_INDEXES_H

#include <bson/bson.h>

#include "applier/collections/namespace_set.h"
#include "base/error.h"

struct sleeper {
  char *name;
  bson_t *spec;          /* as schema_index made it: what to build */
  bool unbuilt;          /* still to be built: unique, or refused while the replay was lenient */
  int64_t ttl_s;         /* the source's expireAfterSeconds, -1 if none */
  struct error *refused; /* by indexes_build or indexes_set_ttl; else NULL */
};

/* Those of one collection; there is none without any. */
struct sleepers {
  char *ns; /* the key: "db.coll" */
  char *db;
  char *coll;
  struct sleeper *items;
  size_t count;
  size_t capacity;
  UT_hash_handle by_ns;
};

struct sleeping {
  struct sleepers *by_ns;
  struct names changed; /* since sleeping_put_changed; who sets a field by itself says so with sleeping_changed */
};

void sleeping_clear(struct sleeping *sleeping);
/* Replaces one of the same name. */
void sleeping_add(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool unbuilt,
                  int64_t ttl_s);
/* `name` NULL: all of the collection. */
void sleeping_remove(struct sleeping *sleeping, const char *db, const char *coll, const char *name);
/* Not the collection's own expiry. */
void sleeping_remove_indexes(struct sleeping *sleeping, const char *db, const char *coll);
void sleeping_remove_database(struct sleeping *sleeping, const char *db);
/* This very one; the last one of a collection takes `sleepers` with it. */
void sleeping_drop(struct sleeping *sleeping, struct sleepers *sleepers, size_t at);
void sleeping_rename(struct sleeping *sleeping, const char *db, const char *coll, const char *to_db,
                     const char *to_coll);
void sleeping_changed(struct sleeping *sleeping, const struct sleepers *sleepers);

/* Those of a collection, NULL if it has none. */
struct sleepers *sleeping_of(const struct sleeping *sleeping, const char *db, const char *coll);
struct sleeper *sleeping_find(const struct sleeping *sleeping, const char *db, const char *coll, const char *name);
/* A unique index that the target has by now. */
bool sleeping_any_unique(const struct sleeping *sleeping, const char *db, const char *coll);

/*
 * For the bookmark file: those of one collection that changed since they were put last, into an empty document; false if
 * there is none. Where none are left, it has the collection's name only.
 */
bool sleeping_put_changed(struct sleeping *sleeping, bson_t *item);
/* Back from it. */
void sleeping_get(struct sleeping *sleeping, const bson_t *list);

/* A unique index that the target has: it is to be dropped by indexes_unbuild, whatever the list says of it. `collated`: see schema_index. */
void sleeping_adopt(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool collated);

#endif
