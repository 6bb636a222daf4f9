#include "applier/ddl/ddl.h"

#include "applier/ddl/collmod.h"
#include "applier/ddl/rename.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "server/series.h"
#include "source/catalog/catalog.h"
#include "source/catalog/view.h"
#include "target/definition/definition.h"
#include "target/definition/naming.h"
#include "target/definition/schema.h"
#include "target/definition/uuid.h"

bool
ddl_misfit(const struct entry *entry, const char *what, struct error *error)
{
  return error_set(error, ERROR_DIVERGED, "the oplog's %s at %u.%u on %s.%s %s",
                   entry->command ? entry->command : "write", OPTIME_SECONDS(entry->ts), OPTIME_INCREMENT(entry->ts),
                   entry->db, entry->coll, what);
}

bool
ddl_is_later_one(const struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped)
{
  if (!ddl->lenient) {
    return false;
  }
  bool same = entry->has_uuid && mapped->has_uuid && memcmp(entry->uuid, mapped->uuid, sizeof mapped->uuid) == 0;
  return !same && (mapped->since ? entry->ts < mapped->since : entry->has_uuid && mapped->has_uuid);
}

struct mapped_collection *
ddl_find(struct ddl *ddl, const struct entry *entry)
{
  struct mapped_collection *mapped =
    entry->has_uuid ? collection_map_find_uuid(ddl->collection_map, entry->uuid) : NULL;
  if (mapped) {
    return mapped;
  }
  mapped = collection_map_find(ddl->collection_map, entry->db, entry->coll);
  return mapped && !ddl_is_later_one(ddl, entry, mapped) ? mapped : NULL;
}

bool
ddl_is_gone(struct ddl *ddl, const struct entry *entry)
{
  return !ddl_find(ddl, entry) && collection_map_find(ddl->collection_map, entry->db, entry->coll);
}

bool
ddl_share_name(const struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped, const char *db,
               const char *coll)
{
  if (!selection_renames(ddl->selection) ||
      (strcmp(mapped->from_db, db) == 0 && strcmp(mapped->from_coll, coll) == 0)) {
    return false;
  }
  return !ddl->lenient || (!ddl->by_name && mapped->has_uuid && entry->has_uuid && entry->ts > mapped->since &&
                           memcmp(mapped->uuid, entry->uuid, sizeof mapped->uuid) != 0);
}

bool
ddl_refuse_shared_name(const struct mapped_collection *mapped, const char *db, const char *coll, struct error *error)
{
  return error_set(
    error, ERROR_REFUSED,
    "the source's %s.%s and %s.%s are both to be %s on the target; change --nsFrom and --nsTo, and start "
    "again with --forceDump --drop",
    mapped->from_db, mapped->from_coll, db, coll, mapped->ns);
}

bool
ddl_was_gone(struct ddl *ddl, const struct entry *entry)
{
  return entry->has_uuid && listed_has(ddl->listed, entry->from_db, entry->ts) &&
         !collection_map_find_uuid(ddl->collection_map, entry->uuid);
}

const char *
ddl_command_name(const char *coll)
{
  const char *series = series_of(coll);
  return series ? series : coll;
}

static bool
create_named(struct ddl *ddl, const char *db, const char *coll, const bson_t *options, struct error *error)
{
  struct definition definition;
  bson_t nothing = BSON_INITIALIZER;
  uint8_t uuid[16];
  if (!naming_check(db, coll, ddl->target_version, error)) {
    return false;
  }
  definition_make(options, ddl->pages, ddl->target_version, &definition);
  if (definition.notes[0]) {
    log_warn("options ns=%s: %s", log_value("%s.%s", db, coll), definition.notes);
  }
  if (ddl->keep_uuids && uuid_get(options, uuid)) {
    uuid_put(&definition.options, uuid);
  }
  int made = schema_create_or_less(ddl->target, db, coll, &definition.options, error);
  bool ok = made > 0;
  if (made == 0) {
    struct error why = *error;
    ok = ddl->refuse(ddl->context, db, coll, NULL, &why, error);
  }
  if (ok && definition.ttl_s >= 0) {
    deferred_add(ddl->deferred, db, coll, &nothing, false, definition.ttl_s);
  }
  bson_destroy(&definition.options);
  return ok;
}

