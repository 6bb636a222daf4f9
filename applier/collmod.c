#include "applier/collmod.h"

#include "target/definition.h"
#include "target/schema.h"

/* Writes `index` of a collMod without its expiry; true if anything is left of it. */
static bool
collmod_index(struct ddl *ddl, const struct place *place, const bson_iter_t *index, bson_t *rest)
{
  bson_iter_t field;
  const char *name = NULL;
  int64_t ttl = -1;
  bool more = false;
  bson_init(rest);
  for (bson_iter_recurse(index, &field); bson_iter_next(&field);) {
    const char *key = bson_iter_key(&field);
    if (strcmp(key, "name") == 0 && BSON_ITER_HOLDS_UTF8(&field)) {
      name = bson_iter_utf8(&field, NULL);
    }
    if (strcmp(key, "expireAfterSeconds") == 0) {
      ttl = bson_iter_as_int64(&field);
      continue;
    }
    more = more || (strcmp(key, "name") != 0 && strcmp(key, "keyPattern") != 0);
    bson_append_iter(rest, NULL, 0, &field);
  }
  struct sleepers *sleepers = ttl >= 0 ? sleeping_of(ddl->sleeping, place->db, place->coll) : NULL;
  for (size_t i = 0; sleepers && i < sleepers->count; i++) {
    struct sleeper *sleeper = &sleepers->items[i];
    bson_iter_t mine;
    bson_iter_t given;
    bool same = name && strcmp(sleeper->name, name) == 0;
    if (!same && bson_iter_init_find(&given, rest, "keyPattern") && bson_iter_init_find(&mine, sleeper->spec, "key")) {
      same = bson_iter_value(&given)->value.v_doc.data_len == bson_iter_value(&mine)->value.v_doc.data_len &&
             memcmp(bson_iter_value(&given)->value.v_doc.data, bson_iter_value(&mine)->value.v_doc.data,
                    bson_iter_value(&mine)->value.v_doc.data_len) == 0;
    }
    if (same) {
      sleeper->ttl_s = ttl;
      sleeping_changed(ddl->sleeping, sleepers);
    }
  }
  return more;
}

/* Of a clustered collection or a time series: seconds, or "off". */
static void
set_own_expiry(struct ddl *ddl, const struct place *place, const bson_iter_t *value)
{
  bson_t nothing = BSON_INITIALIZER;
  const char *name = ddl_command_name(place->coll);
  if (BSON_ITER_HOLDS_NUMBER(value)) {
    sleeping_add(ddl->sleeping, place->db, name, &nothing, false, bson_iter_as_int64(value));
  } else {
    sleeping_remove(ddl->sleeping, place->db, name, "");
  }
}

/* What the target answers "no" to is passed over while the replay may be ahead, and reported after that. */
static bool
refused_change(struct ddl *ddl, const struct place *place, struct error *error)
{
  if (error->code == 0 || server_error_passes(error)) {
    return error_wrap(error, "cannot change %s.%s", place->db, place->coll);
  }
  struct error why = *error;
  return ddl->lenient || ddl->refuse(ddl->context, place->db, place->coll, NULL, &why, error);
}

bool
collmod_apply(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  bool more = false;
  struct place *place = ddl_place(ddl, entry);
  if (!place) {
    return true;
  }
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(ddl_command_name(place->coll)));
  for (bson_iter_init(&iter, &entry->o); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "collMod") == 0 || strcmp(key, "noPadding") == 0 || strcmp(key, "usePowerOf2Sizes") == 0 ||
        strcmp(key, "writeConcern") == 0) {
      continue;
    }
    if (strcmp(key, "index") == 0) {
      bson_t rest;
      if (collmod_index(ddl, place, &iter, &rest)) {
        BSON_APPEND_DOCUMENT(command, "index", &rest);
        more = true;
      }
      bson_destroy(&rest);
      continue;
    }
    if (strcmp(key, "expireAfterSeconds") == 0) {
      set_own_expiry(ddl, place, &iter);
      continue;
    }
    more = definition_append_change(&iter, ddl->target_version, command) || more;
  }
  bool ok = !more || schema_command(ddl->target, place->db, command, error);
  bson_destroy(command);
  return ok || refused_change(ddl, place, error);
}
