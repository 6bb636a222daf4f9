/*
 * Documents that share one `_id`. A collection without an `_id` index (made with autoIndexId: false, up to 3.4) may
 * hold several. On the target each collection has that index, and holds one of them.
 */
#ifndef FERRY_SOURCE_CATALOG_DUPLICATE_IDS_H
#define FERRY_SOURCE_CATALOG_DUPLICATE_IDS_H

#include "source/catalog/catalog.h"

#define DUPLICATE_IDS_MOST 1000 /* most `_id`s in one question */

/* `selector` is {_id}, valid during the call. */
typedef bool (*duplicate_ids_visit)(void *context, const bson_t *selector, struct error *error);

struct duplicate_ids_visitor {
  duplicate_ids_visit visit;
  void *context;
};

/*
 * Whether the collection may have such documents; its indexes must be read. Time series' buckets and clustered
 * collections cannot, though they have no such index.
 */
bool duplicate_ids_possible(const struct collection *collection);

/*
 * Visits those of the `ids` (an array, DUPLICATE_IDS_MOST at most) that more than one document of the source has.
 * `where` names the collection, which is read once.
 */
bool duplicate_ids_among(struct reader *reader, const struct find *where, const bson_t *ids,
                         const struct duplicate_ids_visitor *visitor, struct error *error);

/* Visits all `_id`s of the collection that several documents share; the server finds them. */
bool duplicate_ids_all(struct reader *reader, const char *db, const char *coll,
                       const struct duplicate_ids_visitor *visitor, struct error *error);

#endif