bool
ddl_create_collection(struct ddl *ddl, const char *db, const char *coll, const bson_t *options, struct error *error)
{
  bson_t series = BSON_INITIALIZER;
  if (!series_of(coll)) {
    return create_named(ddl, db, coll, options, error);
  }
  /*
   * The buckets' creation is the time series' creation. Options that say how the buckets are stored are not the
   * user's.
   */
  bson_copy_to_excluding_noinit(options, &series, "validator", "clusteredIndex", "validationLevel", "validationAction",
                                "storageEngine", UUID_OPTION, NULL);
  bool ok = create_named(ddl, db, ddl_command_name(coll), &series, error);
  bson_destroy(&series);
  return ok;
}

static bool
create_as_logged(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  bson_t options = BSON_INITIALIZER;
  bson_t renamed;
  bson_copy_to_excluding_noinit(&entry->o, &options, UUID_OPTION, NULL);
  uuid_put(&options, entry->has_uuid && !bson_has_field(&entry->o, "timeseries") ? entry->uuid : NULL);
  bool ok = view_rename(ddl->selection, entry->from_db, entry->db, &options, &renamed, error) &&
            ddl_create_collection(ddl, entry->db, entry->coll, &renamed, error);
  bson_destroy(&options);
  bson_destroy(&renamed);
  return ok;
}

static bool
ddl_create(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  const struct mapped_collection *there =
    entry->has_uuid ? collection_map_find_uuid(ddl->collection_map, entry->uuid) : NULL;
  there = there ? NULL : collection_map_find(ddl->collection_map, entry->db, entry->coll);
  if (there && ddl_share_name(ddl, entry, there, entry->from_db, entry->from_coll)) {
    return ddl_refuse_shared_name(there, entry->from_db, entry->from_coll, error);
  }
  if (ddl_find(ddl, entry) || ddl_is_gone(ddl, entry)) {
    return true;
  }
  if (!create_as_logged(ddl, entry, error)) {
    return false;
  }
  struct mapped_collection *mapped = collection_map_add(ddl->collection_map, entry->db, entry->coll);
  collection_map_set_source(ddl->collection_map, mapped, entry->from_db, entry->from_coll);
  mapped->capped = (bson_iter_init_find(&iter, &entry->o, "capped") && bson_iter_as_bool(&iter)) ||
                   (bson_has_field(&entry->o, "timeseries") && !series_of(entry->coll));
  mapped->collated = bson_has_field(&entry->o, "collation");
  mapped->no_id_index = bson_iter_init_find(&iter, &entry->o, "autoIndexId") && !bson_iter_as_bool(&iter);
  mapped->since = entry->ts;
  if (entry->has_uuid) {
    collection_map_set_uuid(ddl->collection_map, mapped, entry->uuid);
  }
  return true;
}

bool
ddl_create_index(struct ddl *ddl, const char *db, const char *coll, const bson_t *spec, struct error *error)
{
  struct schema_index index;
  bool ok = true;
  if (ddl->no_indexes) {
    return true;
  }
  struct mapped_collection *mapped =
    collection_map_add(ddl->collection_map, db, coll); /* the command makes a collection that is missing */
  enum schema_index_kind kind = schema_index(spec, mapped->collated, &index);
  bool wait = kind == SCHEMA_INDEX_UNIQUE && ddl->lenient;
  if (kind != SCHEMA_INDEX_ID) {
    if (index.notes[0]) {
      log_warn("index ns=%s name=%s: %s", log_value("%s.%s", db, coll), log_value("%s", schema_index_name(spec)),
               index.notes);
    }
    ok = wait || schema_create_index(ddl->target, db, coll, &index.spec, error);
    bool refused = !ok && schema_index_refused(error);
    if (refused && ddl->lenient) { /* by documents that are ahead of it: what holds at the consistency point decides */
      wait = ok = true;
      refused = false;
    }
    if (refused) {
      struct error why = *error;
      ok = ddl->refuse(ddl->context, db, coll, schema_index_name(spec), &why, error);
    }
    if (ok && !refused && (wait || kind == SCHEMA_INDEX_UNIQUE || index.ttl_s >= 0)) {
      deferred_add(ddl->deferred, db, coll, &index.spec, wait, index.ttl_s);
    }
  }
  bson_destroy(&index.spec);
  return ok;
}

