#include "applier/collections/deferred_indexes.h"

#include "base/memory.h"
#include "ipc/message.h"
#include "target/definition/schema.h"

static void
deferred_index_clear(struct deferred_index *deferred_index)
{
  free(deferred_index->name);
  free(deferred_index->refused);
  bson_destroy(deferred_index->spec);
}

static void
free_list(struct deferred_list *deferred_list)
{
  for (size_t i = 0; i < deferred_list->count; i++) {
    deferred_index_clear(&deferred_list->items[i]);
  }
  free(deferred_list->items);
  free(deferred_list->ns);
  free(deferred_list->db);
  free(deferred_list->coll);
  free(deferred_list);
}

static void
remove_all(struct deferred *deferred, struct deferred_list *deferred_list)
{
  deferred_changed(deferred, deferred_list);
  HASH_DELETE(by_ns, deferred->by_ns,
              deferred_list); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free_list(deferred_list);
}

void
deferred_clear(struct deferred *deferred)
{
  struct deferred_list *deferred_list;
  struct deferred_list *next;
  HASH_ITER (by_ns, deferred->by_ns, deferred_list, next) {
    remove_all(deferred, deferred_list);
  }
  namespace_set_clear(&deferred->changed);
}

void
deferred_changed(struct deferred *deferred, const struct deferred_list *deferred_list)
{
  namespace_set_add(&deferred->changed, deferred_list->db, deferred_list->coll);
}

struct deferred_list *
deferred_of(const struct deferred *deferred, const char *db, const char *coll)
{
  struct deferred_list *found = NULL;
  char *ns = namespace_key(db, coll);
  HASH_FIND(by_ns, deferred->by_ns, ns, strlen(ns), found);
  free(ns);
  return found;
}

static struct deferred_list *
list_for(struct deferred *deferred, const char *db, const char *coll)
{
  struct deferred_list *deferred_list = deferred_of(deferred, db, coll);
  if (!deferred_list) {
    deferred_list = memory_new(sizeof *deferred_list);
    *deferred_list =
      (struct deferred_list){.ns = namespace_key(db, coll), .db = memory_string(db), .coll = memory_string(coll)};
    HASH_ADD_KEYPTR(by_ns, deferred->by_ns, deferred_list->ns, strlen(deferred_list->ns), deferred_list);
  }
  return deferred_list;
}

static size_t
position(const struct deferred_list *deferred_list, const char *name)
{
  size_t at = 0;
  while (at < deferred_list->count && strcmp(deferred_list->items[at].name, name) != 0) {
    at++;
  }
  return at;
}

void
deferred_drop(struct deferred *deferred, struct deferred_list *deferred_list, size_t at)
{
  deferred_changed(deferred, deferred_list);
  deferred_index_clear(&deferred_list->items[at]);
  deferred_list->count--;
  memmove(&deferred_list->items[at], &deferred_list->items[at + 1],
          (deferred_list->count - at) * sizeof *deferred_list->items);
  if (deferred_list->count == 0) {
    remove_all(deferred, deferred_list);
  }
}

void
deferred_remove(struct deferred *deferred, const char *db, const char *coll, const char *name)
{
  struct deferred_list *deferred_list = deferred_of(deferred, db, coll);
  if (!deferred_list) {
    return;
  }
  if (!name) {
    remove_all(deferred, deferred_list);
    return;
  }
  size_t at = position(deferred_list, name);
  if (at < deferred_list->count) {
    deferred_drop(deferred, deferred_list, at);
  }
}

void
deferred_remove_indexes(struct deferred *deferred, const char *db, const char *coll)
{
  struct deferred_list *deferred_list = deferred_of(deferred, db, coll);
  for (size_t i = deferred_list ? deferred_list->count : 0; i-- > 0;) {
    if (deferred_list->items[i].name[0]) {
      deferred_drop(deferred, deferred_list, i); /* the last one, at 0, takes the list with it */
    }
  }
}

void
deferred_remove_database(struct deferred *deferred, const char *db)
{
  struct deferred_list *deferred_list;
  struct deferred_list *next;
  HASH_ITER (by_ns, deferred->by_ns, deferred_list, next) {
    if (strcmp(deferred_list->db, db) == 0) {
      remove_all(deferred, deferred_list);
    }
  }
}

void
deferred_add(struct deferred *deferred, const char *db, const char *coll, const bson_t *spec, bool unbuilt,
             int64_t ttl_s)
{
  const char *name = schema_index_name(spec);
  deferred_remove(deferred, db, coll, name);
  struct deferred_list *deferred_list = list_for(deferred, db, coll);
  deferred_list->items =
    memory_grow(deferred_list->items, deferred_list->count, &deferred_list->capacity, sizeof *deferred_list->items);
  deferred_list->items[deferred_list->count++] =
    (struct deferred_index){.name = memory_string(name), .spec = bson_copy(spec), .unbuilt = unbuilt, .ttl_s = ttl_s};
  deferred_changed(deferred, deferred_list);
}

