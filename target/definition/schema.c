#include "target/definition/schema.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "server/series.h"
#include "target/definition/numbers.h"
#include "target/definition/uuid.h"

#define INDEXES_MOST 1000 /* a collection has 64 at most */
#define ORIGINAL "originalSpec"
#define MIXED "timeseriesBucketsMayHaveMixedSchemaData"

static bool
run_command(struct server *target, const char *db, const bson_t *command, struct error *error)
{
  bson_t whole;
  bson_t concern;
  bson_copy_to(command, &whole);
  BSON_APPEND_DOCUMENT_BEGIN(&whole, "writeConcern", &concern);
  BSON_APPEND_UTF8(&concern, "w", "majority");
  bson_append_document_end(&whole, &concern);
  static const char *const works_long[] = {"createIndexes", "renameCollection", NULL};
  bson_iter_t first;
  bool takes_long =
    bson_iter_init(&first, command) && bson_iter_next(&first) && text_is_one_of(bson_iter_key(&first), works_long);
  bool ok =
    takes_long ? server_command_long(target, db, &whole, NULL, error) : server_command(target, db, &whole, NULL, error);
  bson_destroy(&whole);
  return ok;
}

typedef bool (*collection_visit)(struct server *target, const char *db, const char *coll, void *context,
                                 struct error *error);

static bool
visit_database(struct server *target, const char *db, collection_visit visit, void *context, struct error *error)
{
  bson_error_t cause;
  bson_t *options = BCON_NEW("nameOnly", BCON_BOOL(true));
  mongoc_database_t *database = mongoc_client_get_database(target->client, db);
  char **names = mongoc_database_get_collection_names_with_opts(database, options, &cause);
  bool ok = names || server_error(target, &cause, error);
  for (char **name = names; ok && name && *name; name++) {
    if (strncmp(*name, "system.", 7) != 0 || strcmp(*name, "system.js") == 0) {
      ok = visit(target, db, *name, context, error);
    }
  }
  bson_strfreev(names);
  mongoc_database_destroy(database);
  bson_destroy(options);
  return ok;
}

static bool
is_internal(const char *db)
{
  static const char *const internal[] = {"admin", "config", "local", NULL};
  return text_is_one_of(db, internal);
}

static bool
visit_collections(struct server *target, collection_visit visit, void *context, struct error *error)
{
  bson_error_t cause;
  bool ok = true;
  char **dbs = mongoc_client_get_database_names_with_opts(target->client, NULL, &cause);
  if (!dbs) {
    server_error(target, &cause, error);
    return error_wrap(error, "cannot list the target's databases");
  }
  for (char **db = dbs; ok && *db; db++) {
    ok = is_internal(*db) || visit_database(target, *db, visit, context, error);
  }
  bson_strfreev(dbs);
  return ok;
}

static bool
count_user_collection(struct server *target, const char *db, const char *coll, void *context, struct error *error)
{
  (void)target;
  (void)db;
  (void)coll;
  (void)error;
  ++*(int *)context;
  return true;
}

/*
 * A server keeps a database without collections in memory until it is dropped, and refuses one whose name differs only
 * by case. The refusal names the existing one in brackets (S:src/mongo/db/catalog/database_holder_impl.cpp@r4.0.14,
 * @v5.0). True if that one was empty, and is gone now.
 */
static bool
make_way(struct server *target, struct error *error)
{
  char name[64];
  int collections = 0;
  const char *bracket = strchr(error->text, '[');
  size_t length = bracket ? strcspn(bracket + 1, "]") : 0;
  if (error->code != CODE_DATABASE_DIFFERS_BY_CASE || length == 0 || length >= sizeof name) {
    return false;
  }
  snprintf(name, sizeof name, "%.*s", (int)length, bracket + 1);
  if (is_internal(name) || !visit_database(target, name, count_user_collection, &collections, error)) {
    return false;
  }
  if (collections > 0) {
    return error_set(
      error, ERROR_REFUSED,
      "the target has a database %s with collections, so it takes no other database whose name differs only by case",
      name);
  }
  bson_t *command = BCON_NEW("dropDatabase", BCON_INT32(1));
  bool ok = run_command(target, name, command, error);
  bson_destroy(command);
  return ok;
}

