/*
 * Splits a collection into ranges of its `_id` index.
 *
 * A bound is a document {_id: value} for the find command's raw `min` (inclusive) and `max` (exclusive); NULL is open.
 * Raw bounds follow the index's own order, across all BSON types and under any collation. Points come from the server,
 * in the server's order. They are never compared here, as versions order types differently.
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

/* Into how many ranges its size divides; below 2 it is not split. */
int64_t split_ranges(const struct collection *collection, int64_t range_bytes);

/*
 * Finds the points that cut the collection into pieces of about `range_bytes`. Takes a sample where there are many small
 * documents and the server is quick with it; else uses splitVector where the user may run it, else a sample, else walks
 * the index. There are no points where the collection is small, capped, or lacks an `_id` index (unless it holds a time
 * series' buckets). On false there are none, either.
 */
bool split_collection(struct split_points *points, struct reader *reader, const struct collection *collection,
                      int64_t range_bytes, struct error *error);
void split_points_clear(struct split_points *points);

/* Adds {_id: iter's value}, unless it equals the last one. Pure; for split_collection and its tests. */
void split_add(struct split_points *points, const bson_iter_t *id);

/* Adds points between the two, evenly spaced in time: for ObjectIds, which begin with a time. Pure. */
void split_by_time(struct split_points *points, const bson_oid_t *first, const bson_oid_t *last, int64_t ranges);

/* Keeps about `wanted` of the points, evenly spread. Pure. */
void split_thin(struct split_points *points, size_t wanted);

#endif
