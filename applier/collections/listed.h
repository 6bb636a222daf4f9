/*
 * Up to where the catalog that the copy began with shows the changes of names that the oplog has (source/catalog/listing.h). What it
 * shows is on the target already: to repeat a creation, drop or rename of it would meet collections that got their names later.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_LISTED_H
#define FERRY_APPLIER_COLLECTIONS_LISTED_H

#include <bson/bson.h>

struct listed_database;

struct listed {
  struct listed_database *by_name;
};

/* Takes `listed` of a HAND_OFF, if it is there. */
void listed_get(struct listed *listed, const bson_t *message);
void listed_clear(struct listed *listed);

/* `db` is a database of the source. `listed` may be NULL. */
bool listed_has(const struct listed *listed, const char *db, uint64_t ts);

#endif