bool
schema_command(struct server *target, const char *db, const bson_t *command, struct error *error)
{
  return run_command(target, db, command, error) ||
         (make_way(target, error) && run_command(target, db, command, error));
}

struct tally {
  int64_t count;
  char *first;
  size_t first_size;
};

static bool
count_one(struct server *target, const char *db, const char *coll, void *context, struct error *error)
{
  struct tally *tally = context;
  (void)target;
  (void)error;
  if (tally->count++ == 0) {
    snprintf(tally->first, tally->first_size, "%s.%s", db, coll);
  }
  return true;
}

bool
schema_user_collections(struct server *target, int64_t *count, char *first, size_t first_size, struct error *error)
{
  struct tally tally = {0, first, first_size};
  bool ok = visit_collections(target, count_one, &tally, error);
  *count = tally.count;
  return ok;
}

/* system.js cannot be dropped (seen on 4.0). */
static bool
delete_documents(struct server *target, const char *db, const char *coll, struct error *error)
{
  bson_t *command =
    BCON_NEW("delete", BCON_UTF8(coll), "deletes", "[", "{", "q", "{", "}", "limit", BCON_INT32(0), "}", "]");
  bool ok = schema_command(target, db, command, error);
  bson_destroy(command);
  return ok || error_wrap(error, "cannot empty %s.%s", db, coll);
}

static bool
drop_one(struct server *target, const char *db, const char *coll, void *context, struct error *error)
{
  (void)context;
  return schema_drop(target, db, coll, error) ||
         (error->code == CODE_ILLEGAL_OPERATION && delete_documents(target, db, coll, error));
}

bool
schema_drop_user_collections(struct server *target, struct error *error)
{
  return visit_collections(target, drop_one, NULL, error);
}

static bool
run_create(struct server *target, const char *db, const char *coll, const bson_t *options, struct error *error)
{
  uint8_t uuid[16];
  bool ok;
  if (uuid_get(options, uuid)) {
    ok = uuid_create(target, db, coll, options, uuid, error) ||
         (make_way(target, error) && uuid_create(target, db, coll, options, uuid, error));
  } else {
    bson_t *create = BCON_NEW("create", BCON_UTF8(coll));
    bson_concat(create, options);
    ok = schema_command(target, db, create, error) || error->code == CODE_NAMESPACE_EXISTS;
    bson_destroy(create);
  }
  return ok && (!bson_has_field(options, "expireAfterSeconds") ||
                schema_set_ttl(target, db, coll, "", SCHEMA_TTL_DEFERRED, error));
}

bool
schema_create(struct server *target, const char *db, const char *coll, const bson_t *options, struct error *error)
{
  return run_create(target, db, coll, options, error) || error_wrap(error, "cannot create %s.%s", db, coll);
}

/* Not what a collection is, but what it may be without. */
static bool
is_extra(const char *option)
{
  static const char *const extras[] = {"validator",
                                       "validationLevel",
                                       "validationAction",
                                       "storageEngine",
                                       "indexOptionDefaults",
                                       "encryptedFields",
                                       "changeStreamPreAndPostImages",
                                       NULL};
  return text_is_one_of(option, extras);
}

int
schema_create_or_less(struct server *target, const char *db, const char *coll, const bson_t *options,
                      struct error *error)
{
  bson_iter_t iter;
  bson_t fewer = BSON_INITIALIZER;
  struct error again;
  if (schema_create(target, db, coll, options, error)) {
    return 1;
  }
  if (error->kind != ERROR_TARGET || error->code == 0 || server_error_passes(error)) {
    return -1;
  }
  for (bson_iter_init(&iter, options); bson_iter_next(&iter);) {
    if (!is_extra(bson_iter_key(&iter))) {
      bson_append_iter(&fewer, NULL, 0, &iter);
    }
  }
  int made = 0;
  if (!bson_has_field(options, "viewOn") && !schema_create(target, db, coll, &fewer, &again)) {
    *error = again;
    made = -1;
  }
  bson_destroy(&fewer);
  return made;
}

bool
schema_drop(struct server *target, const char *db, const char *coll, struct error *error)
{
  bson_t *drop = BCON_NEW("drop", BCON_UTF8(coll));
  bool ok = schema_command(target, db, drop, error);
  bson_destroy(drop);
  return ok || error->code == CODE_NAMESPACE_NOT_FOUND || error_wrap(error, "cannot drop %s.%s", db, coll);
}

