#include "applier/collections/deferred_indexes.h"

#include "base/memory.h"
#include "ipc/message.h"
#include "target/definition/schema.h"

static void
sleeper_clear(struct sleeper *sleeper)
{
  free(sleeper->name);
  free(sleeper->refused);
  bson_destroy(sleeper->spec);
}

static void
free_sleepers(struct sleepers *sleepers)
{
  for (size_t i = 0; i < sleepers->count; i++) {
    sleeper_clear(&sleepers->items[i]);
  }
  free(sleepers->items);
  free(sleepers->ns);
  free(sleepers->db);
  free(sleepers->coll);
  free(sleepers);
}

static void
remove_all(struct sleeping *sleeping, struct sleepers *sleepers)
{
  sleeping_changed(sleeping, sleepers);
  HASH_DELETE(by_ns, sleeping->by_ns, sleepers); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free_sleepers(sleepers);
}

void
sleeping_clear(struct sleeping *sleeping)
{
  struct sleepers *sleepers;
  struct sleepers *next;
  HASH_ITER (by_ns, sleeping->by_ns, sleepers, next) {
    remove_all(sleeping, sleepers);
  }
  names_clear(&sleeping->changed);
}

void
sleeping_changed(struct sleeping *sleeping, const struct sleepers *sleepers)
{
  names_note(&sleeping->changed, sleepers->db, sleepers->coll);
}

struct sleepers *
sleeping_of(const struct sleeping *sleeping, const char *db, const char *coll)
{
  struct sleepers *found = NULL;
  char *ns = names_key(db, coll);
  HASH_FIND(by_ns, sleeping->by_ns, ns, strlen(ns), found);
  free(ns);
  return found;
}

static struct sleepers *
make_sleepers(struct sleeping *sleeping, const char *db, const char *coll)
{
  struct sleepers *sleepers = sleeping_of(sleeping, db, coll);
  if (!sleepers) {
    sleepers = memory_new(sizeof *sleepers);
    *sleepers = (struct sleepers){.ns = names_key(db, coll), .db = memory_string(db), .coll = memory_string(coll)};
    HASH_ADD_KEYPTR(by_ns, sleeping->by_ns, sleepers->ns, strlen(sleepers->ns), sleepers);
  }
  return sleepers;
}

static size_t
position(const struct sleepers *sleepers, const char *name)
{
  size_t at = 0;
  while (at < sleepers->count && strcmp(sleepers->items[at].name, name) != 0) {
    at++;
  }
  return at;
}

void
sleeping_drop(struct sleeping *sleeping, struct sleepers *sleepers, size_t at)
{
  sleeping_changed(sleeping, sleepers);
  sleeper_clear(&sleepers->items[at]);
  sleepers->count--;
  memmove(&sleepers->items[at], &sleepers->items[at + 1], (sleepers->count - at) * sizeof *sleepers->items);
  if (sleepers->count == 0) {
    remove_all(sleeping, sleepers);
  }
}

void
sleeping_remove(struct sleeping *sleeping, const char *db, const char *coll, const char *name)
{
  struct sleepers *sleepers = sleeping_of(sleeping, db, coll);
  if (!sleepers) {
    return;
  }
  if (!name) {
    remove_all(sleeping, sleepers);
    return;
  }
  size_t at = position(sleepers, name);
  if (at < sleepers->count) {
    sleeping_drop(sleeping, sleepers, at);
  }
}

void
sleeping_remove_indexes(struct sleeping *sleeping, const char *db, const char *coll)
{
  struct sleepers *sleepers = sleeping_of(sleeping, db, coll);
  for (size_t i = sleepers ? sleepers->count : 0; i-- > 0;) {
    if (sleepers->items[i].name[0]) {
      sleeping_drop(sleeping, sleepers, i); /* the last one, at 0, takes the list with it */
    }
  }
}

void
sleeping_remove_database(struct sleeping *sleeping, const char *db)
{
  struct sleepers *sleepers;
  struct sleepers *next;
  HASH_ITER (by_ns, sleeping->by_ns, sleepers, next) {
    if (strcmp(sleepers->db, db) == 0) {
      remove_all(sleeping, sleepers);
    }
  }
}

