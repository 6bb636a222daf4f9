/*
 * What the applier knows of the target's collections: which there are, and which collection of the source (by UUID) each
 * one is. Entries are routed by UUID where they have one that is known: an entry logged under an old name then lands in
 * the collection that the copy took under its new one.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_COLLECTION_MAP_H
#define FERRY_APPLIER_COLLECTIONS_COLLECTION_MAP_H

#include <bson/bson.h>

#include "applier/collections/namespace_set.h"

struct place {
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
  uint64_t since;         /* it has this name since this entry, which the replay carried out; 0: since before */
  uint64_t expired;       /* see place_may_have_expired; 0: never, PLACE_AWAKE: the target's expiry is at work */
  uint64_t start;         /* entries at or below it are in the copy already (capped, or copied again); 0: none */
  struct reread *rereads; /* see applier/collections/reread.h */
  UT_hash_handle by_ns;
  UT_hash_handle by_uuid;
};

#define PLACE_AWAKE UINT64_MAX

struct places {
  struct place *by_ns;
  struct place *by_uuid;
  bool relapse;         /* a collection has to be copied, though the replay was strict: the follower resets it */
  struct names changed; /* since places_put_changed; who sets a field by itself says so with places_changed */
};

void places_clear(struct places *places);

/* NULL if there is none. */
struct place *places_find(struct places *places, const char *db, const char *coll);
struct place *places_find_uuid(struct places *places, const uint8_t uuid[16]);

/* Adds one, or gives the one that is there. */
struct place *places_add(struct places *places, const char *db, const char *coll);
void places_set_source(struct places *places, struct place *place, const char *from_db, const char *from_coll);
void places_set_uuid(struct places *places, struct place *place, const uint8_t uuid[16]);
void places_forget_uuid(struct places *places, struct place *place);
void places_remove(struct places *places, struct place *place);
void places_changed(struct places *places, const struct place *place);

/*
 * The place keeps its properties under a new name, on the source too until places_set_source says otherwise; one that was
 * there is forgotten. Gives the place.
 */
struct place *places_rename(struct places *places, struct place *place, const char *db, const char *coll);

/*
 * Between two runs the target's TTL monitor is at work, as the source's is. So the target may lack what an entry of that time
 * changes, or of an hour after it: clocks differ, and a monitor may be late.
 */
bool place_may_have_expired(const struct place *place, uint64_t ts);

/*
 * For the bookmark file: one that changed since it was put last, into an empty document; false if there is none. One that is
 * gone has its name only.
 */
bool places_put_changed(struct places *places, bson_t *item);
/* Back from it, for those that are there; the others count as changed. */
void places_get(struct places *places, const bson_t *list);

#endif
