#include "coordinator/verify/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "coordinator/check/inventory.h"
#include "coordinator/verify/resume.h"
#include "server/parallel.h"
#include "server/series.h"
#include "source/reader/connectivity.h"

#define VERSION_3_0 300

static const char *const sides[] = {"source", "target"};
static const enum error_kind kinds[] = {ERROR_SOURCE, ERROR_TARGET};

struct opened {
  struct pairs *pairs;
  struct reader readers[COMPARISON_SIDES];
};

static bool
open_side(struct opened *opened, int side, struct error *error)
{
  const char *uri = opened->pairs->uris[side];
  struct server_hello *hello = &opened->pairs->hellos[side];
  if (!connectivity_check_files(sides[side], uri, error)) {
    return false;
  }
  if (!reader_open_side(&opened->readers[side], kinds[side], uri, false, error) ||
      !server_ask_hello(&opened->readers[side].server, true, hello, error)) {
    connectivity_explain(sides[side], uri, error);
    return false;
  }
  return hello->wire_version >= WIRE_2_6 ||
         error_set(error, ERROR_REFUSED, "the %s (%s) is older than 2.6: this cannot read it", sides[side],
                   hello->version);
}

static bool
check_two(const struct pairs *pairs, struct error *error)
{
  const char *source = pairs->hellos[SOURCE_SIDE].primary;
  return !source[0] || strcmp(source, pairs->hellos[TARGET_SIDE].primary) != 0 || selection_renames(pairs->selection) ||
         error_set(error, ERROR_REFUSED, "source and target are the same server, %s", source);
}

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
ask_all(struct opened *opened, int side, struct collection **items, size_t count, struct error *error)
{
  struct survey survey = {&opened->readers[side], items, side == SOURCE_SIDE};
  struct parallel parallel = {.kind = kinds[side],
                              .uri = opened->pairs->uris[side],
                              .threads = PARALLEL_MOST,
                              .work = ask_one,
                              .context = &survey,
                              .own = &opened->readers[side].server};
  return parallel_run(&parallel, count, error);
}

static bool
name_all(const struct pairs *pairs, struct catalog *catalog, struct error *error)
{
  struct findings findings;
  findings_init(&findings);
  inventory_name(pairs->selection, server_version(&pairs->hellos[TARGET_SIDE]), catalog, &findings);
  bool ok = findings_conclude(&findings, error);
  findings_clear(&findings);
  return ok;
}

static bool
list_source(struct opened *opened, struct error *error)
{
  struct pairs *pairs = opened->pairs;
  struct catalog *catalog = &pairs->catalogs[SOURCE_SIDE];
  if (!catalog_list(catalog, &opened->readers[SOURCE_SIDE], selection_wants, pairs->selection, error)) {
    return false;
  }
  struct collection **items = memory_new((catalog->count + 1) * sizeof(struct collection *));
  for (size_t i = 0; i < catalog->count; i++) {
    items[i] = &catalog->collections[i];
  }
  bool ok = ask_all(opened, SOURCE_SIDE, items, catalog->count, error) && name_all(pairs, catalog, error);
  free(items);
  return ok;
}

/* Gives each of the plan's collections the one of the target that has its name. */
static size_t
find_targets(struct pairs *pairs, struct plan *plan, struct collection **found)
{
  struct catalog *catalog = &pairs->catalogs[TARGET_SIDE];
  size_t count = 0;
  struct collection **sorted = memory_new((catalog->count + 1) * sizeof(struct collection *));
  for (size_t i = 0; i < catalog->count; i++) {
    sorted[i] = &catalog->collections[i];
  }
  qsort(sorted, catalog->count, sizeof *sorted, catalog_compare_targets);
  for (size_t i = 0; i < plan->collection_count; i++) {
    const struct collection *source = plan->collections[i].source;
    struct collection **at = bsearch(&source, sorted, catalog->count, sizeof *sorted, catalog_compare_targets);
    if (at) {
      plan->collections[i].target = *at;
      found[count++] = *at;
    }
  }
  free(sorted);
  return count;
}

static bool
list_target(struct opened *opened, struct plan *plan, struct error *error)
{
  struct pairs *pairs = opened->pairs;
  if (!catalog_list(&pairs->catalogs[TARGET_SIDE], &opened->readers[TARGET_SIDE], catalog_any, NULL, error)) {
    return error_wrap(error, "cannot list the target's collections");
  }
  struct collection **found = memory_new((plan->collection_count + 1) * sizeof(struct collection *));
  size_t count = find_targets(pairs, plan, found);
  bool ok = ask_all(opened, TARGET_SIDE, found, count, error);
  free(found);
  return ok;
}

/* Both sides must have the index that the bounds are of, or be buckets of time series. */
static bool
can_split(const struct plan_collection *collection)
{
  const struct collection *source = collection->source;
  const struct collection *target = collection->target;
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
is_steady(const struct pairs *pairs, const struct collection *collection, const bson_t *point)
{
  int source = server_version(&pairs->hellos[SOURCE_SIDE]);
  int target = server_version(&pairs->hellos[TARGET_SIDE]);
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
keep_steady(const struct pairs *pairs, const struct collection *collection, struct split_points *points)
{
  size_t kept = 0;
  for (size_t i = 0; i < points->count; i++) {
    if (is_steady(pairs, collection, points->points[i])) {
      points->points[kept++] = points->points[i];
    } else {
      bson_destroy(points->points[i]);
    }
  }
  points->count = kept;
}

static bool
split_all(struct opened *opened, struct plan *plan, struct error *error)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    struct split_points points = {.method = "none"};
    const struct collection *source = plan->collections[i].source;
    if (!can_split(&plan->collections[i])) {
      continue;
    }
    if (opened->pairs->resume && resume_points(opened->pairs->resume, source, &points)) {
      plan_set_points(plan, i, &points);
      continue;
    }
    if (!split_collection(&points, &opened->readers[SOURCE_SIDE], source, opened->pairs->options->range_mb << 20,
                          error)) {
      return false;
    }
    keep_steady(opened->pairs, source, &points);
    if (points.count > 0) {
      log_info("split ns=%s ranges=%zu by=%s", log_value("%s.%s", source->db, source->name), points.count + 1,
               points.method);
    }
    plan_set_points(plan, i, &points);
  }
  return true;
}

bool
pairs_prepare(struct pairs *pairs, struct plan *plan, struct error *error)
{
  struct opened opened = {.pairs = pairs};
  bool ok = open_side(&opened, SOURCE_SIDE, error) && open_side(&opened, TARGET_SIDE, error) &&
            check_two(pairs, error) && list_source(&opened, error);
  if (ok) {
    plan_init(plan, &pairs->catalogs[SOURCE_SIDE], pairs->options->collections_at_once);
    plan->verifies = true;
    ok = list_target(&opened, plan, error) && split_all(&opened, plan, error);
    plan_close(plan);
  }
  reader_close(&opened.readers[TARGET_SIDE]);
  reader_close(&opened.readers[SOURCE_SIDE]);
  return ok;
}

void
pairs_clear(struct pairs *pairs)
{
  catalog_clear(&pairs->catalogs[SOURCE_SIDE]);
  catalog_clear(&pairs->catalogs[TARGET_SIDE]);
}
