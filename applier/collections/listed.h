/*
 * For each database of the source: up to which entry of the oplog the catalog shows the changes of names
 * (source/catalog/listing.h). What the catalog shows is on the target already. To repeat such a creation, drop or
 * rename could hit a collection that got the name later.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_LISTED_H
#define FERRY_APPLIER_COLLECTIONS_LISTED_H

#include <bson/bson.h>

struct listed_database;

struct listed {
  struct listed_database *by_name;
};

/* Takes the field `listed` of a HAND_OFF, if it is there. */
void listed_get(struct listed *listed, const bson_t *message);
void listed_clear(struct listed *listed);

/* `db` is a database of the source. `listed` may be NULL. */
bool listed_has(const struct listed *listed, const char *db, uint64_t ts);

#endif
