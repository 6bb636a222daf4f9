#include "applier/sleeping.h"

#include "base/log.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "target/schema.h"

static void
sleeper_clear(struct sleeper *sleeper)
{
  free(sleeper->db);
  free(sleeper->coll);
  free(sleeper->name);
  bson_destroy(sleeper->spec);
}

void
sleeping_clear(struct sleeping *sleeping)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    sleeper_clear(&sleeping->items[i]);
  }
  free(sleeping->items);
  *sleeping = (struct sleeping){0};
}

static bool
is_of(const struct sleeper *sleeper, const char *db, const char *coll, const char *name)
{
  return strcmp(sleeper->db, db) == 0 && (!coll || strcmp(sleeper->coll, coll) == 0) &&
         (!name || strcmp(sleeper->name, name) == 0);
}

void
sleeping_remove(struct sleeping *sleeping, const char *db, const char *coll, const char *name)
{
  size_t kept = 0;
  for (size_t i = 0; i < sleeping->count; i++) {
    if (is_of(&sleeping->items[i], db, coll, name)) {
      sleeper_clear(&sleeping->items[i]);
    } else {
      sleeping->items[kept++] = sleeping->items[i];
    }
  }
  sleeping->count = kept;
}

void
sleeping_remove_indexes(struct sleeping *sleeping, const char *db, const char *coll)
{
  for (size_t i = sleeping->count; i-- > 0;) {
    if (is_of(&sleeping->items[i], db, coll, NULL) && sleeping->items[i].name[0]) {
      sleeping_drop(sleeping, &sleeping->items[i]);
    }
  }
}

void
sleeping_drop(struct sleeping *sleeping, const struct sleeper *sleeper)
{
  size_t at = (size_t)(sleeper - sleeping->items);
  sleeper_clear(&sleeping->items[at]);
  sleeping->count--;
  memmove(&sleeping->items[at], &sleeping->items[at + 1], (sleeping->count - at) * sizeof *sleeping->items);
}

void
sleeping_add(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool unbuilt,
             int64_t ttl_s)
{
  sleeping_remove(sleeping, db, coll, schema_index_name(spec));
  sleeping->items = memory_grow(sleeping->items, sleeping->count, &sleeping->capacity, sizeof *sleeping->items);
  struct sleeper *made = &sleeping->items[sleeping->count++];
  *made = (struct sleeper){.db = memory_string(db),
                           .coll = memory_string(coll),
                           .unbuilt = unbuilt,
                           .ttl_s = ttl_s,
                           .name = memory_string(schema_index_name(spec))};
  made->spec = bson_copy(spec);
}

void
sleeping_rename(struct sleeping *sleeping, const char *db, const char *coll, const char *to_db, const char *to_coll)
{
  sleeping_remove(sleeping, to_db, to_coll, NULL);
  for (size_t i = 0; i < sleeping->count; i++) {
    struct sleeper *sleeper = &sleeping->items[i];
    if (is_of(sleeper, db, coll, NULL)) {
      free(sleeper->db);
      free(sleeper->coll);
      sleeper->db = memory_string(to_db);
      sleeper->coll = memory_string(to_coll);
    }
  }
}

struct sleeper *
sleeping_find(struct sleeping *sleeping, const char *db, const char *coll, const char *name)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    if (is_of(&sleeping->items[i], db, coll, name)) {
      return &sleeping->items[i];
    }
  }
  return NULL;
}

bool
sleeping_any(struct sleeping *sleeping, const char *db, const char *coll)
{
  return sleeping_find(sleeping, db, coll, NULL) != NULL;
}

bool
sleeping_any_unique(struct sleeping *sleeping, const char *db, const char *coll)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    bson_iter_t unique;
    const struct sleeper *sleeper = &sleeping->items[i];
    if (!sleeper->unbuilt && is_of(sleeper, db, coll, NULL) && bson_iter_init_find(&unique, sleeper->spec, "unique") &&
        bson_iter_as_bool(&unique)) {
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
    return;
  }
  if (schema_index(spec, collated, &index) == SCHEMA_INDEX_UNIQUE) {
    sleeping_add(sleeping, db, coll, &index.spec, false,
                 -1); /* the entry that made it is repeated, and tells its expiry */
  }
  bson_destroy(&index.spec);
}

void
sleeping_put(const struct sleeping *sleeping, bson_t *list)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    const struct sleeper *sleeper = &sleeping->items[i];
    char key[24];
    bson_t item;
    snprintf(key, sizeof key, "%zu", i);
    BSON_APPEND_DOCUMENT_BEGIN(list, key, &item);
    BSON_APPEND_UTF8(&item, "db", sleeper->db);
    BSON_APPEND_UTF8(&item, "coll", sleeper->coll);
    BSON_APPEND_DOCUMENT(&item, "spec", sleeper->spec);
    BSON_APPEND_BOOL(&item, "unbuilt", sleeper->unbuilt);
    BSON_APPEND_INT64(&item, "ttl_s", sleeper->ttl_s);
    bson_append_document_end(list, &item);
  }
}

void
sleeping_get(struct sleeping *sleeping, const bson_t *list)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    const char *db = NULL;
    const char *coll = NULL;
    struct error error;
    bson_t item;
    bson_t spec;
    if (message_item(&iter, &item) && message_text(&item, "db", &db, &error) &&
        message_text(&item, "coll", &coll, &error) && message_document(&item, "spec", &spec, &error)) {
      sleeping_add(sleeping, db, coll, &spec, message_flag(&item, "unbuilt"), message_number(&item, "ttl_s", -1));
    }
  }
}

bool
sleeping_unbuild(struct sleeping *sleeping, struct server *target, struct error *error)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    struct sleeper *sleeper = &sleeping->items[i];
    if (sleeper->unbuilt || !bson_has_field(sleeper->spec, "unique")) {
      continue;
    }
    if (!schema_drop_index(target, sleeper->db, sleeper->coll, sleeper->name, error)) {
      return false;
    }
    sleeper->unbuilt = true;
  }
  return true;
}

int
sleeping_build_next(struct sleeping *sleeping, struct server *target, const struct sleeper **failed,
                    struct error *error)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    struct sleeper *sleeper = &sleeping->items[i];
    if (!sleeper->unbuilt) {
      continue;
    }
    if (!schema_create_index(target, sleeper->db, sleeper->coll, sleeper->spec, error)) {
      *failed = sleeper;
      return -1;
    }
    log_info("unique index built ns=%s.%s index=%s", sleeper->db, sleeper->coll, sleeper->name);
    sleeper->unbuilt = false;
    return 1;
  }
  return 0;
}

bool
sleeping_set_ttl(struct sleeping *sleeping, struct server *target, bool asleep, struct error *error)
{
  for (size_t i = 0; i < sleeping->count; i++) {
    const struct sleeper *sleeper = &sleeping->items[i];
    int64_t seconds = asleep ? SCHEMA_TTL_ASLEEP : sleeper->ttl_s;
    if (sleeper->ttl_s < 0 || sleeper->unbuilt ||
        schema_set_ttl(target, sleeper->db, sleeper->coll, sleeper->name, seconds, error)) {
      continue;
    }
    /* After a crash the list may be older than the target. */
    if (!asleep || (error->code != CODE_NAMESPACE_NOT_FOUND && error->code != CODE_INDEX_NOT_FOUND)) {
      return false;
    }
  }
  return true;
}