/* From 4.4 on, and not on a standalone. What the driver knows of the server is enough. */
static bool
takes_commit_quorum(const struct server *target)
{
  bson_error_t ignored;
  bson_iter_t iter;
  mongoc_server_description_t *primary = mongoc_client_select_server(target->client, true, NULL, &ignored);
  if (!primary) {
    return false; /* the command will tell why */
  }
  bool takes = bson_iter_init_find(&iter, mongoc_server_description_hello_response(primary), "maxWireVersion") &&
               bson_iter_as_int64(&iter) >= WIRE_4_4 &&
               strcmp(mongoc_server_description_type(primary), "Standalone") != 0;
  mongoc_server_description_destroy(primary);
  return takes;
}

static bool
send_create_indexes(struct server *target, const char *db, const char *coll, const bson_t *indexes, bool quorum,
                    struct error *error)
{
  bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(coll));
  BSON_APPEND_ARRAY(command, "indexes", indexes);
  if (quorum) {
    BSON_APPEND_UTF8(command, "commitQuorum", "majority");
  }
  bool ok = schema_command(target, db, command, error);
  bson_destroy(command);
  return ok;
}

/*
 * From 4.4 on a build waits, without a limit, until all voting members have built the index too, even one that is down
 * or delayed. A majority is what every other write waits for. With featureCompatibilityVersion 4.2 a 4.4 refuses the
 * field.
 */
static bool
create_indexes_of(struct server *target, const char *db, const char *coll, const bson_t *indexes, struct error *error)
{
  bool quorum = takes_commit_quorum(target);
  bool ok = send_create_indexes(target, db, coll, indexes, quorum, error) ||
            (quorum && error->code == CODE_BAD_VALUE && strstr(error->text, "commitQuorum") &&
             send_create_indexes(target, db, coll, indexes, false, error));
  return ok || error_wrap(error, "cannot build the indexes of %s.%s", db, coll);
}

/* Those of `indexes` that have an original definition, in that form; or those that have none. */
static uint32_t
choose_indexes(const bson_t *indexes, bool original, bson_t *chosen)
{
  bson_iter_t iter;
  bson_iter_t field;
  uint32_t count = 0;
  for (bson_iter_init(&iter, indexes); bson_iter_next(&iter);) {
    char key[16];
    bool found = bson_iter_recurse(&iter, &field) && bson_iter_find(&field, ORIGINAL);
    if (found == original) {
      snprintf(key, sizeof key, "%u", count++);
      bson_append_iter(chosen, key, -1, original ? &field : &iter);
    }
  }
  return count;
}

/*
 * A buckets' index that has the user's own definition is made from that, under the time series' name. Only then the
 * target keeps the definition, and takes an expiry.
 */
static bool
run_create_indexes(struct server *target, const char *db, const char *coll, const bson_t *indexes, struct error *error)
{
  bson_t originals = BSON_INITIALIZER;
  bson_t others = BSON_INITIALIZER;
  const char *series = series_of(coll);
  if (!series) {
    return create_indexes_of(target, db, coll, indexes, error);
  }
  bool ok = choose_indexes(indexes, false, &others) == 0 || create_indexes_of(target, db, coll, &others, error);
  ok =
    ok && (choose_indexes(indexes, true, &originals) == 0 || create_indexes_of(target, db, series, &originals, error));
  bson_destroy(&originals);
  bson_destroy(&others);
  return ok;
}

/*
 * 4.2 to 5.0 do not create an index whose expiry reaches back before 1970, but take a change to one
 * (S:src/mongo/db/commands/create_indexes.cpp:204@r4.2.2, src/mongo/db/catalog/coll_mod.cpp@r4.2.2). Until that change
 * the index expires documents that are dated 1970 or earlier.
 */
