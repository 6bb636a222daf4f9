#include "target/definition/uuid.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "target/definition/schema.h"

#define DROP_MS 30000
#define PAUSE_MS 50

void
uuid_put(bson_t *options, const uint8_t *uuid)
{
  if (uuid) {
    BSON_APPEND_BINARY(options, UUID_OPTION, BSON_SUBTYPE_UUID, uuid, 16);
  }
}

static bool
read_uuid(const bson_iter_t *iter, uint8_t uuid[16])
{
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (BSON_ITER_HOLDS_BINARY(iter)) {
    bson_iter_binary(iter, &subtype, &size, &bytes);
  }
  if (size != 16) {
    return false;
  }
  memcpy(uuid, bytes, 16);
  return true;
}

bool
uuid_get(const bson_t *options, uint8_t uuid[16])
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, options, UUID_OPTION) && read_uuid(&iter, uuid);
}

enum there { FAILED, NOTHING, VIEW, SAME, ANOTHER };

/* What has the name on the target. */
static enum there
look(struct server *target, const char *db, const char *coll, const uint8_t uuid[16], struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t found;
  uint8_t bytes[16];
  enum there there = NOTHING;
  bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "filter", "{", "name", BCON_UTF8(coll), "}");
  if (!server_command(target, db, command, &reply, error)) {
    there = FAILED;
  } else if (bson_iter_init(&iter, &reply) && bson_iter_find_descendant(&iter, "cursor.firstBatch.0", &found)) {
    bool has = bson_iter_init(&iter, &reply) &&
               bson_iter_find_descendant(&iter, "cursor.firstBatch.0.info.uuid", &found) && read_uuid(&found, bytes);
    there = !has ? VIEW : memcmp(bytes, uuid, 16) == 0 ? SAME : ANOTHER;
  }
  bson_destroy(&reply);
  bson_destroy(command);
  return there;
}

/*
 * applyOps makes an _id index of version 1 unless it is told another one. Servers before 4.2 need the namespace, too.
 */
static void
put_id_index(bson_t *create, const char *db, const char *coll, const bson_t *options, bool with_ns)
{
  bson_t index;
  bson_iter_t collation;
  if (bson_has_field(options, "clusteredIndex")) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(create, "idIndex", &index);
  bson_t *plain = BCON_NEW("v", BCON_INT32(2), "key", "{", "_id", BCON_INT32(1), "}", "name", BCON_UTF8("_id_"));
  bson_concat(&index, plain);
  bson_destroy(plain);
  if (with_ns) {
    char *ns = memory_format("%s.%s", db, coll);
    BSON_APPEND_UTF8(&index, "ns", ns);
    free(ns);
  }
  if (bson_iter_init_find(&collation, options, "collation")) {
    bson_append_iter(&index, NULL, 0, &collation);
  }
  bson_append_document_end(create, &index);
}

static bool
apply(struct server *target, const char *db, const char *coll, const bson_t *options, const uint8_t uuid[16],
      bool with_ns, struct error *error)
{
  bson_t create = BSON_INITIALIZER;
  bson_t binary = BSON_INITIALIZER;
  bson_iter_t ui;
  char *ns = memory_format("%s.$cmd", db);
  BSON_APPEND_UTF8(&create, "create", coll);
  bson_copy_to_excluding_noinit(options, &create, UUID_OPTION, NULL);
  put_id_index(&create, db, coll, options, with_ns);
  uuid_put(&binary, uuid);
  bson_iter_init_find(&ui, &binary, UUID_OPTION);
  bson_t *command = BCON_NEW("applyOps", "[", "{", "op", BCON_UTF8("c"), "ns", BCON_UTF8(ns), "ui", BCON_ITER(&ui), "o",
                             BCON_DOCUMENT(&create), "}", "]");
  bool ok = schema_command(target, "admin", command, error);
  bson_destroy(command);
  bson_destroy(&binary);
  bson_destroy(&create);
  free(ns);
  return ok;
}

bool
uuid_create(struct server *target, const char *db, const char *coll, const bson_t *options, const uint8_t uuid[16],
            struct error *error)
{
  bool with_ns = false;
  bool tried = false;
  for (int64_t until_ms = clock_ms() + DROP_MS;; tried = true) {
    enum there there = look(target, db, coll, uuid, error);
    if (there == ANOTHER) {
      return error_set(error, ERROR_DIVERGED,
                       "%s.%s is on the target with another UUID; start over with --forceDump --drop", db, coll);
    }
    if (there != NOTHING) {
      return there != FAILED;
    }
    if (tried && clock_ms() > until_ms) {
      return error_set(error, ERROR_TARGET,
                       "the target cannot give %s.%s its UUID: it still holds a dropped collection with that UUID", db,
                       coll);
    }
    if (tried) { /* 4.0 says "ok" and makes nothing while it holds the dropped one */
      clock_sleep_ms(PAUSE_MS);
    }
    bool ok = apply(target, db, coll, options, uuid, with_ns, error);
    if (!ok && error->code == CODE_CANNOT_CREATE_INDEX && !with_ns) {
      with_ns = true;
      ok = apply(target, db, coll, options, uuid, with_ns, error);
    }
    if (!ok && error->code != CODE_NAMESPACE_EXISTS) {
      return false;
    }
  }
}

bool
uuid_ask(struct server *target, struct error *error)
{
  bson_t *command = BCON_NEW("applyOps", "[", "]");
  bool ok = server_command(target, "admin", command, NULL, error);
  bson_destroy(command);
  if (!ok && error->code == CODE_COMMAND_NOT_FOUND) {
    return error_set(error, ERROR_REFUSED,
                     "the target cannot keep UUIDs: it has no applyOps; leave --preserveUUIDs out");
  }
  return ok || error->code != 0; /* without any entry it may be refused to users who may use it */
}
