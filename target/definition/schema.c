#include "target/definition/schema.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/series.h"
#include "target/definition/numbers.h"
#include "target/definition/uuid.h"

#define INDEXES_MOST 1000 /* a collection has 64 at most */
#define ORIGINAL "originalSpec"
#define MIXED "timeseriesBucketsMayHaveMixedSchemaData"

static bool
named(const char *key, const char *const *names)
{
  for (; *names; names++) {
    if (strcmp(key, *names) == 0) {
      return true;
    }
  }
  return false;
}

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
    bson_iter_init(&first, command) && bson_iter_next(&first) && named(bson_iter_key(&first), works_long);
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
  return named(db, internal);
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
  return named(option, extras);
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

const char *
schema_index_name(const bson_t *spec)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, spec, "name") && BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";
}

/*
 * Any other direction makes an index of its own. -1 becomes 1 before it is stored:
 * S:src/mongo/db/index/index_descriptor.h
 */
static bool
is_id_key(const bson_t *spec)
{
  bson_iter_t iter;
  bson_iter_t key;
  return bson_iter_init_find(&iter, spec, "key") && bson_iter_recurse(&iter, &key) && bson_iter_next(&key) &&
         strcmp(bson_iter_key(&key), "_id") == 0 && BSON_ITER_HOLDS_NUMBER(&key) && bson_iter_as_double(&key) == 1.0 &&
         !bson_iter_next(&key);
}

/*
 * What newer servers take. `v` is left out: every index is built as the target's newest kind. Old servers stored
 * whatever else the user wrote, without a meaning; it is refused from 3.4 on.
 */
static bool
is_known_option(const char *key)
{
  static const char *const known[] = {"key",
                                      "name",
                                      "unique",
                                      "sparse",
                                      "partialFilterExpression",
                                      "expireAfterSeconds",
                                      "hidden",
                                      "collation",
                                      "weights",
                                      "default_language",
                                      "language_override",
                                      "textIndexVersion",
                                      "2dsphereIndexVersion",
                                      "finestIndexedLevel",
                                      "coarsestIndexedLevel",
                                      "bits",
                                      "min",
                                      "max",
                                      "bucketSize",
                                      "wildcardProjection",
                                      "columnstoreProjection",
                                      "storageEngine",
                                      "prepareUnique",
                                      NULL};
  return named(key, known);
}

/*
 * schema_index converts originalSpec. The others are what old servers and SecantusDB 0.7 (multikey, entryFormat) store
 * in a specification, and nobody would miss.
 */
static bool
is_silent_option(const char *key)
{
  static const char *const silent[] = {"_id",  "ns",       "v",           "background", "dropDups",
                                       "safe", "multikey", "entryFormat", ORIGINAL,     NULL};
  return named(key, silent);
}

static void
note(char *notes, const char *key, const char *what)
{
  size_t used = strlen(notes);
  snprintf(notes + used, SCHEMA_NOTES_SIZE - used, "%s%.60s %s", used ? ", " : "", key, what);
}

/*
 * Up to v: 1 any value was a direction. What is no number, and 0, was ascending
 * (S:src/mongo/db/index/index_descriptor, protocol 6).
 */
static void
convert_key(const bson_iter_t *key, bson_t *built, char *notes)
{
  bson_iter_t field;
  bson_t made;
  BSON_APPEND_DOCUMENT_BEGIN(built, "key", &made);
  for (bson_iter_recurse(key, &field); bson_iter_next(&field);) {
    bool text = BSON_ITER_HOLDS_UTF8(&field) && bson_iter_utf8(&field, NULL)[0] != 0;
    double number = numbers_is(&field) ? numbers_of(&field) : 0;
    if (text || number > 0 || number < 0) {
      bson_append_iter(&made, NULL, 0, &field);
    } else {
      BSON_APPEND_INT32(&made, bson_iter_key(&field), 1);
      note(notes, bson_iter_key(&field), "is ascending");
    }
  }
  bson_append_document_end(built, &made);
}

static bool
is_compound(const bson_t *spec)
{
  bson_iter_t iter;
  bson_iter_t key;
  return bson_iter_init_find(&iter, spec, "key") && bson_iter_recurse(&iter, &key) && bson_iter_next(&key) &&
         bson_iter_next(&key);
}

/*
 * 2.6 took any value, and never expired by one that is no number, or by an index of several fields. False if the
 * option is left out.
 */