static bool
create_in_two_steps(struct server *target, const char *db, const char *coll, const bson_t *spec, struct error *error)
{
  struct server_hello hello;
  bson_t indexes = BSON_INITIALIZER;
  bson_t young;
  if (!server_ask_hello(target, false, &hello, error)) {
    return false;
  }
  bool expires = bson_has_field(spec, "expireAfterSeconds");
  BSON_APPEND_DOCUMENT_BEGIN(&indexes, "0", &young);
  bson_copy_to_excluding_noinit(spec, &young, "expireAfterSeconds", NULL);
  if (expires) {
    BSON_APPEND_INT32(&young, "expireAfterSeconds", (int32_t)hello.local_time_s);
  }
  bson_append_document_end(&indexes, &young);
  bool ok = run_create_indexes(target, db, coll, &indexes, error) &&
            (!expires || schema_set_ttl(target, db, coll, schema_index_name(spec), SCHEMA_TTL_DEFERRED, error));
  bson_destroy(&indexes);
  return ok;
}

bool
schema_data_size(struct server *target, const char *db, const char *coll, int64_t *bytes, struct error *error)
{
  bson_t reply;
  bson_iter_t size;
  char *ns = memory_format("%s.%s", db, coll);
  bson_t *command = BCON_NEW("dataSize", BCON_UTF8(ns), "estimate", BCON_BOOL(true));
  bool ok = server_command(target, db, command, &reply, error);
  if (ok) {
    *bytes = bson_iter_init_find(&size, &reply, "size") ? bson_iter_as_int64(&size) : 0;
  }
  bson_destroy(&reply);
  bson_destroy(command);
  free(ns);
  return ok;
}

bool
schema_create_indexes(struct server *target, const char *db, const char *coll, const bson_t *indexes,
                      struct error *error)
{
  bson_iter_t iter;
  bool ok = run_create_indexes(target, db, coll, indexes, error);
  if (ok || (error->code != CODE_CANNOT_CREATE_INDEX && error->code != CODE_INVALID_OPTIONS)) {
    return ok;
  }
  ok = true;
  for (bson_iter_init(&iter, indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      bson_iter_document(&iter, &size, &bytes);
      ok = bson_init_static(&spec, bytes, size) && create_in_two_steps(target, db, coll, &spec, error);
    }
  }
  return ok;
}

bool
schema_index_refused(const struct error *error)
{
  return error->kind == ERROR_TARGET && error->code != 0 && !server_error_passes(error);
}

bool
schema_create_index(struct server *target, const char *db, const char *coll, const bson_t *index, struct error *error)
{
  bson_t indexes = BSON_INITIALIZER;
  BSON_APPEND_DOCUMENT(&indexes, "0", index);
  bool ok = schema_create_indexes(target, db, coll, &indexes, error);
  if (!ok && (error->code == CODE_INDEX_OPTIONS_CONFLICT || error->code == CODE_INDEX_KEY_SPECS_CONFLICT)) {
    ok = schema_drop_index(target, db, coll, schema_index_name(index), error) &&
         schema_create_indexes(target, db, coll, &indexes, error);
  }
  bson_destroy(&indexes);
  return ok;
}

bool
schema_drop_index(struct server *target, const char *db, const char *coll, const char *name, struct error *error)
{
  bson_t *command = BCON_NEW("dropIndexes", BCON_UTF8(coll), "index", BCON_UTF8(name));
  bool ok = schema_command(target, db, command, error);
  bson_destroy(command);
  return ok || error->code == CODE_INDEX_NOT_FOUND || error->code == CODE_NAMESPACE_NOT_FOUND ||
         error_wrap(error, "cannot drop the index %s of %s.%s", name, db, coll);
}

/* What the collection's options say of it: 1 or 0; -1 on error. */
static int
records_pre_images(struct server *target, const char *db, const char *coll, struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t found;
  bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "filter", "{", "name", BCON_UTF8(coll), "}");
  int records = server_command(target, db, command, &reply, error) ? 0 : -1;
  if (records == 0 && bson_iter_init(&iter, &reply) &&
      bson_iter_find_descendant(&iter, "cursor.firstBatch.0.options.recordPreImages", &found)) {
    records = bson_iter_as_bool(&found);
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return records;
}

