/*
 * The collection map: which collections the target has, and which collection of the source (by UUID) each one is. An
 * entry with a known UUID is routed by that UUID. So an entry logged under an old name lands in the collection that
 * was copied under its new name.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_COLLECTION_MAP_H
#define FERRY_APPLIER_COLLECTIONS_COLLECTION_MAP_H

#include <bson/bson.h>

#include "applier/collections/namespace_set.h"

struct mapped_collection {
  char *ns; /* the key: "db.coll" */
  char *db;
  char *coll;
  char *from_db; /* its name on the source; --nsTo may give another one on the target */
  char *from_coll;
  bool capped;
  bool collated; /* it has a default collation */
  bool view;     /* a view, but no time series */
  bool by_name;  /* copied by name at `start`, when the name may have been another collection's */
  bool lost;     /* to be copied again: it vanished from under the copy, or became capped; see applier/ddl/recopy.h */
  bool absent;   /* lost, and the source did not have it when it was to be copied again */
  bool no_id_index; /* the source's collection has none, so several of its documents may share one _id */
  bool has_uuid;
  uint8_t uuid[16];
  uint64_t since;         /* the entry that gave it this name in the replay; 0: it had the name before */
  uint64_t expired;       /* see mapped_collection_may_have_expired; 0: never */
  uint64_t start;         /* the copy has the entries up to this one (capped, or copied again); 0: none */
  int64_t entries;        /* writes of the oplog that were taken since the last collection_map_put_counted */
  struct reread *rereads; /* see applier/collections/reread.h */
  UT_hash_handle by_ns;
  UT_hash_handle by_uuid;
};

#define EXPIRY_ACTIVE UINT64_MAX /* in `expired`: the target's TTL monitor is at work */

struct collection_map {
  struct mapped_collection *by_ns;
  struct mapped_collection *by_uuid;
  bool relapse; /* a collection has to be copied again although the replay was strict; the replay resets this */
  struct namespace_set counted; /* those whose `entries` is not 0 */
  struct namespace_set changed; /* since the last collection_map_put_changed; see collection_map_changed */
};

void collection_map_clear(struct collection_map *collection_map);

/* NULL if there is none. */
struct mapped_collection *collection_map_find(struct collection_map *collection_map, const char *db, const char *coll);
struct mapped_collection *collection_map_find_uuid(struct collection_map *collection_map, const uint8_t uuid[16]);

/* Adds one, or returns the existing one. */
struct mapped_collection *collection_map_add(struct collection_map *collection_map, const char *db, const char *coll);
void collection_map_set_source(struct collection_map *collection_map, struct mapped_collection *mapped,
                               const char *from_db, const char *from_coll);
void collection_map_set_uuid(struct collection_map *collection_map, struct mapped_collection *mapped,
                             const uint8_t uuid[16]);
void collection_map_forget_uuid(struct collection_map *collection_map, struct mapped_collection *mapped);
void collection_map_remove(struct collection_map *collection_map, struct mapped_collection *mapped);
/* To be called by whoever sets a field directly. */
void collection_map_changed(struct collection_map *collection_map, const struct mapped_collection *mapped);

/*
 * Renames it on the target. Its name on the source changes as well, until collection_map_set_source sets another one.
 * A collection that had the new name is forgotten. Returns the renamed one.
 */
struct mapped_collection *collection_map_rename(struct collection_map *collection_map, struct mapped_collection *mapped,
                                                const char *db, const char *coll);

/*
 * Between two runs the TTL monitors of the target and of the source both delete. So the target may lack what an entry
 * of that time changes. The same holds for an hour after it: clocks differ, and a monitor may be late.
 */
bool mapped_collection_may_have_expired(const struct mapped_collection *mapped, uint64_t ts);

/*
 * For the bookmark file: puts one that changed since the last call into an empty document; false if there is none. A
 * removed collection has its name only.
 */
bool collection_map_put_changed(struct collection_map *collection_map, bson_t *item);
/* Counts a write of the oplog. */
void collection_map_count(struct collection_map *collection_map, struct mapped_collection *mapped);
/* As collection_map_put_changed: puts {db, coll, entries} of one that was counted, and counts it from 0 again. */
bool collection_map_put_counted(struct collection_map *collection_map, bson_t *item);
/* Reads them back from the bookmark file. Collections that the list does not have count as changed. */
void collection_map_get(struct collection_map *collection_map, const bson_t *list);

#endif
