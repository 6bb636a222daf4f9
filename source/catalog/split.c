#include "source/catalog/split.h"

#include "base/memory.h"
#include "server/series.h"

#define RANGES_MOST 16384
#define SAMPLES_A_RANGE 12
#define SAMPLES_MOST 20000  /* each may cost a read of the disk */
#define SAMPLED_PART 200    /* the server reads whole documents for a sample, and all of them for more than a 20th */
#define SAMPLED_FROM 500000 /* documents; splitVector reads the whole index: 0.6 us for each of them (4.0.14) */
#define EVEN_RANGES 32      /* of so many it matters little if one is twice as large as another */

void
split_points_clear(struct split_points *points)
{
  for (size_t i = 0; i < points->count; i++) {
    bson_destroy(points->points[i]);
  }
  free(points->points);
  *points = (struct split_points){.method = "none"};
}

void
split_add(struct split_points *points, const bson_iter_t *id)
{
  bson_t *point = bson_new();
  bson_append_iter(point, "_id", 3, id);
  if (points->count > 0 && bson_equal(points->points[points->count - 1], point)) {
    bson_destroy(point);
    return;
  }
  points->points = memory_grow(points->points, points->count, &points->capacity, sizeof *points->points);
  points->points[points->count++] = point;
}

void
split_thin(struct split_points *points, size_t wanted)
{
  size_t kept = 0;
  size_t count = points->count;
  if (wanted >= count) {
    return;
  }
  for (size_t i = 0; i < count; i++) { /* the k-th kept one is the (k+1)/(wanted+1) quantile */
    if (kept < wanted && i == (kept + 1) * count / (wanted + 1)) {
      points->points[kept++] = points->points[i];
    } else {
      bson_destroy(points->points[i]);
    }
  }
  points->count = kept;
}

static int64_t
time_of(const bson_oid_t *id)
{
  return (int64_t)(uint32_t)bson_oid_get_time_t(id);
}

void
split_by_time(struct split_points *points, const bson_oid_t *first, const bson_oid_t *last, int64_t ranges)
{
  int64_t begin = time_of(first);
  int64_t span = time_of(last) - begin;
  for (int64_t i = 1; i < ranges; i++) {
    uint32_t seconds = BSON_UINT32_TO_BE((uint32_t)(begin + span / ranges * i + span % ranges * i / ranges));
    uint8_t bytes[12] = {0};
    bson_oid_t id;
    bson_iter_t iter;
    memcpy(bytes, &seconds, sizeof seconds);
    bson_oid_init_from_data(&id, bytes);
    if (bson_oid_compare(&id, first) <= 0 || bson_oid_compare(&id, last) > 0) {
      continue; /* all within a second, or in no order */
    }
    bson_t *point = BCON_NEW("_id", BCON_OID(&id));
    bson_iter_init_find(&iter, point, "_id");
    split_add(points, &iter);
    bson_destroy(point);
  }
}

/*
 * Cuts what lies behind the last point. maxChunkSizeBytes' pieces come out at half its size.
 * S:src/mongo/db/s/split_vector.cpp@r4.2.2
 */
static bool
by_split_vector(struct split_points *points, struct reader *reader, const struct collection *collection,
                int64_t range_bytes, struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t item;
  bson_iter_t id;
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  int64_t chunk = range_bytes * 2 < 1 << 20 ? 1 << 20 : range_bytes * 2; /* newer servers take 1 MB to 1 GB */
  chunk = chunk > 1 << 30 ? 1 << 30 : chunk;
  bson_t *command = BCON_NEW("splitVector", BCON_UTF8(ns), "keyPattern", "{", "_id", BCON_INT32(1), "}",
                             "maxChunkSizeBytes", BCON_INT64(chunk));
  if (points->count > 0) { /* it takes both bounds or none */
    BSON_APPEND_DOCUMENT(command, "min", points->points[points->count - 1]);
    BCON_APPEND(command, "max", "{", "_id", BCON_MAXKEY, "}");
  }
  bool ok = reader_command(reader, collection->db, command, &reply, error);
  if (ok && bson_iter_init_find(&iter, &reply, "splitKeys") && bson_iter_recurse(&iter, &item)) {
    while (bson_iter_next(&item)) {
      if (bson_iter_recurse(&item, &id) && bson_iter_find(&id, "_id")) {
        split_add(points, &id);
      }
    }
  }
  bson_destroy(command);
  bson_destroy(&reply);
  free(ns);
  return ok;
}

