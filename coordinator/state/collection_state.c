#include "coordinator/state/collection_state.h"

#include <stdlib.h>

#include "base/memory.h"
#include "source/catalog/duplicate_ids.h"

#define PART_BYTES (1 << 20)

static const char *const lists[] = {"places", "sleeping"};
#define LISTS (sizeof lists / sizeof *lists)

bool
collection_state_put(struct checkpoint *checkpoint, const char *list, const bson_t *item, struct error *error)
{
  const char *db = NULL;
  const char *coll = NULL;
  if (!message_text(item, "db", &db, error) || !message_text(item, "coll", &coll, error)) {
    return false;
  }
  char *ns = memory_format("%s.%s", db, coll);
  bool gone = bson_count_keys(item) == 2;
  bool ok = checkpoint_put_item(checkpoint, list, ns, gone ? NULL : item, error);
  free(ns);
  return ok;
}

bool
collection_state_put_plan(struct checkpoint *checkpoint, const struct plan *plan, struct error *error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < plan->collection_count; i++) {
    const struct plan_collection *collection = &plan->collections[i];
    const struct collection *source = collection->source;
    bson_t item = BSON_INITIALIZER;
    struct message_collection said = {.db = source->to_db,
                                      .coll = source->to_name,
                                      .from_db = source->db,
                                      .from_coll = source->name,
                                      .uuid = source->has_uuid ? source->uuid : NULL,
                                      .start = collection->start,
                                      .lost = collection->lost,
                                      .no_id_index = duplicate_ids_possible(source)};
    message_put_collection(&item, &said);
    ok = collection_state_put(checkpoint, "places", &item, error);
    bson_destroy(&item);
  }
  return ok;
}

static bool
take_list(struct checkpoint *checkpoint, const bson_t *message, const char *name, struct error *error)
{
  bson_t list;
  bson_t item;
  bson_iter_t iter;
  bool ok = message_document(message, name, &list, error);
  for (ok = ok && bson_iter_init(&iter, &list); ok && bson_iter_next(&iter);) {
    ok = message_item(&iter, &item) && collection_state_put(checkpoint, name, &item, error);
  }
  return ok;
}

bool
collection_state_take(struct checkpoint *checkpoint, const bson_t *message, struct error *error)
{
  bool ok = checkpoint_begin(checkpoint, error);
  for (size_t i = 0; ok && i < LISTS; i++) {
    ok = take_list(checkpoint, message, lists[i], error);
  }
  return ok;
}

/* A part that is being filled. */
struct part {
  struct pool *pool;
  const char *list;
  bson_t items;
  uint32_t count;
};

static void
send_part(struct part *part)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_ARRAY(&message, part->list, &part->items);
  pool_tell_applier(part->pool, MESSAGE_COLLECTIONS, &message);
  bson_destroy(&message);
  bson_reinit(&part->items);
  part->count = 0;
}

static bool
add_item(void *context, const bson_t *item, struct error *error)
{
  struct part *part = context;
  (void)error;
  message_put_item(&part->items, part->count++, item);
  if (part->items.len >= PART_BYTES) {
    send_part(part);
  }
  return true;
}

bool
collection_state_send(struct checkpoint *checkpoint, struct pool *pool, struct error *error)
{
  struct part part = {.pool = pool, .items = BSON_INITIALIZER};
  bool ok = true;
  for (size_t i = 0; ok && i < LISTS; i++) {
    part.list = lists[i];
    ok = checkpoint_items(checkpoint, lists[i], add_item, &part, error);
    if (part.count > 0) {
      send_part(&part);
    }
  }
  bson_destroy(&part.items);
  return ok;
}
