/*
 * Where in the oplog's order a list of collections was made: which creations, renames and drops it shows already.
 *
 * The list is read after T0. The replay begins at T0, and so meets changes of names that are in the list. To repeat
 * one could do harm: a collection that was renamed away and back would meet another one that got the name in between.
 *
 * Each change has a collection's UUID, or is a view's. It tells what a name's owner was called before and after. The
 * list fits a place between two changes of its database if it calls each collection of these changes as it is called
 * there. If the list fits several places, the names are the same at each. So the first one is as good as the true one.
 * If it fits none, the collections were listed one by one while names changed (4.2 and 4.4 do that). Then it has to be
 * read again.
 */
#ifndef FERRY_SOURCE_CATALOG_LISTING_H
#define FERRY_SOURCE_CATALOG_LISTING_H

#include "source/catalog/catalog.h"

struct listing;

struct listing *listing_new(void);
void listing_free(struct listing *listing); /* NULL is fine */

/* Takes an entry of the oplog, in the oplog's order. Those that change names are kept. Pure. */
void listing_note(struct listing *listing, const bson_t *entry);

/*
 * Appends {db, ts} to the empty array `listed` for each database whose names changed: the list shows changes up to
 * `ts`, and none after it. A database is left out if the list has no change of it, or if a change has no UUID. False
 * if the list fits no place. `wanted` is what the catalog was listed with. Pure.
 */
bool listing_judge(struct listing *listing, const struct catalog *catalog, catalog_wanted wanted, const void *context,
                   bson_t *listed);

/*
 * catalog_list, and sets `catalog->listed` for the entries after `start`. The list is read again while it fits no
 * place. A source that cannot be read by UUIDs is listed only.
 */
bool listing_read(struct catalog *catalog, struct reader *reader, uint64_t start, catalog_wanted wanted,
                  const void *context, struct error *error);

#endif
