#include "coordinator/verify/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "coordinator/check/inventory.h"
#include "coordinator/verify/resume.h"
#include "ipc/message.h"
#include "source/reader/connectivity.h"

#define NO_TARGET SIZE_MAX

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

static bool
check_names(void *context, const struct catalog *catalog, struct error *error)
{
  const struct pairs *pairs = context;
  struct findings findings;
  findings_init(&findings);
  inventory_check_names(pairs->selection, server_version(&pairs->hellos[TARGET_SIDE]), catalog, &findings);
  bool ok = findings_conclude(&findings, error);
  findings_clear(&findings);
  return ok;
}

/* An earlier run has split it. */
static bool
find_points(void *context, const struct collection *collection, struct split_points *points)
{
  const struct pairs *pairs = context;
  return pairs->resume && resume_points(pairs->resume, collection, points);
}

/* The plan points into the catalogs. */
static void
take_pairing(struct pairs *pairs, struct pairing *pairing)
{
  for (size_t i = 0; i < pairing->catalogs[SOURCE_SIDE].count; i++) {
    struct pair pair = {.target = pairing->targets[i]
                                    ? (size_t)(pairing->targets[i] - pairing->catalogs[TARGET_SIDE].collections)
                                    : NO_TARGET,
                        .points = pairing->points[i]};
    pairing->points[i] = (struct split_points){.method = "none"};
    pairs->items = memory_grow(pairs->items, pairs->count, &pairs->capacity, sizeof *pairs->items);
    pairs->items[pairs->count++] = pair;
  }
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    pairs->catalogs[side] = pairing->catalogs[side];
    pairing->catalogs[side] = (struct catalog){.count = 0};
  }
}

bool
pairs_prepare(struct pairs *pairs, struct plan *plan, struct error *error)
{
  struct opened opened = {.pairs = pairs};
  bool ok = open_side(&opened, SOURCE_SIDE, error) && open_side(&opened, TARGET_SIDE, error) && check_two(pairs, error);
  struct pairing pairing = {
    .readers = {&opened.readers[SOURCE_SIDE], &opened.readers[TARGET_SIDE]},
    .uris = {pairs->uris[SOURCE_SIDE], pairs->uris[TARGET_SIDE]},
    .versions = {server_version(&pairs->hellos[SOURCE_SIDE]), server_version(&pairs->hellos[TARGET_SIDE])},
    .wanted = selection_wants,
    .wanted_context = pairs->selection,
    .range_bytes = pairs->options->range_mb << 20,
    .selection = pairs->selection,
    .check = check_names,
    .find_points = find_points,
    .context = pairs};
  ok = ok && pairing_make(&pairing, error);
  if (ok) {
    take_pairing(pairs, &pairing);
    pairs_plan(pairs, plan);
  }
  pairing_clear(&pairing);
  reader_close(&opened.readers[TARGET_SIDE]);
  reader_close(&opened.readers[SOURCE_SIDE]);
  return ok;
}

static struct collection *
add_collection(struct catalog *catalog, const bson_t *listed)
{
  catalog->collections =
    memory_grow(catalog->collections, catalog->count, &catalog->capacity, sizeof *catalog->collections);
  struct collection *collection = &catalog->collections[catalog->count++];
  *collection = (struct collection){.ttl_s = -1,
                                    .options = BCON_NEW("size", BCON_INT64(message_number(listed, "size", 0))),
                                    .indexes = bson_new(),
                                    .view = message_flag(listed, "view"),
                                    .capped = message_flag(listed, "capped"),
                                    .has_id_index = message_flag(listed, "id_index"),
                                    .documents = message_number(listed, "documents", 0),
                                    .bytes = message_number(listed, "bytes", 0)};
  return collection;
}

static void
name(struct collection *collection, const bson_t *listed, const char *db, const char *coll)
{
  collection->db = memory_string(message_text_or_none(listed, db));
  collection->name = memory_string(message_text_or_none(listed, coll));
  collection->to_db = memory_string(message_text_or_none(listed, "db"));
  collection->to_name = memory_string(message_text_or_none(listed, "coll"));
}

bool
pairs_take(struct pairs *pairs, const bson_t *listed, struct error *error)
{
  struct pair pair = {.target = NO_TARGET, .points = {.method = "none"}};
  struct error absent;
  bson_t target;
  bson_t points;
  bson_iter_t iter;
  if (!message_document(listed, "points", &points, error)) {
    return false;
  }
  name(add_collection(&pairs->catalogs[SOURCE_SIDE], listed), listed, "from_db", "from_coll");
  if (message_document(listed, "target", &target, &absent)) {
    pair.target = pairs->catalogs[TARGET_SIDE].count;
    name(add_collection(&pairs->catalogs[TARGET_SIDE], &target), listed, "db", "coll");
  }
  for (bson_iter_init(&iter, &points); bson_iter_next(&iter);) {
    bson_t point;
    bson_iter_t id;
    if (message_item(&iter, &point) && bson_iter_init_find(&id, &point, "_id")) {
      split_add(&pair.points, &id);
    }
  }
  pairs->items = memory_grow(pairs->items, pairs->count, &pairs->capacity, sizeof *pairs->items);
  pairs->items[pairs->count++] = pair;
  return true;
}

void
pairs_plan(struct pairs *pairs, struct plan *plan)
{
  plan_init(plan, &pairs->catalogs[SOURCE_SIDE], pairs->options->collections_at_once);
  plan->verifies = true;
  for (size_t i = 0; i < pairs->count; i++) {
    if (pairs->items[i].target != NO_TARGET) {
      plan->collections[i].target = &pairs->catalogs[TARGET_SIDE].collections[pairs->items[i].target];
    }
    plan_set_points(plan, i, &pairs->items[i].points);
  }
  plan_close(plan);
}

void
pairs_clear(struct pairs *pairs)
{
  for (size_t i = 0; i < pairs->count; i++) {
    split_points_clear(&pairs->items[i].points);
  }
  free(pairs->items);
  pairs->items = NULL;
  pairs->count = pairs->capacity = 0;
  catalog_clear(&pairs->catalogs[SOURCE_SIDE]);
  catalog_clear(&pairs->catalogs[TARGET_SIDE]);
}
