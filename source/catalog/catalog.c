#include "source/catalog/catalog.h"

#include "base/memory.h"
#include "server/series.h"
#include "source/catalog/selection.h"
#include "source/catalog/unfinished_builds.h"

/*
 * $out first writes the buckets of a time series under such a name, without a view. Nobody may rename buckets on the
 * target. So these buckets are copied when they get their name, as what is renamed into the selection is.
 */
static bool
is_out_in_progress(const char *coll)
{
  const char *series = series_of(coll);
  return series && strncmp(series, "tmp.agg_out.", strlen("tmp.agg_out.")) == 0;
}

bool
catalog_is_internal(const char *db, const char *coll)
{
  static const char *const dbs[] = {"admin", "config", "local"};
  for (size_t i = 0; i < sizeof dbs / sizeof *dbs; i++) {
    if (strcmp(db, dbs[i]) == 0) {
      return true;
    }
  }
  return is_out_in_progress(coll) ||
         (strncmp(coll, "system.", 7) == 0 && strcmp(coll, "system.js") != 0 && !series_of(coll));
}

static void
collection_clear(struct collection *collection)
{
  free(collection->db);
  free(collection->name);
  free(collection->to_db);
  free(collection->to_name);
  bson_destroy(collection->options);
  bson_destroy(collection->indexes);
}

void
catalog_clear(struct catalog *catalog)
{
  for (size_t i = 0; i < catalog->count; i++) {
    collection_clear(&catalog->collections[i]);
  }
  free(catalog->collections);
  bson_destroy(catalog->listed);
  *catalog = (struct catalog){0};
}

void
catalog_rename(struct collection *collection, const char *to_db, const char *to_name)
{
  free(collection->to_db);
  free(collection->to_name);
  collection->to_db = memory_string(to_db);
  collection->to_name = memory_string(to_name);
}

bool
catalog_any(const void *context, const char *db, const char *coll)
{
  (void)context;
  (void)db;
  (void)coll;
  return true;
}

int
catalog_compare_targets(const void *left, const void *right)
{
  const struct collection *a = *(const struct collection *const *)left;
  const struct collection *b = *(const struct collection *const *)right;
  int db = strcmp(a->to_db, b->to_db);
  return db ? db : strcmp(a->to_name, b->to_name);
}

static void
read_info(const bson_t *info, struct collection *collection)
{
  bson_iter_t iter;
  bson_iter_t found;
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (bson_iter_init(&iter, info) && bson_iter_find_descendant(&iter, "info.uuid", &found) &&
      BSON_ITER_HOLDS_BINARY(&found)) {
    bson_iter_binary(&found, &subtype, &size, &bytes);
    if (size == sizeof collection->uuid) {
      collection->has_uuid = true;
      memcpy(collection->uuid, bytes, size);
    }
  }
  if (bson_iter_init_find(&iter, info, "type") && BSON_ITER_HOLDS_UTF8(&iter)) {
    collection->view = strcmp(bson_iter_utf8(&iter, NULL), "view") == 0;
  }
  collection->options = bson_new();
  if (bson_iter_init_find(&iter, info, "options") && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    bson_t options;
    bson_iter_document(&iter, &size, &bytes);
    if (bson_init_static(&options, bytes, size)) {
      bson_destroy(collection->options);
      collection->options = bson_copy(&options);
    }
  }
  if (bson_iter_init_find(&iter, collection->options, "capped")) {
    collection->capped = bson_iter_as_bool(&iter);
  }
}

/*
 * Up to 2.6 a database's catalog lies in collections of its own: system.namespaces, whose names begin with the
 * database's, and system.indexes. S:src/mongo/db/catalog/database.cpp@r2.6.12
 */
static bool
has_catalog_commands(const struct reader *reader)
{
  return reader->wire_version >= WIRE_3_0;
}

static struct reader_cursor *
list_collections(struct reader *reader, const char *db)
{
  if (!has_catalog_commands(reader)) {
    struct find find = {.db = db, .coll = "system.namespaces"};
    return reader_find(reader, &find);
  }
  bson_t *command = BCON_NEW("listCollections", BCON_INT32(1));
  struct reader_cursor *cursor = reader_command_cursor(reader, db, command);
  bson_destroy(command);
  return cursor;
}

