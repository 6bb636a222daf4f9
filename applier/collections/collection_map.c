#include "applier/collections/collection_map.h"

#include "applier/collections/reread.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "source/catalog/selection.h"

#define NS_SIZE (SELECTION_DB_SIZE + SELECTION_COLL_SIZE)

#define LATE (3600ull << 32) /* an hour, in timestamps */

static void
set_namespace(struct mapped_collection *mapped, const char *db, const char *coll)
{
  mapped->ns = namespace_key(db, coll);
  mapped->db = memory_string(db);
  mapped->coll = memory_string(coll);
  mapped->from_db = memory_string(db);
  mapped->from_coll = memory_string(coll);
}

static void
set_source(struct mapped_collection *mapped, const char *from_db, const char *from_coll)
{
  free(mapped->from_db);
  free(mapped->from_coll);
  mapped->from_db = memory_string(from_db);
  mapped->from_coll = memory_string(from_coll);
}

void
collection_map_changed(struct collection_map *collection_map, const struct mapped_collection *mapped)
{
  namespace_set_add(&collection_map->changed, mapped->db, mapped->coll);
}

void
collection_map_set_source(struct collection_map *collection_map, struct mapped_collection *mapped, const char *from_db,
                          const char *from_coll)
{
  set_source(mapped, from_db, from_coll);
  collection_map_changed(collection_map, mapped);
}

static void
free_names(struct mapped_collection *mapped)
{
  free(mapped->ns);
  free(mapped->db);
  free(mapped->coll);
  free(mapped->from_db);
  free(mapped->from_coll);
}

struct mapped_collection *
collection_map_find(struct collection_map *collection_map, const char *db, const char *coll)
{
  struct mapped_collection *found = NULL;
  char ns[NS_SIZE];
  int length = snprintf(ns, sizeof ns, "%s.%s", db, coll);
  if (length < 0 || (size_t)length >= sizeof ns) { /* of a damaged bookmark file: no entry's name is as long */
    return NULL;
  }
  HASH_FIND(by_ns, collection_map->by_ns, ns, (unsigned)length, found);
  return found;
}

struct mapped_collection *
collection_map_find_uuid(struct collection_map *collection_map, const uint8_t uuid[16])
{
  struct mapped_collection *found = NULL;
  HASH_FIND(by_uuid, collection_map->by_uuid, uuid, 16, found);
  return found;
}

struct mapped_collection *
collection_map_add(struct collection_map *collection_map, const char *db, const char *coll)
{
  struct mapped_collection *mapped = collection_map_find(collection_map, db, coll);
  if (!mapped) {
    mapped = memory_new(sizeof *mapped);
    set_namespace(mapped, db, coll);
    HASH_ADD_KEYPTR(by_ns, collection_map->by_ns, mapped->ns, strlen(mapped->ns), mapped);
    collection_map_changed(collection_map, mapped);
  }
  return mapped;
}

void
collection_map_forget_uuid(struct collection_map *collection_map, struct mapped_collection *mapped)
{
  if (mapped->has_uuid) {
    HASH_DELETE(by_uuid, collection_map->by_uuid,
                mapped); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    mapped->has_uuid = false;
    collection_map_changed(collection_map, mapped);
  }
}

static void
set_uuid(struct collection_map *collection_map, struct mapped_collection *mapped, const uint8_t uuid[16])
{
  struct mapped_collection *other = collection_map_find_uuid(collection_map, uuid);
  if (other) {
    collection_map_forget_uuid(collection_map, other);
  }
  collection_map_forget_uuid(collection_map, mapped);
  mapped->has_uuid = true;
  memcpy(mapped->uuid, uuid, sizeof mapped->uuid);
  HASH_ADD(by_uuid, collection_map->by_uuid, uuid, sizeof mapped->uuid, mapped);
}

void
collection_map_set_uuid(struct collection_map *collection_map, struct mapped_collection *mapped, const uint8_t uuid[16])
{
  set_uuid(collection_map, mapped, uuid);
  collection_map_changed(collection_map, mapped);
}

void
collection_map_remove(struct collection_map *collection_map, struct mapped_collection *mapped)
{
  collection_map_forget_uuid(collection_map, mapped);
  collection_map_changed(collection_map, mapped);
  HASH_DELETE(by_ns, collection_map->by_ns, mapped);
  reread_clear(mapped);
  free_names(mapped);
  free(mapped);
}

