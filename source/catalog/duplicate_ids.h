/*
 * Documents of one `_id`. A collection without an `_id` index (made with autoIndexId: false, up to 3.4) may hold several; on the
 * target each has such an index, so that it holds one of them.
 */
#ifndef FERRY_SOURCE_CATALOG_DUPLICATE_IDS_H
#define FERRY_SOURCE_CATALOG_DUPLICATE_IDS_H

#include "source/catalog/catalog.h"

#define DUPLICATE_IDS_MOST 1000 /* `_id`s to ask for at once */

/* `selector` is {_id}, valid during the call. */
typedef bool (*duplicate_ids_visit)(void *context, const bson_t *selector, struct error *error);

struct duplicate_ids_visitor {
  duplicate_ids_visit visit;
  void *context;
};

/* Once its indexes are read. Not of time series' buckets and clustered collections, which need no index for it. */
bool duplicate_ids_possible(const struct collection *collection);

/*
 * Visits those of the `ids` (an array, DUPLICATE_IDS_MOST at most) that more than one of the source's documents has. `where` names the
 * collection. It is read once.
 */
bool duplicate_ids_among(struct reader *reader, const struct find *where, const bson_t *ids,
                         const struct duplicate_ids_visitor *visitor, struct error *error);

/* Visits all of the collection's, which the server finds. */
bool duplicate_ids_all(struct reader *reader, const char *db, const char *coll,
                       const struct duplicate_ids_visitor *visitor, struct error *error);

#endif
