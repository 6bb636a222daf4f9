/*
 * Splits a collection into ranges of its `_id` index.
 *
 * A bound is a document {_id: value} for the find command's raw `min` (inclusive) and `max` (exclusive), which follow the
 * index's own order across all BSON types and under any collation; NULL is open. Points come from the server, in the
 * server's order, and are never compared here, for versions order types differently.
 */
#ifndef FERRY_SOURCE_CATALOG_SPLIT_H
#define FERRY_SOURCE_CATALOG_SPLIT_H

#include "source/catalog/catalog.h"

struct split_points {
  bson_t **points; /* each {_id: value}, in index order, no two alike */
  size_t count;
  size_t capacity;
  const char *method; /* "splitVector", "sample", "walk", "time" or "none": for the log */
};

/*
 * Finds the points that cut the collection into pieces of about `range_bytes`: by splitVector where the user may run it,
 * else by a sample, else by walking the index; none where the collection is small, capped, or lacks an `_id` index (unless it
 * holds a time series' buckets).
 * On false there are no points.
 */
bool split_collection(struct split_points *points, struct reader *reader, const struct collection *collection,
                      int64_t range_bytes, struct error *error);
void split_points_clear(struct split_points *points);

/* Adds {_id: iter's value} unless it is the same as the last one. Pure; for split_collection and its tests. */
void split_add(struct split_points *points, const bson_iter_t *id);

/* Points between the two, even in time: for ObjectIds that have one in front. Pure. */
void split_by_time(struct split_points *points, const bson_oid_t *first, const bson_oid_t *last, int64_t ranges);

/* Keeps about `wanted` of the points, evenly spread. Pure. */
void split_thin(struct split_points *points, size_t wanted);

#endif