void
deferred_rename(struct deferred *deferred, const char *db, const char *coll, const char *to_db, const char *to_coll)
{
  struct deferred_list *from = deferred_of(deferred, db, coll);
  if (strcmp(db, to_db) == 0 && strcmp(coll, to_coll) == 0) {
    return;
  }
  deferred_remove(deferred, to_db, to_coll, NULL);
  if (!from) {
    return;
  }
  struct deferred_list *to = list_for(deferred, to_db, to_coll);
  to->items = from->items;
  to->count = from->count;
  to->bytes = from->bytes;
  to->capacity = from->capacity;
  from->items = NULL;
  from->count = 0;
  deferred_changed(deferred, to);
  remove_all(deferred, from);
}

struct deferred_index *
deferred_find(const struct deferred *deferred, const char *db, const char *coll, const char *name)
{
  struct deferred_list *deferred_list = deferred_of(deferred, db, coll);
  size_t at = deferred_list ? position(deferred_list, name) : 0;
  return deferred_list && at < deferred_list->count ? &deferred_list->items[at] : NULL;
}

bool
deferred_any_unique(const struct deferred *deferred, const char *db, const char *coll)
{
  const struct deferred_list *deferred_list = deferred_of(deferred, db, coll);
  for (size_t i = 0; deferred_list && i < deferred_list->count; i++) {
    const struct deferred_index *deferred_index = &deferred_list->items[i];
    if (!deferred_index->unbuilt && schema_index_unique(deferred_index->spec)) {
      return true;
    }
  }
  return false;
}

void
deferred_adopt(struct deferred *deferred, const char *db, const char *coll, const bson_t *spec, bool collated)
{
  struct schema_index index;
  struct deferred_index *known = deferred_find(deferred, db, coll, schema_index_name(spec));
  if (known) {
    known->unbuilt = false;
    deferred_changed(deferred, deferred_of(deferred, db, coll));
    return;
  }
  if (schema_index(spec, collated, &index) == SCHEMA_INDEX_UNIQUE) {
    deferred_add(deferred, db, coll, &index.spec, false,
                 -1); /* the entry that made it is repeated, and tells its expiry */
  }
  bson_destroy(&index.spec);
}

static void
put_deferred(bson_t *list, uint32_t index, const struct deferred_index *deferred_index)
{
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_DOCUMENT(&document, "spec", deferred_index->spec);
  BSON_APPEND_BOOL(&document, "unbuilt", deferred_index->unbuilt);
  BSON_APPEND_INT64(&document, "ttl_s", deferred_index->ttl_s);
  message_put_item(list, index, &document);
  bson_destroy(&document);
}

bool
deferred_put_changed(struct deferred *deferred, bson_t *item)
{
  bson_t list;
  struct namespace_item *name = deferred->changed.by_ns;
  if (!name) {
    return false;
  }
  const struct deferred_list *deferred_list = deferred_of(deferred, name->db, name->coll);
  BSON_APPEND_UTF8(item, "db", name->db);
  BSON_APPEND_UTF8(item, "coll", name->coll);
  if (deferred_list) {
    BSON_APPEND_INT64(item, "bytes", deferred_list->bytes);
    BSON_APPEND_ARRAY_BEGIN(item, "indexes", &list);
    for (size_t i = 0; i < deferred_list->count; i++) {
      put_deferred(&list, (uint32_t)i, &deferred_list->items[i]);
    }
    bson_append_array_end(item, &list);
  }
  namespace_set_remove(&deferred->changed, name);
  return true;
}

static void
get_list(struct deferred *deferred, const bson_t *item)
{
  const char *db = NULL;
  const char *coll = NULL;
  struct error error;
  bson_t list;
  bson_iter_t iter;
  if (!message_text(item, "db", &db, &error) || !message_text(item, "coll", &coll, &error) ||
      !message_document(item, "indexes", &list, &error)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t index;
    bson_t spec;
    if (message_item(&iter, &index) && message_document(&index, "spec", &spec, &error)) {
      deferred_add(deferred, db, coll, &spec, message_flag(&index, "unbuilt"), message_number(&index, "ttl_s", -1));
    }
  }
  struct deferred_list *deferred_list = deferred_of(deferred, db, coll);
  if (deferred_list) {
    deferred_list->bytes = message_number(item, "bytes", 0);
  }
}

void
deferred_get(struct deferred *deferred, const bson_t *list)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      get_list(deferred, &item);
    }
  }
}