/* Either one specification in the command itself (3.6 on), or an array of them. */
static bool
ddl_create_indexes(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t item;
  const struct mapped_collection *mapped = ddl_find(ddl, entry);
  const char *db = mapped ? mapped->db : entry->db;
  const char *coll = mapped ? mapped->coll : entry->coll;
  if (ddl_is_gone(ddl, entry)) {
    return true;
  }
  if (!bson_iter_init_find(&iter, &entry->o, "indexes") || !bson_iter_recurse(&iter, &item)) {
    bson_t spec = BSON_INITIALIZER;
    bson_copy_to_excluding_noinit(&entry->o, &spec, "createIndexes", NULL);
    bool ok = ddl_create_index(ddl, db, coll, &spec, error);
    bson_destroy(&spec);
    return ok;
  }
  bool ok = true;
  while (ok && bson_iter_next(&item)) {
    bson_t spec;
    if (BSON_ITER_HOLDS_DOCUMENT(&item)) {
      ok = message_item(&item, &spec) && ddl_create_index(ddl, db, coll, &spec, error);
    }
  }
  return ok;
}

void
ddl_copy_again(struct ddl *ddl, struct mapped_collection *mapped)
{
  collection_map_changed(ddl->collection_map, mapped);
  mapped->lost = true;
  ddl->collection_map->relapse = true;
}

void
ddl_expires_later(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped)
{
  if (entry->ts <= mapped->expired) {
    log_warn("ns=%s expires later from ts=%u.%u on, when the target's own expiry was awake: it is copied again",
             log_value("%s", mapped->ns), OPTIME_SECONDS(entry->ts), OPTIME_INCREMENT(entry->ts));
    ddl_copy_again(ddl, mapped);
  }
}

static bool
expires_by(const struct ddl *ddl, const struct mapped_collection *mapped, const char *name)
{
  const struct deferred_list *deferred_list = deferred_of(ddl->deferred, mapped->db, mapped->coll);
  for (size_t i = 0; deferred_list && i < deferred_list->count; i++) {
    const struct deferred_index *deferred_index = &deferred_list->items[i];
    if (deferred_index->name[0] && deferred_index->ttl_s >= 0 &&
        (strcmp(name, "*") == 0 || strcmp(name, deferred_index->name) == 0)) {
      return true;
    }
  }
  return false;
}

static bool
drop_index_of_name(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped, const char *name,
                   struct error *error)
{
  if (expires_by(ddl, mapped, name)) {
    ddl_expires_later(ddl, entry, mapped);
  }
  if (strcmp(name, "*") == 0) {
    deferred_remove_indexes(ddl->deferred, mapped->db, mapped->coll);
  } else {
    deferred_remove(ddl->deferred, mapped->db, mapped->coll, name);
  }
  return schema_drop_index(ddl->target, mapped->db, mapped->coll, name, error);
}

static bool
drop_index(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped, const bson_iter_t *index,
           struct error *error)
{
  struct schema_index_ref ref = {.key = index};
  bson_t spec;
  if (BSON_ITER_HOLDS_UTF8(index)) {
    return drop_index_of_name(ddl, entry, mapped, bson_iter_utf8(index, NULL), error);
  }
  const struct deferred_index *deferred_index = collmod_deferred_index(ddl, mapped, &ref);
  int found = 1;
  if (deferred_index) {
    bson_copy_to(deferred_index->spec, &spec);
  } else {
    found = schema_find_index(ddl->target, mapped->db, mapped->coll, &ref, &spec, error);
  }
  if (found != 1) {
    return found == 0;
  }
  bool ok = drop_index_of_name(ddl, entry, mapped, schema_index_name(&spec), error);
  bson_destroy(&spec);
  return ok;
}