bool
schema_collmod(struct server *target, const char *db, const bson_t *command, struct error *error)
{
  struct server_hello hello;
  bson_iter_t coll;
  bson_t whole;
  if (!server_ask_hello(target, false, &hello, error)) {
    return false;
  }
  if (hello.wire_version < WIRE_5_0 || hello.wire_version >= WIRE_6_0 || bson_has_field(command, "recordPreImages") ||
      !bson_iter_init(&coll, command) || !bson_iter_next(&coll) || !BSON_ITER_HOLDS_UTF8(&coll)) {
    return schema_command(target, db, command, error);
  }
  int records = records_pre_images(target, db, bson_iter_utf8(&coll, NULL), error);
  bson_copy_to(command, &whole);
  if (records == 1) {
    BSON_APPEND_BOOL(&whole, "recordPreImages", true);
  }
  bool ok = records >= 0 && schema_command(target, db, &whole, error);
  bson_destroy(&whole);
  return ok;
}

static void
put_own_expiry(bson_t *command, int64_t seconds)
{
  if (seconds == SCHEMA_TTL_DEFERRED) {
    BSON_APPEND_UTF8(command, "expireAfterSeconds", "off");
  } else {
    BSON_APPEND_INT64(command, "expireAfterSeconds", seconds);
  }
}

bool
schema_set_ttl(struct server *target, const char *db, const char *coll, const char *name, int64_t seconds,
               struct error *error)
{
  const char *series = series_of(coll);
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(series ? series : coll));
  bson_t index;
  if (!*name) {
    put_own_expiry(command, seconds);
    bool done = schema_collmod(target, db, command, error);
    bson_destroy(command);
    return done || error_wrap(error, "cannot set the expiry of %s.%s", db, coll);
  }
  BSON_APPEND_DOCUMENT_BEGIN(command, "index", &index);
  BSON_APPEND_UTF8(&index, "name", name);
  if (seconds <= INT32_MAX) { /* the type that people's definitions have */
    BSON_APPEND_INT32(&index, "expireAfterSeconds", (int32_t)seconds);
  } else {
    BSON_APPEND_INT64(&index, "expireAfterSeconds", seconds);
  }
  bson_append_document_end(command, &index);
  bool ok = schema_collmod(target, db, command, error);
  bson_destroy(command);
  return ok || error_wrap(error, "cannot set the expiry of index %s of %s.%s", name, db, coll);
}

/* The index among those of a reply to listIndexes. */
static bool
pick_index(const bson_t *reply, const char *name, const bson_iter_t *key, bson_t *spec)
{
  bson_iter_t iter;
  bson_iter_t item;
  if (!bson_iter_init(&iter, reply) || !bson_iter_find_descendant(&iter, "cursor.firstBatch", &item) ||
      !BSON_ITER_HOLDS_ARRAY(&item) || !bson_iter_recurse(&item, &iter)) {
    return false;
  }
  while (bson_iter_next(&iter)) {
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    bson_t found;
    if (!BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      continue;
    }
    bson_iter_document(&iter, &size, &bytes);
    if (bson_init_static(&found, bytes, size) &&
        (name ? strcmp(schema_index_name(&found), name) == 0 : schema_index_has_key(&found, key))) {
      bson_copy_to(&found, spec);
      return true;
    }
  }
  return false;
}

int
schema_find_index(struct server *target, const char *db, const char *coll, const struct schema_index_ref *ref,
                  bson_t *spec, struct error *error)
{
  bson_t reply;
  bson_t *command = BCON_NEW("listIndexes", BCON_UTF8(coll), "cursor", "{", "batchSize", BCON_INT32(INDEXES_MOST), "}");
  bool ok = server_command(target, db, command, &reply, error);
  int found = ok ? pick_index(&reply, ref->name, ref->key, spec) : error->code == CODE_NAMESPACE_NOT_FOUND ? 0 : -1;
  bson_destroy(command);
  bson_destroy(&reply);
  return found;
}

bool
schema_allow_mixed(struct server *target, const char *db, const char *coll, const char *refusal)
{
  struct error ignored;
  const char *series = series_of(coll);
  if (!series || !strstr(refusal, MIXED)) {
    return false;
  }
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(series), MIXED, BCON_BOOL(true));
  bool ok = schema_command(target, db, command, &ignored);
  bson_destroy(command);
  if (ok) {
    log_info("time series ns=%s: its buckets may hold mixed schema data from now on, as on the source",
             log_value("%s.%s", db, series));
  }
  return ok;
}