static bool
convert_ttl(const bson_t *spec, const bson_iter_t *value, int64_t *ttl, char *notes)
{
  if (!numbers_is(value)) {
    note(notes, "expireAfterSeconds", "is no number and left out");
    return false;
  }
  if (is_compound(spec)) {
    note(notes, "expireAfterSeconds", "of several fields has no effect and is left out");
    return false;
  }
  double seconds = numbers_of(value);
  *ttl = numbers_whole(value);
  if (isnan(seconds) || seconds > SCHEMA_TTL_DEFERRED || seconds < 0) {
    *ttl = SCHEMA_TTL_DEFERRED;
    note(notes, "expireAfterSeconds", "becomes 2147483647");
  }
  return true;
}

static bool
is_true(const bson_t *spec, const char *option)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, spec, option) &&
         (numbers_is(&iter) ? numbers_of(&iter) != 0 : bson_iter_as_bool(&iter));
}

bool
schema_index_unique(const bson_t *spec)
{
  return is_true(spec, "unique") || is_true(spec, "prepareUnique");
}

static bool
same_value(const bson_iter_t *left, const bson_iter_t *right)
{
  if (numbers_is(left) && numbers_is(right)) {
    double a = numbers_of(left);
    double b = numbers_of(right);
    return a == b || (isnan(a) && isnan(b));
  }
  return BSON_ITER_HOLDS_UTF8(left) && BSON_ITER_HOLDS_UTF8(right) &&
         strcmp(bson_iter_utf8(left, NULL), bson_iter_utf8(right, NULL)) == 0;
}

bool
schema_index_has_key(const bson_t *spec, const bson_iter_t *key)
{
  char notes[SCHEMA_NOTES_SIZE] = "";
  bson_t converted = BSON_INITIALIZER;
  bson_iter_t iter;
  bson_iter_t mine;
  bson_iter_t other;
  convert_key(key, &converted, notes);
  bool same = bson_iter_init_find(&iter, spec, "key") && BSON_ITER_HOLDS_DOCUMENT(&iter) &&
              bson_iter_recurse(&iter, &mine) && bson_iter_init_find(&iter, &converted, "key") &&
              bson_iter_recurse(&iter, &other);
  while (same && bson_iter_next(&mine)) {
    same =
      bson_iter_next(&other) && strcmp(bson_iter_key(&mine), bson_iter_key(&other)) == 0 && same_value(&mine, &other);
  }
  same = same && !bson_iter_next(&other);
  bson_destroy(&converted);
  return same;
}

static enum schema_index_kind make_index(const bson_t *spec, bool collated, struct schema_index *index);

/* The user's own definition of a buckets' index. It is translated as well, as it is what is sent (send_by_original). */
static void
convert_original(const bson_iter_t *original, bool collated, struct schema_index *index)
{
  bson_t spec;
  struct schema_index made;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  bson_iter_document(original, &size, &bytes);
  if (bson_init_static(&spec, bytes, size)) {
    make_index(&spec, collated, &made);
    BSON_APPEND_DOCUMENT(&index->spec, ORIGINAL, &made.spec);
    bson_destroy(&made.spec);
  }
}

enum schema_index_kind
schema_index(const bson_t *spec, bool collated, struct schema_index *index)
{
  bson_iter_t original;
  enum schema_index_kind kind = make_index(spec, collated, index);
  if (bson_iter_init_find(&original, spec, ORIGINAL) && BSON_ITER_HOLDS_DOCUMENT(&original)) {
    convert_original(&original, collated, index);
  }
  return kind;
}

static enum schema_index_kind
make_index(const bson_t *spec, bool collated, struct schema_index *index)
{
  bson_iter_t iter;
  bson_t *built = &index->spec;
  bool has_collation = false;
  bson_init(built);
  index->ttl_s = -1;
  index->notes[0] = 0;
  for (bson_iter_init(&iter, spec); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "key") == 0 && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      convert_key(&iter, built, index->notes);
    } else if (strcmp(key, "expireAfterSeconds") == 0) {
      if (convert_ttl(spec, &iter, &index->ttl_s, index->notes)) {
        BSON_APPEND_INT32(built, key, SCHEMA_TTL_DEFERRED);
      }
    } else if (is_known_option(key)) {
      has_collation = has_collation || strcmp(key, "collation") == 0;
      bson_append_iter(built, NULL, 0, &iter);
    } else if (!is_silent_option(key)) {
      note(index->notes, key, "is unknown and left out");
    }
  }
  if (collated && !has_collation) {
    bson_t simple;
    BSON_APPEND_DOCUMENT_BEGIN(built, "collation", &simple);
    BSON_APPEND_UTF8(&simple, "locale", "simple");
    bson_append_document_end(built, &simple);
  }
  if (is_id_key(built)) {
    return SCHEMA_INDEX_ID;
  }
  return schema_index_unique(spec) ? SCHEMA_INDEX_UNIQUE : SCHEMA_INDEX_PLAIN;
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