/* The collection's name in what list_collections lists; NULL if it is none, but an index (they have a $). */
static const char *
listed_name(const struct reader *reader, const char *db, const bson_t *info)
{
  bson_iter_t iter;
  size_t length = strlen(db);
  if (!bson_iter_init_find(&iter, info, "name") || !BSON_ITER_HOLDS_UTF8(&iter)) {
    return NULL;
  }
  const char *name = bson_iter_utf8(&iter, NULL);
  if (has_catalog_commands(reader)) {
    return name;
  }
  bool ours = strncmp(name, db, length) == 0 && name[length] == '.' && !strchr(name, '$');
  return ours ? name + length + 1 : NULL;
}

static struct reader_cursor *
list_indexes(struct reader *reader, const struct collection *collection)
{
  struct reader_cursor *cursor;
  if (!has_catalog_commands(reader)) {
    char *ns = memory_format("%s.%s", collection->db, collection->name);
    bson_t *filter = BCON_NEW("ns", BCON_UTF8(ns));
    struct find find = {.db = collection->db, .coll = "system.indexes", .filter = filter};
    cursor = reader_find(reader, &find);
    bson_destroy(filter);
    free(ns);
    return cursor;
  }
  bson_t command = BSON_INITIALIZER;
  reader_name_collection(reader, &command, "listIndexes", collection->name,
                         collection->has_uuid ? collection->uuid : NULL);
  unfinished_builds_ask(reader, &command);
  cursor = reader_command_cursor(reader, collection->db, &command);
  bson_destroy(&command);
  return cursor;
}

/* The caller says what it was doing. */
static bool
list_indexes_of(struct collection *collection, struct reader *reader, struct error *error)
{
  const bson_t *spec;
  int count = 0;
  int got;
  struct reader_cursor *cursor = list_indexes(reader, collection);
  while ((got = reader_next(cursor, &spec, error)) == 1) {
    char key[24];
    bson_iter_t iter;
    if (unfinished_builds_listed(spec)) {
      continue; /* commitIndexBuild brings it */
    }
    snprintf(key, sizeof key, "%d", count++);
    BSON_APPEND_DOCUMENT(collection->indexes, key, spec);
    if (bson_iter_init_find(&iter, spec, "name") && BSON_ITER_HOLDS_UTF8(&iter) &&
        strcmp(bson_iter_utf8(&iter, NULL), "_id_") == 0) {
      collection->has_id_index = true;
    }
  }
  reader_cursor_free(cursor);
  /* Or it was dropped since it was listed; the oplog has the drop. */
  return got == 0 || error->code == CODE_NAMESPACE_NOT_FOUND;
}

bool
catalog_list_indexes(struct collection *collection, struct reader *reader, struct error *error)
{
  return collection->view || list_indexes_of(collection, reader, error) ||
         error_wrap(error, "cannot list the indexes of %s.%s", collection->db, collection->name);
}

bool
catalog_read_indexes(struct collection *collection, struct reader *reader, struct error *error)
{
  return catalog_list_indexes(collection, reader, error) && unfinished_builds_leave_out(collection, reader, error);
}

static bool
has_buckets(const struct catalog *catalog, size_t first, const char *name)
{
  for (size_t i = first; i < catalog->count; i++) {
    const char *series = series_of(catalog->collections[i].name);
    if (series && strcmp(series, name) == 0) {
      return true;
    }
  }
  return false;
}

/* Of the collections from `first` on, which are one database's. */
static void
find_time_series(struct catalog *catalog, size_t first)
{
  for (size_t i = first; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    if (bson_has_field(collection->options, "timeseries") && !series_of(collection->name)) {
      collection->view = has_buckets(catalog, first, collection->name);
      collection->capped = !collection->view;
    }
  }
}

static bool
read_database(struct catalog *catalog, struct reader *reader, const char *db, catalog_wanted wanted,
              const void *context, struct error *error)
{
  const bson_t *info;
  int got;
  size_t first = catalog->count;
  struct reader_cursor *cursor = list_collections(reader, db);
  while ((got = reader_next(cursor, &info, error)) == 1) {
    const char *name = listed_name(reader, db, info);
    if (!name || catalog_is_internal(db, name) || !wanted(context, db, name)) {
      continue;
    }
    if (strlen(db) >= SELECTION_DB_SIZE || strlen(name) >= SELECTION_COLL_SIZE) {
      error_set(error, ERROR_SOURCE, "a collection has a name that no server takes: %.255s", name);
      got = -1;
      break;
    }
    catalog->collections =
      memory_grow(catalog->collections, catalog->count, &catalog->capacity, sizeof *catalog->collections);
    struct collection *made = &catalog->collections[catalog->count++];
    *made = (struct collection){.db = memory_string(db), .name = memory_string(name), .ttl_s = -1};
    catalog_rename(made, db, name);
    read_info(info, made);
    made->indexes = bson_new();
  }
  reader_cursor_free(cursor);
  if (got == 0) {
    find_time_series(catalog, first);
  }
  return got == 0 || error_wrap(error, "cannot list the collections of %s", db);
}

