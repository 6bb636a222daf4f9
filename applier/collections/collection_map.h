/*
 * What the applier knows of the target's collections: which there are, and which collection of the source (by UUID) each
 * one is. Entries are routed by UUID where they have one that is known: an entry logged under an old name then lands in
 * the collection that the copy took under its new one.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_COLLECTION_MAP_H
#define FERRY_APPLIER_COLLECTIONS_COLLECTION_MAP_H

#include <bson/bson.h>

#include "applier/collections/namespace_set.h"

struct mapped_collection {
  char *ns; /* the key: "db.coll" */
  char *db;
  char *coll;
  char *from_db; /* its name on the source: the same, unless --nsTo gives another one */
  char *from_coll;
  bool capped;
  bool collated; /* it has a default collation */
  bool view;     /* and no time series */
  bool by_name;  /* its documents were copied by its name at `start`, when that may have been another's */
  bool lost; /* to be copied again, as it vanished from under the copy, or was made capped: see applier/ddl/recopy.h */
  bool no_id_index; /* the source's collection has none: several of its documents may have one _id */
  bool has_uuid;
  uint8_t uuid[16];
  uint64_t since; /* it has this name since this entry, which the replay carried out; 0: since before */
  uint64_t
    expired;      /* see mapped_collection_may_have_expired; 0: never, EXPIRY_ACTIVE: the target's expiry is at work */
  uint64_t start; /* entries at or below it are in the copy already (capped, or copied again); 0: none */
  struct reread *rereads; /* see applier/collections/reread.h */
  UT_hash_handle by_ns;
  UT_hash_handle by_uuid;
};

#define EXPIRY_ACTIVE UINT64_MAX

struct collection_map {
  struct mapped_collection *by_ns;
  struct mapped_collection *by_uuid;
  bool relapse; /* a collection has to be copied, though the replay was strict: the follower resets it */
  struct namespace_set changed; /* since collection_map_put_changed; see collection_map_changed */
};

void collection_map_clear(struct collection_map *collection_map);

/* NULL if there is none. */
struct mapped_collection *collection_map_find(struct collection_map *collection_map, const char *db, const char *coll);
struct mapped_collection *collection_map_find_uuid(struct collection_map *collection_map, const uint8_t uuid[16]);

/* Adds one, or gives the one that is there. */
struct mapped_collection *collection_map_add(struct collection_map *collection_map, const char *db, const char *coll);
void collection_map_set_source(struct collection_map *collection_map, struct mapped_collection *mapped,
                               const char *from_db, const char *from_coll);
void collection_map_set_uuid(struct collection_map *collection_map, struct mapped_collection *mapped,
                             const uint8_t uuid[16]);
void collection_map_forget_uuid(struct collection_map *collection_map, struct mapped_collection *mapped);
void collection_map_remove(struct collection_map *collection_map, struct mapped_collection *mapped);
/* Whoever sets a field of its own accord says so. */
void collection_map_changed(struct collection_map *collection_map, const struct mapped_collection *mapped);

/*
 * The place keeps its properties under a new name, on the source too until collection_map_set_source says otherwise; one that was
 * there is forgotten. Gives the place.
 */
struct mapped_collection *collection_map_rename(struct collection_map *collection_map, struct mapped_collection *mapped,
                                                const char *db, const char *coll);

/*
 * Between two runs the target's TTL monitor is at work, as the source's is. So the target may lack what an entry of that time
 * changes, or of an hour after it: clocks differ, and a monitor may be late.
 */
bool mapped_collection_may_have_expired(const struct mapped_collection *mapped, uint64_t ts);

/*
 * For the bookmark file: one that changed since it was put last, into an empty document; false if there is none. One that is
 * gone has its name only.
 */
bool collection_map_put_changed(struct collection_map *collection_map, bson_t *item);
/* Back from it, for those that are there; the others count as changed. */
void collection_map_get(struct collection_map *collection_map, const bson_t *list);

#endif
