#include "applier/collections/collection_map.h"

#include "applier/collections/reread.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "source/catalog/selection.h"

#define NS_SIZE (SELECTION_DB_SIZE + SELECTION_COLL_SIZE)

#define LATE (3600ull << 32) /* an hour, in timestamps */

static void
name_place(struct place *place, const char *db, const char *coll)
{
  place->ns = names_key(db, coll);
  place->db = memory_string(db);
  place->coll = memory_string(coll);
  place->from_db = memory_string(db);
  place->from_coll = memory_string(coll);
}

static void
set_source(struct place *place, const char *from_db, const char *from_coll)
{
  free(place->from_db);
  free(place->from_coll);
  place->from_db = memory_string(from_db);
  place->from_coll = memory_string(from_coll);
}

void
places_changed(struct places *places, const struct place *place)
{
  names_note(&places->changed, place->db, place->coll);
}

void
places_set_source(struct places *places, struct place *place, const char *from_db, const char *from_coll)
{
  set_source(place, from_db, from_coll);
  places_changed(places, place);
}

static void
free_names(struct place *place)
{
  free(place->ns);
  free(place->db);
  free(place->coll);
  free(place->from_db);
  free(place->from_coll);
}

struct place *
places_find(struct places *places, const char *db, const char *coll)
{
  struct place *found = NULL;
  char ns[NS_SIZE];
  int length = snprintf(ns, sizeof ns, "%s.%s", db, coll);
  if (length < 0 || (size_t)length >= sizeof ns) { /* of a damaged bookmark file: no entry's name is as long */
    return NULL;
  }
  HASH_FIND(by_ns, places->by_ns, ns, (unsigned)length, found);
  return found;
}

struct place *
places_find_uuid(struct places *places, const uint8_t uuid[16])
{
  struct place *found = NULL;
  HASH_FIND(by_uuid, places->by_uuid, uuid, 16, found);
  return found;
}

struct place *
places_add(struct places *places, const char *db, const char *coll)
{
  struct place *place = places_find(places, db, coll);
  if (!place) {
    place = memory_new(sizeof *place);
    name_place(place, db, coll);
    HASH_ADD_KEYPTR(by_ns, places->by_ns, place->ns, strlen(place->ns), place);
    places_changed(places, place);
  }
  return place;
}

void
places_forget_uuid(struct places *places, struct place *place)
{
  if (place->has_uuid) {
    HASH_DELETE(by_uuid, places->by_uuid, place); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    place->has_uuid = false;
    places_changed(places, place);
  }
}

static void
set_uuid(struct places *places, struct place *place, const uint8_t uuid[16])
{
  struct place *other = places_find_uuid(places, uuid);
  if (other) {
    places_forget_uuid(places, other);
  }
  places_forget_uuid(places, place);
  place->has_uuid = true;
  memcpy(place->uuid, uuid, sizeof place->uuid);
  HASH_ADD(by_uuid, places->by_uuid, uuid, sizeof place->uuid, place);
}

void
places_set_uuid(struct places *places, struct place *place, const uint8_t uuid[16])
{
  set_uuid(places, place, uuid);
  places_changed(places, place);
}

void
places_remove(struct places *places, struct place *place)
{
  places_forget_uuid(places, place);
  places_changed(places, place);
  HASH_DELETE(by_ns, places->by_ns, place);
  reread_clear(place);
  free_names(place);
  free(place);
}

void
places_clear(struct places *places)
{
  struct place *place;
  struct place *next;
  HASH_ITER (by_ns, places->by_ns, place, next) {
    places_remove(places, place);
  }
  names_clear(&places->changed);
}

struct place *
places_rename(struct places *places, struct place *place, const char *db, const char *coll)
{
  struct place *old = places_find(places, db, coll);
  if (old && old != place) {
    places_remove(places, old);
  }
  HASH_DELETE(by_ns, places->by_ns, place); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  places_changed(places, place);
  free_names(place);
  name_place(place, db, coll);
  places_changed(places, place);
  HASH_ADD_KEYPTR(by_ns, places->by_ns, place->ns, strlen(place->ns), place);
  return place;
}

bool
place_may_have_expired(const struct place *place, uint64_t ts)
{
  return place->expired == PLACE_AWAKE || (place->expired != 0 && ts <= place->expired + LATE);
}

bool
places_put_changed(struct places *places, bson_t *item)
{
  struct name *name = places->changed.by_ns;
  if (!name) {
    return false;
  }
  struct message_place said = {.db = name->db, .coll = name->coll};
  const struct place *place = places_find(places, name->db, name->coll);
  if (place) {
    said.from_db = place->from_db;
    said.from_coll = place->from_coll;
    said.uuid = place->has_uuid ? place->uuid : NULL;
    said.start = place->start;
    said.since = place->since;
    said.expired = place->expired;
    said.lost = place->lost;
    said.no_id_index = place->no_id_index;
  }
  message_put_place(item, &said);
  names_forget(&places->changed, name);
  return true;
}

/* What the list says of one that is there. */
static void
take_item(struct places *places, struct place *place, const bson_t *item)
{
  const char *from_db = NULL;
  const char *from_coll = NULL;
  struct error error;
  bson_iter_t field;
  if (message_text(item, "from_db", &from_db, &error) && message_text(item, "from_coll", &from_coll, &error)) {
    set_source(place, from_db, from_coll);
  }
  place->start = message_timestamp(item, "start");
  place->lost = message_flag(item, "lost");
  place->no_id_index = message_flag(item, "no_id_index");
  place->since = message_timestamp(item, "since");
  place->expired = message_timestamp(item, "expired");
  if (bson_iter_init_find(&field, item, "uuid") && BSON_ITER_HOLDS_BINARY(&field)) {
    bson_subtype_t subtype;
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    bson_iter_binary(&field, &subtype, &size, &bytes);
    if (size == 16) {
      set_uuid(places, place, bytes);
    }
  }
}

void
places_get(struct places *places, const bson_t *list)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    const char *db = NULL;
    const char *coll = NULL;
    struct error error;
    bson_t item;
    if (message_item(&iter, &item) && message_text(&item, "db", &db, &error) &&
        message_text(&item, "coll", &coll, &error)) {
      struct place *place = places_find(places, db, coll);
      if (place) {
        take_item(places, place, &item);
      } else { /* another collection may get this name */
        names_note(&places->changed, db, coll);
      }
    }
  }
}