/* By name ("*" is all), by key, or as an array of names (4.2 on, though it logs them one by one). */
static bool
ddl_drop_indexes(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  bson_iter_t index;
  bson_iter_t item;
  bool ok = true;
  struct mapped_collection *mapped = ddl_find(ddl, entry);
  if (!mapped || ddl->no_indexes) {
    return true;
  }
  if (!bson_iter_init_find(&index, &entry->o, "index") ||
      !(BSON_ITER_HOLDS_UTF8(&index) || BSON_ITER_HOLDS_DOCUMENT(&index) || BSON_ITER_HOLDS_ARRAY(&index))) {
    return ddl_misfit(entry, "names no index", error);
  }
  if (!BSON_ITER_HOLDS_ARRAY(&index)) {
    return drop_index(ddl, entry, mapped, &index, error);
  }
  for (bson_iter_recurse(&index, &item); ok && bson_iter_next(&item);) {
    ok = BSON_ITER_HOLDS_UTF8(&item) ? drop_index(ddl, entry, mapped, &item, error)
                                     : ddl_misfit(entry, "names no index", error);
  }
  return ok;
}

bool
ddl_drop_names(struct ddl *ddl, const char *db, const char *coll, struct error *error)
{
  const char *name = ddl_command_name(coll);
  return schema_drop(ddl->target, db, name, error) && (name == coll || schema_drop(ddl->target, db, coll, error));
}

bool
ddl_drop_mapped(struct ddl *ddl, struct mapped_collection *mapped, struct error *error)
{
  const char *name = ddl_command_name(mapped->coll);
  if (!ddl_drop_names(ddl, mapped->db, mapped->coll, error)) {
    return false;
  }
  deferred_remove(ddl->deferred, mapped->db, mapped->coll, NULL);
  deferred_remove(ddl->deferred, mapped->db, name, NULL);
  bool ok = ddl->follow_name(ddl->context, mapped->ns, NULL, NULL, error);
  collection_map_remove(ddl->collection_map, mapped);
  return ok;
}

static bool
ddl_drop(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct mapped_collection *mapped = ddl_find(ddl, entry);
  if (!mapped && !collection_map_find(ddl->collection_map, entry->db, entry->coll)) {
    deferred_remove(ddl->deferred, entry->db, entry->coll, NULL);
  }
  return !mapped || ddl_drop_mapped(ddl, mapped, error);
}

/* This collection has all views of a database. Whoever drops it drops them, without an entry for each. */
static bool
drop_views(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct mapped_collection *mapped;
  struct mapped_collection *next;
  bool ok = true;
  HASH_ITER (by_ns, ddl->collection_map->by_ns, mapped, next) {
    if (ok && mapped->view && strcmp(mapped->from_db, entry->db) == 0) {
      log_info("ddl drop ns=%s ts=%u.%u, with all views of its database", log_value("%s", mapped->ns),
               OPTIME_SECONDS(entry->ts), OPTIME_INCREMENT(entry->ts));
      ok = ddl_drop_mapped(ddl, mapped, error);
    }
  }
  return ok;
}

/* With --nsTo a database's collections may be in several databases of the target, beside others. */
static bool
ddl_drop_database(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct mapped_collection *mapped;
  struct mapped_collection *next;
  bool ok = true;
  bool any = false; /* a database that is not migrated may be somebody's on the target */
  HASH_ITER (by_ns, ddl->collection_map->by_ns, mapped, next) {
    if (ok && strcmp(mapped->from_db, entry->db) == 0) {
      any = true;
      ok = ddl_drop_mapped(ddl, mapped, error);
    }
  }
  if (ok && any && !selection_renames(ddl->selection)) { /* what is left are system collections */
    bson_t *command = BCON_NEW("dropDatabase", BCON_INT32(1));
    ok = schema_command(ddl->target, entry->db, command, error);
    bson_destroy(command);
    deferred_remove_database(ddl->deferred, entry->db);
  }
  return ok;
}