static bool
add_all(struct split_points *points, struct reader_cursor *cursor, struct error *error)
{
  const bson_t *document;
  bson_iter_t id;
  int got;
  while ((got = reader_next(cursor, &document, error)) == 1) {
    if (bson_iter_init_find(&id, document, "_id")) {
      split_add(points, &id);
    }
  }
  reader_cursor_free(cursor);
  return got == 0;
}

/* The server sorts: only it knows its order of types and the collection's collation. */
static bool
by_sample(struct split_points *points, struct reader *reader, const struct collection *collection, int64_t ranges,
          struct error *error)
{
  int64_t samples = ranges * SAMPLES_A_RANGE < SAMPLES_MOST ? ranges * SAMPLES_A_RANGE : SAMPLES_MOST;
  bson_t *pipeline =
    BCON_NEW("pipeline", "[", "{", "$sample", "{", "size", BCON_INT64(samples), "}", "}", "{", "$project", "{", "_id",
             BCON_INT32(1), "}", "}", "{", "$sort", "{", "_id", BCON_INT32(1), "}", "}", "]");
  bool ok = add_all(points, reader_aggregate(reader, collection->db, collection->name, pipeline), error);
  bson_destroy(pipeline);
  if (ok) {
    split_thin(points, (size_t)ranges - 1);
  }
  return ok;
}

static bool
by_walk(struct split_points *points, struct reader *reader, const struct collection *collection, int64_t ranges,
        struct error *error)
{
  bson_t *key = BCON_NEW("_id", BCON_INT32(1));
  int64_t step = collection->documents / ranges > 0 ? collection->documents / ranges : 1;
  bool ok = true;
  for (bool more = true; more && ok;) {
    bson_t document;
    bson_iter_t id;
    struct find find = {.db = collection->db,
                        .coll = collection->name,
                        .projection = key,
                        .sort = key,
                        .hint = key,
                        .min = points->count ? points->points[points->count - 1] : NULL,
                        .skip = step};
    int got = reader_find_one(reader, &find, &document, error);
    ok = got >= 0;
    more = got == 1;
    if (more) {
      size_t before = points->count;
      if (bson_iter_init_find(&id, &document, "_id")) {
        split_add(points, &id);
      }
      more = points->count > before;
      bson_destroy(&document);
    }
  }
  bson_destroy(key);
  return ok;
}

static bool
edge_id(struct reader *reader, const struct collection *collection, int order, bson_oid_t *id, struct error *error)
{
  bson_t document;
  bson_iter_t iter;
  bson_t *projection = BCON_NEW("_id", BCON_INT32(1));
  bson_t *sort = BCON_NEW("$natural", BCON_INT32(order));
  struct find find = {.db = collection->db, .coll = collection->name, .projection = projection, .sort = sort};
  bool found = false;
  if (reader_find_one(reader, &find, &document, error) == 1) {
    found = bson_iter_init_find(&iter, &document, "_id") && BSON_ITER_HOLDS_OID(&iter);
    if (found) {
      bson_oid_copy(bson_iter_oid(&iter), id);
    }
    bson_destroy(&document);
  }
  bson_destroy(projection);
  bson_destroy(sort);
  return found;
}

/*
 * Buckets of time series have no _id index, but lie in the order of their _id. That is an ObjectId that the server
 * makes, with the bucket's time in front. A filter by _id reads only that stretch, from 5.0 on
 * (S:src/mongo/db/query/planner_access.cpp@v5.0). The points are even in time. Nothing else is asked of the server: a
 * $sample of buckets ends a 5.0.0-rc4 (seen).
 */
