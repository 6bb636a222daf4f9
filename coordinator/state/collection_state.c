#include "coordinator/state/collection_state.h"

#include <stdlib.h>
#include <string.h>

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

void
collection_state_add_deferred(bson_t *list, uint32_t index, const bson_t *spec, bool unbuilt, int64_t ttl_s)
{
  bson_t item = BSON_INITIALIZER;
  BSON_APPEND_DOCUMENT(&item, "spec", spec);
  BSON_APPEND_BOOL(&item, "unbuilt", unbuilt);
  BSON_APPEND_INT64(&item, "ttl_s", ttl_s);
  message_put_item(list, index, &item);
  bson_destroy(&item);
}

bool
collection_state_put_deferred(struct checkpoint *checkpoint, const char *db, const char *coll, const bson_t *list,
                              int64_t bytes, struct error *error)
{
  bson_t item = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&item, "db", db);
  BSON_APPEND_UTF8(&item, "coll", coll);
  BSON_APPEND_INT64(&item, "bytes", bytes);
  BSON_APPEND_ARRAY(&item, "indexes", list);
  bool ok = collection_state_put(checkpoint, "sleeping", &item, error);
  bson_destroy(&item);
  return ok;
}

/* The collection's list as it is, but for one index, which is added unbuilt. */
struct deferring {
  const char *db;
  const char *coll;
  const char *name;
  bson_t list;
  uint32_t count;
  int64_t bytes; /* what the list had of the collection, */
  int64_t ttl_s; /* and of that index */
};

static bool
keep_others(void *context, const bson_t *item, struct error *error)
{
  struct deferring *deferring = context;
  const char *db = NULL;
  const char *coll = NULL;
  bson_t indexes;
  bson_iter_t iter;
  if (!message_text(item, "db", &db, error) || !message_text(item, "coll", &coll, error) ||
      !message_document(item, "indexes", &indexes, error)) {
    return false;
  }
  if (strcmp(db, deferring->db) != 0 || strcmp(coll, deferring->coll) != 0) {
    return true;
  }
  deferring->bytes = message_number(item, "bytes", 0);
  for (bson_iter_init(&iter, &indexes); bson_iter_next(&iter);) {
    bson_t index;
    bson_t spec;
    const char *name = "";
    struct error ignored;
    if (!message_item(&iter, &index) || !message_document(&index, "spec", &spec, error)) {
      return false;
    }
    message_text(&spec, "name", &name, &ignored);
    if (strcmp(name, deferring->name) == 0) {
      deferring->ttl_s = message_number(&index, "ttl_s", -1);
    } else {
      message_put_item(&deferring->list, deferring->count++, &index);
    }
  }
  return true;
}

bool
collection_state_defer(struct checkpoint *checkpoint, const bson_t *refused, struct error *error)
{
  bson_t spec;
  struct deferring deferring = {.ttl_s = -1};
  if (!message_text(refused, "db", &deferring.db, error) || !message_text(refused, "coll", &deferring.coll, error) ||
      !message_text(refused, "index", &deferring.name, error) || !message_document(refused, "spec", &spec, error)) {
    return false;
  }
  bson_init(&deferring.list);
  bool ok = checkpoint_items(checkpoint, "sleeping", keep_others, &deferring, error);
  collection_state_add_deferred(&deferring.list, deferring.count, &spec, true, deferring.ttl_s);
  ok = ok &&
       collection_state_put_deferred(checkpoint, deferring.db, deferring.coll, &deferring.list, deferring.bytes, error);
  bson_destroy(&deferring.list);
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
  collection_state_sender send;
  void *context;
  const char *list;
  bson_t items;
  uint32_t count;
};

static void
send_part(struct part *part)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_ARRAY(&message, part->list, &part->items);
  part->send(part->context, &message);
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
collection_state_send(struct checkpoint *checkpoint, collection_state_sender send, void *context, struct error *error)
{
  struct part part = {.send = send, .context = context, .items = BSON_INITIALIZER};
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