bool
ddl_split_namespace(const bson_t *o, const char *field, char db[SELECTION_DB_SIZE], char coll[SELECTION_COLL_SIZE])
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, o, field) || !BSON_ITER_HOLDS_UTF8(&iter)) {
    return false;
  }
  uint32_t length = 0;
  const char *ns = bson_iter_utf8(&iter, &length);
  const char *dot = strchr(ns, '.');
  if (!dot || strlen(ns) != length || dot - ns >= SELECTION_DB_SIZE || strlen(dot + 1) >= SELECTION_COLL_SIZE) {
    return false;
  }
  snprintf(db, SELECTION_DB_SIZE, "%.*s", (int)(dot - ns), ns);
  snprintf(coll, SELECTION_COLL_SIZE, "%s", dot + 1);
  return true;
}

bool
ddl_name_on_target(struct ddl *ddl, char *db, char *coll, struct error *error)
{
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  if (!selection_rename(ddl->selection, db, coll, to_db, to_coll, error)) {
    return false;
  }
  memcpy(db, to_db, sizeof to_db);
  memcpy(coll, to_coll, sizeof to_coll);
  return true;
}

/*
 * Up to 3.4. What stays in a capped collection depends on the documents' natural order, and the target has another
 * one. So the collection is read from the source again at the next consistency point. It loses all indexes but _id's.
 * Until then it may get what they would refuse.
 */
static bool
ddl_convert(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct mapped_collection *mapped = ddl_find(ddl, entry);
  if (!mapped || entry->ts <= mapped->start) { /* it was read after that */
    return true;
  }
  bson_t *command = BCON_NEW("dropIndexes", BCON_UTF8(mapped->coll), "index", BCON_UTF8("*"));
  bool ok = schema_command(ddl->target, mapped->db, command, error);
  bson_destroy(command);
  if (!ok && error->code != CODE_NAMESPACE_NOT_FOUND) {
    return error_wrap(error, "cannot drop the indexes of %s, which became capped", mapped->ns);
  }
  deferred_remove(ddl->deferred, mapped->db, mapped->coll, NULL);
  mapped->capped = true;
  ddl_copy_again(ddl, mapped);
  return true;
}

static bool
is_collection(const void *context, const char *db, const char *coll)
{
  const struct mapped_collection *mapped = context;
  return strcmp(mapped->db, db) == 0 && strcmp(mapped->coll, coll) == 0;
}

/* As the target has it now, without its documents. */
static bool
make_empty(struct ddl *ddl, const struct mapped_collection *mapped, const struct collection *found, struct error *error)
{
  bson_iter_t iter;
  uuid_put(found->options, mapped->has_uuid ? mapped->uuid : NULL);
  bool ok = schema_drop(ddl->target, mapped->db, mapped->coll, error) &&
            ddl_create_collection(ddl, mapped->db, mapped->coll, found->options, error);
  for (bson_iter_init(&iter, found->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (!message_item(&iter, &spec)) {
      continue;
    }
    if (schema_index(&spec, mapped->collated, &index) != SCHEMA_INDEX_ID) {
      ok = schema_create_index(ddl->target, mapped->db, mapped->coll, &index.spec, error);
    }
    bson_destroy(&index.spec);
  }
  return ok;
}

/* A command of test servers, which most targets do not have. */
static bool
ddl_empty(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct mapped_collection *mapped = ddl_find(ddl, entry);
  struct catalog catalog;
  struct reader view = reader_view(ddl->target); /* read through the catalog's eyes */
  if (!mapped) {
    return true;
  }
  if (!catalog_read(&catalog, &view, is_collection, mapped, error)) {
    return false;
  }
  bool ok = catalog.count != 1 || make_empty(ddl, mapped, &catalog.collections[0], error);
  catalog_clear(&catalog);
  return ok;
}

/* A collection that came as files (5.0 on), which only the source has. */
static bool
ddl_import(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  char from_db[SELECTION_DB_SIZE];
  char from_coll[SELECTION_COLL_SIZE];
  char db[SELECTION_DB_SIZE];
  char coll[SELECTION_COLL_SIZE];
  bson_t nothing = BSON_INITIALIZER;
  bson_iter_t dry_run;
  if (!ddl_split_namespace(&entry->o, entry->command, from_db, from_coll)) {
    return ddl_misfit(entry, "names no collection", error);
  }
  if ((bson_iter_init_find(&dry_run, &entry->o, "dryRun") && bson_iter_as_bool(&dry_run)) ||
      !selection_wants(ddl->selection, from_db, from_coll)) {
    return true;
  }
  memcpy(db, from_db, sizeof db);
  memcpy(coll, from_coll, sizeof coll);
  if (!ddl_name_on_target(ddl, db, coll, error)) {
    return false;
  }
  if (collection_map_find(ddl->collection_map, db, coll)) { /* lenient: the copy found it; strict: repeated */
    return true;
  }
  if (!schema_create(ddl->target, db, coll, &nothing, error)) {
    return false;
  }
  struct mapped_collection *mapped = collection_map_add(ddl->collection_map, db, coll);
  collection_map_set_source(ddl->collection_map, mapped, from_db, from_coll);
  mapped->since = entry->ts;
  ddl_copy_again(ddl, mapped);
  return true;
}

/*
 * Removes documents by their position on the source's disk (8.2 on; as far as is known only in the server's own
 * collections).
 */
static bool
ddl_truncate(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct mapped_collection *mapped = ddl_find(ddl, entry);
  (void)error;
  if (mapped) {
    ddl_copy_again(ddl, mapped);
  }
  return true;
}

static bool
ddl_change_time_series(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  (void)ddl;
  return ddl_misfit(entry,
                    "changes how the source keeps its time series, and cannot be replayed: when the source's change of "
                    "its feature compatibility version is done, start again with --forceDump --drop",
                    error);
}

/* What the copy's catalog shows of these is not repeated. */
static bool
changes_names(const struct entry *entry)
{
  static const char *const commands[] = {"create", "drop", "dropDatabase", "renameCollection", "importCollection"};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(entry->command, commands[i]) == 0) {
      return true;
    }
  }
  return false;
}