static bool
by_time(struct split_points *points, struct reader *reader, const struct collection *collection, int64_t ranges,
        struct error *error)
{
  bson_oid_t first;
  bson_oid_t last;
  if (!edge_id(reader, collection, 1, &first, error) || !edge_id(reader, collection, -1, &last, error)) {
    return false;
  }
  split_by_time(points, &first, &last, ranges);
  return true;
}

/*
 * splitVector cuts evenly, but nothing is copied before it has read the index of a whole collection: minutes for a large
 * one. There a sample does. Only WiredTiger has a random cursor; other engines sort the whole collection for a sample.
 */
static bool
is_sampled(struct reader *reader, const struct collection *collection, int64_t ranges)
{
  bson_t reply;
  struct error unknown;
  if (collection->documents < SAMPLED_FROM || ranges * SAMPLES_A_RANGE > collection->documents / SAMPLED_PART) {
    return false;
  }
  bson_t *command = BCON_NEW("collStats", BCON_UTF8(collection->name));
  bool sampled =
    reader_command(reader, collection->db, command, &reply, &unknown) && bson_has_field(&reply, "wiredTiger");
  bson_destroy(command);
  bson_destroy(&reply);
  return sampled;
}

/*
 * Samples cut less evenly: some ranges are twice as large as others, and the last one is five times as large where `_id`s
 * ascend (4.0.14: few of the random cursor's steps lead to the newest page). So there are more of them, and the last one
 * is cut by splitVector if the user may run it.
 */
static bool
by_quick_sample(struct split_points *points, struct reader *reader, const struct collection *collection, int64_t ranges,
                struct error *error)
{
  struct error refused;
  int64_t more = ranges * 4 < EVEN_RANGES ? ranges * 4 : EVEN_RANGES;
  more = ranges > more ? ranges : more;
  bool ok = by_sample(points, reader, collection, more, error);
  if (ok && points->count > 0) {
    by_split_vector(points, reader, collection, collection->bytes / more + 1, &refused);
  }
  return ok;
}

int64_t
split_ranges(const struct collection *collection, int64_t range_bytes)
{
  return range_bytes > 0 ? (collection->bytes + range_bytes - 1) / range_bytes : 0;
}

bool
split_collection(struct split_points *points, struct reader *reader, const struct collection *collection,
                 int64_t range_bytes, struct error *error)
{
  int64_t ranges = split_ranges(collection, range_bytes);
  bool buckets = series_of(collection->name) != NULL;
  *points = (struct split_points){.method = "none"};
  if (ranges < 2 || collection->documents < 2 || collection->capped || collection->view ||
      (!collection->has_id_index && !buckets)) {
    return true;
  }
  ranges = ranges > RANGES_MOST ? RANGES_MOST : ranges;
  ranges = ranges > collection->documents ? collection->documents : ranges;
  if (buckets) {
    if (!by_time(points, reader, collection, ranges, error)) {
      split_points_clear(points);
    }
    points->method = points->count > 0 ? "time" : "none";
    return true;
  }
  const struct {
    const char *name;
    bool (*run)(struct split_points *, struct reader *, const struct collection *, int64_t, struct error *);
    int64_t argument;
  } methods[] = {{"sample", by_quick_sample, ranges}, /* only where is_sampled */
                 {"splitVector", by_split_vector, collection->bytes / ranges + 1},
                 {"sample", by_sample, ranges},
                 {"walk", by_walk, ranges}};
  for (size_t i = is_sampled(reader, collection, ranges) ? 0 : 1; i < sizeof methods / sizeof *methods; i++) {
    if (methods[i].run(points, reader, collection, methods[i].argument, error) && points->count > 0) {
      points->method = methods[i].name;
      return true;
    }
    split_points_clear(points);
  }
  return true; /* one range is always right */
}