static bool
read_databases(struct catalog *catalog, struct reader *reader, const bson_t *reply, catalog_wanted wanted,
               const void *context, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t item;
  if (!bson_iter_init_find(&iter, reply, "databases") || !bson_iter_recurse(&iter, &item)) {
    return error_set(error, ERROR_SOURCE, "the source's listDatabases shows no databases");
  }
  while (bson_iter_next(&item)) {
    bson_iter_t field;
    if (!bson_iter_recurse(&item, &field) || !bson_iter_find(&field, "name") || !BSON_ITER_HOLDS_UTF8(&field)) {
      continue;
    }
    const char *db = bson_iter_utf8(&field, NULL);
    if (!catalog_is_internal(db, "") && !read_database(catalog, reader, db, wanted, context, error)) {
      return false;
    }
  }
  return true;
}

bool
catalog_list(struct catalog *catalog, struct reader *reader, catalog_wanted wanted, const void *context,
             struct error *error)
{
  bson_t reply;
  *catalog = (struct catalog){0};
  bson_t *command = BCON_NEW("listDatabases", BCON_INT32(1));
  bool ok = reader_command(reader, "admin", command, &reply, error);
  bson_destroy(command);
  ok = ok && read_databases(catalog, reader, &reply, wanted, context, error);
  bson_destroy(&reply);
  if (!ok) {
    catalog_clear(catalog);
  }
  return ok;
}

bool
catalog_read(struct catalog *catalog, struct reader *reader, catalog_wanted wanted, const void *context,
             struct error *error)
{
  bool ok = catalog_list(catalog, reader, wanted, context, error);
  for (size_t i = 0; ok && i < catalog->count; i++) {
    ok = catalog_read_indexes(&catalog->collections[i], reader, error);
  }
  if (!ok) {
    catalog_clear(catalog);
  }
  return ok;
}

/* The reply's fields, as each of the two commands calls them. */
static bool
ask_size(struct collection *collection, struct reader *reader, const bson_t *command, const char *count_name,
         struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bool ok = reader_command(reader, collection->db, command, &reply, error);
  if (ok) {
    collection->documents = bson_iter_init_find(&iter, &reply, count_name) ? bson_iter_as_int64(&iter) : 0;
    collection->bytes = bson_iter_init_find(&iter, &reply, "size") ? bson_iter_as_int64(&iter) : 0;
  }
  bson_destroy(&reply);
  return ok;
}

/*
 * collStats includes a report of the storage engine's, and takes ten times as long (2.3 ms, 4.0.14). So it is only
 * asked if need be.
 */
bool
catalog_read_size(struct collection *collection, struct reader *reader, struct error *error)
{
  if (collection->view) {
    return true;
  }
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  bson_t *quick = BCON_NEW("dataSize", BCON_UTF8(ns), "estimate", BCON_BOOL(true));
  bson_t *slow = BCON_NEW("collStats", BCON_UTF8(collection->name));
  bool ok = ask_size(collection, reader, quick, "numObjects", error) ||
            (error->code != 0 && ask_size(collection, reader, slow, "count", error));
  bson_destroy(quick);
  bson_destroy(slow);
  free(ns);
  /* A missing size does not end a migration; a lost connection does. */
  return ok || error->code != 0 || error_wrap(error, "cannot ask the size of %s.%s", collection->db, collection->name);
}

int
catalog_still(struct reader *reader, const char *db, const char *coll, const uint8_t uuid[16], struct error *error)
{
  const bson_t *info;
  int got;
  int still = 0;
  bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "filter", "{", "name", BCON_UTF8(coll), "}");
  struct reader_cursor *cursor = reader_command_cursor(reader, db, command);
  bson_destroy(command);
  while ((got = reader_next(cursor, &info, error)) == 1) {
    struct collection found = {0};
    read_info(info, &found);
    bson_destroy(found.options);
    still = found.has_uuid && memcmp(found.uuid, uuid, sizeof found.uuid) == 0;
  }
  reader_cursor_free(cursor);
  return got < 0 ? -1 : still;
}