static bool
is_views_drop(const struct entry *entry)
{
  return strcmp(entry->command, "drop") == 0 && strcmp(entry->coll, "system.views") == 0;
}

/* A rename names whole namespaces, perhaps in another database; dropDatabase names no collection. */
static void
log_command(const struct entry *entry)
{
  unsigned seconds = OPTIME_SECONDS(entry->ts);
  unsigned increment = OPTIME_INCREMENT(entry->ts);
  if (strcmp(entry->command, "renameCollection") == 0) {
    log_info("ddl renameCollection ns=%s to=%s ts=%u.%u",
             log_value("%s", message_text_or_none(&entry->o, "renameCollection")),
             log_value("%s", message_text_or_none(&entry->o, "to")), seconds, increment);
  } else {
    log_info("ddl %s ns=%s ts=%u.%u", entry->command,
             log_value("%s%s%s", entry->db, entry->coll[0] ? "." : "", entry->coll), seconds, increment);
  }
}

bool
ddl_apply(struct ddl *ddl, struct entry *entry, struct error *error)
{
  static const struct { /* what changes nothing is not here, but in entry.c */
    const char *name;
    bool (*run)(struct ddl *ddl, const struct entry *entry, struct error *error);
    bool by_name; /* it names a collection, which has to be selected */
  } commands[] = {
    {"create", ddl_create, true},
    {"createIndexes", ddl_create_indexes, true},
    {"commitIndexBuild", ddl_create_indexes, true},
    {"drop", ddl_drop, true},
    {"dropDatabase", ddl_drop_database, false},
    {"dropIndexes", ddl_drop_indexes, true},
    {"dropIndex", ddl_drop_indexes, true},
    {"deleteIndexes", ddl_drop_indexes, true},
    {"deleteIndex", ddl_drop_indexes, true},
    {"renameCollection", rename_apply, false},
    {"collMod", collmod_apply, true},
    {"convertToCapped", ddl_convert, true},
    {"emptycapped", ddl_empty, true},
    {"importCollection", ddl_import, false},
    {"truncateRange", ddl_truncate, true},
    {"upgradeDowngradeViewlessTimeseries", ddl_change_time_series, true},
  };
  if (catalog_is_internal(entry->db, "") && strcmp(entry->command, "renameCollection") != 0) {
    return true;
  }
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(entry->command, commands[i].name) == 0) {
      if (changes_names(entry) && listed_has(ddl->listed, entry->db, entry->ts)) {
        return true;
      }
      if (is_views_drop(entry)) {
        return drop_views(ddl, entry, error);
      }
      if (commands[i].by_name && !selection_wants(ddl->selection, entry->db, entry->coll)) {
        return true;
      }
      if (commands[i].by_name && !entry_rename(entry, ddl->selection, error)) {
        return false;
      }
      if (commands[i].by_name && ddl_was_gone(ddl, entry)) {
        return true;
      }
      log_command(entry);
      fault_point("ddl-before");
      bool ok = commands[i].run(ddl, entry, error);
      fault_point("ddl-after");
      return ok;
    }
  }
  return ddl_misfit(entry, "is a command that this version does not know: a later one of mongoferry may", error);
}

