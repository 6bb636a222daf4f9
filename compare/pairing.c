#include "compare/pairing.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/parallel.h"
#include "server/series.h"
#include "source/catalog/target_name.h"

#define VERSION_3_0 300

static const enum error_kind kinds[] = {ERROR_SOURCE, ERROR_TARGET};

/* What is asked of each collection, by several connections. */
struct survey {
  const struct reader *reader;
  struct collection **items;
  bool sizes;
};

static bool
ask_one(void *context, size_t number, struct server *server, struct error *error)
{
  const struct survey *survey = context;
  struct reader reader = *survey->reader; /* what it knows of the server, with this thread's connection */
  reader.server = *server;
  return catalog_list_indexes(survey->items[number], &reader, error) &&
         (!survey->sizes || catalog_read_size(survey->items[number], &reader, error));
}

static bool
ask_all(const struct pairing *pairing, int side, struct collection **items, size_t count, struct error *error)
{
  struct survey survey = {pairing->readers[side], items, side == SOURCE_SIDE};
  struct parallel parallel = {.kind = kinds[side],
                              .uri = pairing->uris[side],
                              .threads = PARALLEL_MOST,
                              .work = ask_one,
                              .context = &survey,
                              .own = &pairing->readers[side]->server};
  return parallel_run(&parallel, count, error);
}

static struct collection **
pointers(const struct catalog *catalog)
{
  struct collection **items = memory_new((catalog->count + 1) * sizeof(struct collection *));
  for (size_t i = 0; i < catalog->count; i++) {
    items[i] = &catalog->collections[i];
  }
  return items;
}

static bool
name_all(const struct pairing *pairing, struct catalog *source, struct error *error)
{
  for (size_t i = 0; i < source->count; i++) {
    if (!target_name_set(pairing->selection, &source->collections[i], error)) {
      return false;
    }
  }
  return !pairing->check || pairing->check(pairing->context, source, error);
}

static bool
list_source(struct pairing *pairing, struct error *error)
{
  struct catalog *catalog = &pairing->catalogs[SOURCE_SIDE];
  if (!catalog_list(catalog, pairing->readers[SOURCE_SIDE], pairing->wanted, pairing->wanted_context, error)) {
    return false;
  }
  struct collection **items = pointers(catalog);
  bool ok = ask_all(pairing, SOURCE_SIDE, items, catalog->count, error) && name_all(pairing, catalog, error);
  free(items);
  return ok;
}

/* Gives each collection of the source the one of the target that has its name. */
static size_t
find_targets(struct pairing *pairing, struct collection **found)
{
  struct catalog *source = &pairing->catalogs[SOURCE_SIDE];
  struct catalog *target = &pairing->catalogs[TARGET_SIDE];
  size_t count = 0;
  struct collection **sorted = pointers(target);
  qsort(sorted, target->count, sizeof *sorted, catalog_compare_targets);
  for (size_t i = 0; i < source->count; i++) {
    const struct collection *wanted = &source->collections[i];
    struct collection **at = bsearch(&wanted, sorted, target->count, sizeof *sorted, catalog_compare_targets);
    if (at) {
      pairing->targets[i] = *at;
      found[count++] = *at;
    }
  }
  free(sorted);
  return count;
}

static bool
list_target(struct pairing *pairing, struct error *error)
{
  if (!catalog_list(&pairing->catalogs[TARGET_SIDE], pairing->readers[TARGET_SIDE], catalog_any, NULL, error)) {
    return error_wrap(error, "cannot list the target's collections");
  }
  struct collection **found = memory_new((pairing->catalogs[SOURCE_SIDE].count + 1) * sizeof(struct collection *));
  size_t count = find_targets(pairing, found);
  bool ok = ask_all(pairing, TARGET_SIDE, found, count, error);
  free(found);
  return ok;
}

/* Both sides must have the index that the bounds are of, or be buckets of time series. */
static bool
can_split(const struct collection *source, const struct collection *target)
{
  bool buckets = series_of(source->name) != NULL;
  return target && !target->capped && !target->view &&
         (buckets ? !target->has_id_index : source->has_id_index && target->has_id_index);
}

/*
 * Versions from 3.0 on keep one order of types, 2.6 has dates and timestamps as one
 * (S:src/mongo/bson/bsontypes.h@r2.6.12, r3.0.15). Collations follow the server's library. A bound of such a kind may
 * have other documents before it on the other side. Those that stay have the same documents before them anywhere.
 */
static bool
is_steady(const struct pairing *pairing, const struct collection *collection, const bson_t *point)
{
  int source = pairing->versions[SOURCE_SIDE];
  int target = pairing->versions[TARGET_SIDE];
  bson_iter_t id;
  if (source == target || !bson_iter_init_find(&id, point, "_id")) {
    return true;
  }
  bson_type_t type = bson_iter_type(&id);
  bool collated = bson_has_field(collection->options, "collation");
  bool holds = type == BSON_TYPE_DOCUMENT || type == BSON_TYPE_ARRAY; /* anything */
  bool dated = (type == BSON_TYPE_DATE_TIME || type == BSON_TYPE_TIMESTAMP || holds) &&
               (source < VERSION_3_0 || target < VERSION_3_0);
  bool texted = collated && (type == BSON_TYPE_UTF8 || type == BSON_TYPE_SYMBOL || holds);
  return !dated && !texted;
}

static void
keep_steady(const struct pairing *pairing, const struct collection *collection, struct split_points *points)
{
  size_t kept = 0;
  for (size_t i = 0; i < points->count; i++) {
    if (is_steady(pairing, collection, points->points[i])) {
      points->points[kept++] = points->points[i];
    } else {
      bson_destroy(points->points[i]);
    }
  }
  points->count = kept;
}

static bool
split_all(struct pairing *pairing, struct error *error)
{
  const struct catalog *catalog = &pairing->catalogs[SOURCE_SIDE];
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *source = &catalog->collections[i];
    struct split_points *points = &pairing->points[i];
    if (!can_split(source, pairing->targets[i]) ||
        (pairing->find_points && pairing->find_points(pairing->context, source, points))) {
      continue;
    }
    if (!split_collection(points, pairing->readers[SOURCE_SIDE], source, pairing->range_bytes, error)) {
      return false;
    }
    keep_steady(pairing, source, points);
    if (points->count > 0) {
      log_info("split ns=%s ranges=%zu by=%s", log_value("%s.%s", source->db, source->name), points->count + 1,
               points->method);
    }
  }
  return true;
}

bool
pairing_make(struct pairing *pairing, struct error *error)
{
  if (!list_source(pairing, error)) {
    return false;
  }
  size_t count = pairing->catalogs[SOURCE_SIDE].count;
  pairing->targets = memory_new((count + 1) * sizeof(struct collection *));
  pairing->points = memory_new((count + 1) * sizeof *pairing->points);
  for (size_t i = 0; i < count; i++) {
    pairing->points[i].method = "none";
  }
  return list_target(pairing, error) && split_all(pairing, error);
}

void
pairing_clear(struct pairing *pairing)
{
  for (size_t i = 0; pairing->points && i < pairing->catalogs[SOURCE_SIDE].count; i++) {
    split_points_clear(&pairing->points[i]);
  }
  free(pairing->points);
  free(pairing->targets);
  catalog_clear(&pairing->catalogs[SOURCE_SIDE]);
  catalog_clear(&pairing->catalogs[TARGET_SIDE]);
  pairing->points = NULL;
  pairing->targets = NULL;
}