void
sleeping_add(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool unbuilt,
             int64_t ttl_s)
{
  const char *name = schema_index_name(spec);
  sleeping_remove(sleeping, db, coll, name);
  struct sleepers *sleepers = make_sleepers(sleeping, db, coll);
  sleepers->items = memory_grow(sleepers->items, sleepers->count, &sleepers->capacity, sizeof *sleepers->items);
  sleepers->items[sleepers->count++] =
    (struct sleeper){.name = memory_string(name), .spec = bson_copy(spec), .unbuilt = unbuilt, .ttl_s = ttl_s};
  sleeping_changed(sleeping, sleepers);
}

void
sleeping_rename(struct sleeping *sleeping, const char *db, const char *coll, const char *to_db, const char *to_coll)
{
  struct sleepers *from = sleeping_of(sleeping, db, coll);
  if (strcmp(db, to_db) == 0 && strcmp(coll, to_coll) == 0) {
    return;
  }
  sleeping_remove(sleeping, to_db, to_coll, NULL);
  if (!from) {
    return;
  }
  struct sleepers *to = make_sleepers(sleeping, to_db, to_coll);
  to->items = from->items;
  to->count = from->count;
  to->capacity = from->capacity;
  from->items = NULL;
  from->count = 0;
  sleeping_changed(sleeping, to);
  remove_all(sleeping, from);
}

struct sleeper *
sleeping_find(const struct sleeping *sleeping, const char *db, const char *coll, const char *name)
{
  struct sleepers *sleepers = sleeping_of(sleeping, db, coll);
  size_t at = sleepers ? position(sleepers, name) : 0;
  return sleepers && at < sleepers->count ? &sleepers->items[at] : NULL;
}

bool
sleeping_any_unique(const struct sleeping *sleeping, const char *db, const char *coll)
{
  const struct sleepers *sleepers = sleeping_of(sleeping, db, coll);
  for (size_t i = 0; sleepers && i < sleepers->count; i++) {
    const struct sleeper *sleeper = &sleepers->items[i];
    if (!sleeper->unbuilt && schema_index_unique(sleeper->spec)) {
      return true;
    }
  }
  return false;
}

void
sleeping_adopt(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool collated)
{
  struct schema_index index;
  struct sleeper *known = sleeping_find(sleeping, db, coll, schema_index_name(spec));
  if (known) {
    known->unbuilt = false;
    sleeping_changed(sleeping, sleeping_of(sleeping, db, coll));
    return;
  }
  if (schema_index(spec, collated, &index) == SCHEMA_INDEX_UNIQUE) {
    sleeping_add(sleeping, db, coll, &index.spec, false,
                 -1); /* the entry that made it is repeated, and tells its expiry */
  }
  bson_destroy(&index.spec);
}

static void
put_sleeper(bson_t *list, uint32_t index, const struct sleeper *sleeper)
{
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_DOCUMENT(&document, "spec", sleeper->spec);
  BSON_APPEND_BOOL(&document, "unbuilt", sleeper->unbuilt);
  BSON_APPEND_INT64(&document, "ttl_s", sleeper->ttl_s);
  message_put_item(list, index, &document);
  bson_destroy(&document);
}

bool
sleeping_put_changed(struct sleeping *sleeping, bson_t *item)
{
  bson_t list;
  struct name *name = sleeping->changed.by_ns;
  if (!name) {
    return false;
  }
  const struct sleepers *sleepers = sleeping_of(sleeping, name->db, name->coll);
  BSON_APPEND_UTF8(item, "db", name->db);
  BSON_APPEND_UTF8(item, "coll", name->coll);
  if (sleepers) {
    BSON_APPEND_ARRAY_BEGIN(item, "indexes", &list);
    for (size_t i = 0; i < sleepers->count; i++) {
      put_sleeper(&list, (uint32_t)i, &sleepers->items[i]);
    }
    bson_append_array_end(item, &list);
  }
  names_forget(&sleeping->changed, name);
  return true;
}

static void
get_sleepers(struct sleeping *sleeping, const bson_t *item)
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
      sleeping_add(sleeping, db, coll, &spec, message_flag(&index, "unbuilt"), message_number(&index, "ttl_s", -1));
    }
  }
}

void
sleeping_get(struct sleeping *sleeping, const bson_t *list)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      get_sleepers(sleeping, &item);
    }
  }
}