/* The view over buckets comes and goes with them. */
static bool
is_time_series(struct ddl *ddl, const struct entry *entry, const char *db, const char *coll)
{
  bson_iter_t iter;
  if (entry->write != APPLY_DELETE) {
    return bson_iter_init_find(&iter, &entry->o, "viewOn") && BSON_ITER_HOLDS_UTF8(&iter) &&
           series_of(bson_iter_utf8(&iter, NULL));
  }
  char *buckets = memory_format("system.buckets.%s", coll);
  bool known = collection_map_find(ddl->collection_map, db, buckets) != NULL;
  free(buckets);
  return known;
}

/* `_id` of a system.views document is the view's namespace. */
static bool
apply_view(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  char db[SELECTION_DB_SIZE];
  char coll[SELECTION_COLL_SIZE];
  char from_db[SELECTION_DB_SIZE];
  char from_coll[SELECTION_COLL_SIZE];
  bson_t definition = BSON_INITIALIZER;
  bson_t options;
  if (!ddl_split_namespace(&entry->id, "_id", db, coll) || !selection_wants(ddl->selection, db, coll)) {
    bson_destroy(&definition);
    return true;
  }
  if (listed_has(ddl->listed, db, entry->ts)) {
    bson_destroy(&definition);
    return true;
  }
  memcpy(from_db, db, sizeof db);
  memcpy(from_coll, coll, sizeof coll);
  bool ok = ddl_name_on_target(ddl, db, coll, error);
  if (ok && is_time_series(ddl, entry, db, coll)) {
    bson_destroy(&definition);
    return true;
  }
  ok = ok && schema_drop(ddl->target, db, coll, error);
  struct mapped_collection *mapped = ok ? collection_map_find(ddl->collection_map, db, coll) : NULL;
  if (mapped) { /* so that a collection of this name is made anew */
    collection_map_remove(ddl->collection_map, mapped);
  }
  if (ok && entry->write != APPLY_DELETE) {
    bson_copy_to_excluding_noinit(&entry->o, &definition, "_id", NULL);
    ok = view_rename(ddl->selection, from_db, db, &definition, &options, error) &&
         ddl_create_collection(ddl, db, coll, &options, error);
    bson_destroy(&options);
    mapped = collection_map_add(ddl->collection_map, db, coll);
    collection_map_set_source(ddl->collection_map, mapped, from_db, from_coll);
    mapped->view = true;
  }
  bson_destroy(&definition);
  return ok;
}

bool
ddl_apply_write(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  char db[SELECTION_DB_SIZE];
  char coll[SELECTION_COLL_SIZE];
  if (strcmp(entry->coll, "system.views") == 0) {
    return apply_view(ddl, entry, error);
  }
  if (strcmp(entry->coll, "system.indexes") == 0 && ddl_split_namespace(&entry->o, "ns", db, coll) &&
      selection_wants(ddl->selection, db, coll)) {
    bson_t spec;
    schema_index_logged(&entry->o, ddl->source_version, &spec);
    bool ok = ddl_name_on_target(ddl, db, coll, error) && ddl_create_index(ddl, db, coll, &spec, error);
    bson_destroy(&spec);
    return ok;
  }
  return true;
}