void
collection_map_clear(struct collection_map *collection_map)
{
  struct mapped_collection *mapped;
  struct mapped_collection *next;
  HASH_ITER (by_ns, collection_map->by_ns, mapped, next) {
    collection_map_remove(collection_map, mapped);
  }
  namespace_set_clear(&collection_map->changed);
  namespace_set_clear(&collection_map->counted);
}

struct mapped_collection *
collection_map_rename(struct collection_map *collection_map, struct mapped_collection *mapped, const char *db,
                      const char *coll)
{
  struct mapped_collection *old = collection_map_find(collection_map, db, coll);
  if (old && old != mapped) {
    collection_map_remove(collection_map, old);
  }
  HASH_DELETE(by_ns, collection_map->by_ns, mapped); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  collection_map_changed(collection_map, mapped);
  free_names(mapped);
  set_namespace(mapped, db, coll);
  collection_map_changed(collection_map, mapped);
  if (mapped->entries > 0) {
    namespace_set_add(&collection_map->counted, db, coll);
  }
  HASH_ADD_KEYPTR(by_ns, collection_map->by_ns, mapped->ns, strlen(mapped->ns), mapped);
  return mapped;
}

bool
mapped_collection_may_have_expired(const struct mapped_collection *mapped, uint64_t ts)
{
  return mapped->expired == EXPIRY_ACTIVE || (mapped->expired != 0 && ts <= mapped->expired + LATE);
}

bool
collection_map_put_changed(struct collection_map *collection_map, bson_t *item)
{
  struct namespace_item *name = collection_map->changed.by_ns;
  if (!name) {
    return false;
  }
  struct message_collection said = {.db = name->db, .coll = name->coll};
  const struct mapped_collection *mapped = collection_map_find(collection_map, name->db, name->coll);
  if (mapped) {
    said.from_db = mapped->from_db;
    said.from_coll = mapped->from_coll;
    said.uuid = mapped->has_uuid ? mapped->uuid : NULL;
    said.start = mapped->start;
    said.since = mapped->since;
    said.expired = mapped->expired;
    said.lost = mapped->lost;
    said.no_id_index = mapped->no_id_index;
  }
  message_put_collection(item, &said);
  namespace_set_remove(&collection_map->changed, name);
  return true;
}

void
collection_map_count(struct collection_map *collection_map, struct mapped_collection *mapped)
{
  if (mapped->entries++ == 0) {
    namespace_set_add(&collection_map->counted, mapped->db, mapped->coll);
  }
}

bool
collection_map_put_counted(struct collection_map *collection_map, bson_t *item)
{
  struct namespace_item *name = collection_map->counted.by_ns;
  if (!name) {
    return false;
  }
  struct mapped_collection *mapped = collection_map_find(collection_map, name->db, name->coll);
  BSON_APPEND_UTF8(item, "db", name->db);
  BSON_APPEND_UTF8(item, "coll", name->coll);
  BSON_APPEND_INT64(item, "entries", mapped ? mapped->entries : 0);
  if (mapped) {
    mapped->entries = 0;
  }
  namespace_set_remove(&collection_map->counted, name);
  return true;
}

/* What the list says of one that is there. */
static void
take_item(struct collection_map *collection_map, struct mapped_collection *mapped, const bson_t *item)
{
  const char *from_db = NULL;
  const char *from_coll = NULL;
  struct error error;
  bson_iter_t field;
  if (message_text(item, "from_db", &from_db, &error) && message_text(item, "from_coll", &from_coll, &error)) {
    set_source(mapped, from_db, from_coll);
  }
  mapped->start = message_timestamp(item, "start");
  mapped->lost = message_flag(item, "lost");
  mapped->no_id_index = message_flag(item, "no_id_index");
  mapped->since = message_timestamp(item, "since");
  mapped->expired = message_timestamp(item, "expired");
  if (bson_iter_init_find(&field, item, "uuid") && BSON_ITER_HOLDS_BINARY(&field)) {
    bson_subtype_t subtype;
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    bson_iter_binary(&field, &subtype, &size, &bytes);
    if (size == 16) {
      set_uuid(collection_map, mapped, bytes);
    }
  }
}

void
collection_map_get(struct collection_map *collection_map, const bson_t *list)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    const char *db = NULL;
    const char *coll = NULL;
    struct error error;
    bson_t item;
    if (message_item(&iter, &item) && message_text(&item, "db", &db, &error) &&
        message_text(&item, "coll", &coll, &error)) {
      struct mapped_collection *mapped = collection_map_find(collection_map, db, coll);
      if (mapped) {
        take_item(collection_map, mapped, &item);
      } else { /* another collection may get this name */
        namespace_set_add(&collection_map->changed, db, coll);
      }
    }
  }
}
