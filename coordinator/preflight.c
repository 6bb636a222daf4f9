#include "coordinator/preflight.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "coordinator/known.h"
#include "ipc/message.h"
#include "server/crew.h"
#include "source/view.h"
#include "target/schema.h"

#define WIRE_3_6 6

static bool
check_pair(const struct preflight *preflight, struct error *error)
{
  const struct server_hello *source = &preflight->source_hello;
  const struct server_hello *target = &preflight->target_hello;
  if (source->mongos) {
    return error_set(error, ERROR_REFUSED, "the source is a mongos; name a replica set's members instead");
  }
  if (!source->set_name[0]) {
    return error_set(
      error, ERROR_REFUSED,
      "the source is a standalone and has no oplog; restart it with --replSet and run rs.initiate() first");
  }
  if (source->wire_version < WIRE_3_6 || target->wire_version < WIRE_3_6) {
    return error_set(error, ERROR_REFUSED, "source %s, target %s: this version migrates from 3.6 on", source->version,
                     target->version);
  }
  for (int i = 0; i < 2; i++) {
    int older = source->version_number[i] - target->version_number[i];
    if (older > 0) {
      return error_set(error, ERROR_REFUSED, "the target (%s) is older than the source (%s); upgrade the target",
                       target->version, source->version);
    }
    if (older < 0) {
      break;
    }
  }
  if (source->primary[0] && strcmp(source->primary, target->primary) == 0) {
    return error_set(error, ERROR_REFUSED, "source and target are the same server, %s", source->primary);
  }
  return true;
}

bool
preflight_open(struct preflight *preflight, const char *source_uri, const char *target_uri, struct error *error)
{
  *preflight = (struct preflight){.source_uri = source_uri, .target_uri = target_uri};
  bool ok = reader_open(&preflight->reader, source_uri, false, error) &&
            server_ask_hello(&preflight->reader.server, true, &preflight->source_hello, error) &&
            server_open(&preflight->target, ERROR_TARGET, target_uri, false, error) &&
            server_ask_hello(&preflight->target, true, &preflight->target_hello, error) && check_pair(preflight, error);
  if (!ok) {
    preflight_close(preflight);
  }
  return ok;
}

void
preflight_close(struct preflight *preflight)
{
  reader_close(&preflight->reader);
  server_close(&preflight->target);
}

bool
preflight_clear_target(struct preflight *preflight, bool drop, struct error *error)
{
  int64_t count = 0;
  char first[512] = "";
  if (!schema_user_collections(&preflight->target, &count, first, sizeof first, error)) {
    return false;
  }
  if (count > 0 && !drop) {
    return error_set(error, ERROR_REFUSED,
                     "the target is not empty (%lld collections, %s among them); start with --drop to drop them all",
                     (long long)count, first);
  }
  return count == 0 || schema_drop_user_collections(&preflight->target, error);
}

static bool
record_start(const struct optime *start, struct checkpoint *checkpoint, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  optime_put(&document, start);
  bool ok = checkpoint_put(checkpoint, "start", &document, error);
  bson_destroy(&document);
  log_info("start ts=%u.%u", OPTIME_SECONDS(start->ts), OPTIME_INCREMENT(start->ts));
  return ok;
}

/* What this version would not bring over whole is refused before anything is changed. */
static bool
check_kinds(const struct catalog *catalog, struct error *error)
{
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    if (bson_has_field(collection->options, "timeseries")) {
      return error_set(error, ERROR_REFUSED,
                       "%s.%s is a time series collection, which this version does not migrate; choose the others with "
                       "--includeDB and --includeNamespace",
                       collection->db, collection->name);
    }
  }
  return true;
}

static int
compare_targets(const void *left, const void *right)
{
  const struct collection *a = *(const struct collection *const *)left;
  const struct collection *b = *(const struct collection *const *)right;
  int db = strcmp(a->to_db, b->to_db);
  return db ? db : strcmp(a->to_name, b->to_name);
}

/* No two collections may arrive under one name. */
static bool
check_targets(const struct catalog *catalog, struct error *error)
{
  bool ok = true;
  const struct collection **sorted = memory_new(catalog->count * sizeof *sorted);
  for (size_t i = 0; i < catalog->count; i++) {
    sorted[i] = &catalog->collections[i];
  }
  qsort(sorted, catalog->count, sizeof *sorted, compare_targets);
  for (size_t i = 1; ok && i < catalog->count; i++) {
    if (compare_targets(&sorted[i - 1], &sorted[i]) == 0) {
      ok = error_set(error, ERROR_REFUSED, "%s.%s and %s.%s would both become %s.%s; change --nsTo", sorted[i - 1]->db,
                     sorted[i - 1]->name, sorted[i]->db, sorted[i]->name, sorted[i]->to_db, sorted[i]->to_name);
    }
  }
  free(sorted);
  return ok;
}

/* Names on the target. A view goes where what it reads goes. */
static bool
name_targets(const struct selection *selection, struct catalog *catalog, struct error *error)
{
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  for (size_t i = 0; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    bson_t options;
    if (!selection_rename(selection, collection->db, collection->name, to_db, to_coll, error)) {
      return false;
    }
    catalog_rename(collection, to_db, to_coll);
    if (collection->view) {
      if (!view_rename(selection, collection->db, to_db, collection->options, &options, error)) {
        return error_wrap(error, "the view %s.%s", collection->db, collection->name);
      }
      bson_destroy(collection->options);
      collection->options = bson_copy(&options);
      bson_destroy(&options);
    }
  }
  return check_targets(catalog, error);
}

/* Every pattern was asked about every namespace by now. */
static bool
check_patterns(const struct selection *selection, struct error *error)
{
  const char *option = NULL;
  const char *text = NULL;
  return !selection_unused(selection, &option, &text) ||
         error_set(error, ERROR_REFUSED, "--%s %s matches nothing on the source", option, text);
}

/* What is asked or made for each collection, by several connections. */
struct survey {
  struct preflight *preflight;
  struct catalog *catalog;
  bool (*ask)(struct collection *collection, struct reader *reader, struct error *error);
  bool ttl; /* make the TTL indexes at once */
};

static bool
ask_one(void *context, size_t number, struct server *server, struct error *error)
{
  const struct survey *survey = context;
  struct reader reader = survey->preflight->reader; /* what it knows of the server, with this thread's connection */
  reader.server = *server;
  return survey->ask(&survey->catalog->collections[number], &reader, error);
}

static bool
ask_all(struct preflight *preflight, struct catalog *catalog,
        bool (*ask)(struct collection *, struct reader *, struct error *), struct error *error)
{
  struct survey survey = {preflight, catalog, ask, false};
  struct crew crew = {
    .kind = ERROR_SOURCE, .uri = preflight->source_uri, .threads = CREW_MOST, .work = ask_one, .context = &survey};
  return crew_run(&crew, catalog->count, error);
}

/*
 * 4.2 to 5.0 make a sleeping TTL index in two steps, and between them it is awake for what is dated 1970 or earlier: so it is
 * made here, while the collection is empty.
 */
static bool
sleeps_in_two_steps(const struct server_hello *target)
{
  int version = target->version_number[0] * 100 + target->version_number[1];
  return version >= 402 && version <= 500;
}

static bool
create_ttl_indexes(struct server *target, const struct collection *collection, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  bool collated = bson_has_field(collection->options, "collation");
  for (bson_iter_init(&iter, collection->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (!message_item(&iter, &spec)) {
      continue;
    }
    if (schema_index(&spec, collated, &index) == SCHEMA_INDEX_PLAIN && index.ttl_s >= 0) {
      ok = schema_create_index(target, collection->to_db, collection->to_name, &index.spec, error);
    }
    bson_destroy(&index.spec);
  }
  return ok;
}

static bool
create_one(void *context, size_t number, struct server *target, struct error *error)
{
  const struct survey *survey = context;
  const struct collection *collection = &survey->catalog->collections[number];
  return collection->view ||
         (schema_create(target, collection->to_db, collection->to_name, collection->options, error) &&
          (!survey->ttl || create_ttl_indexes(target, collection, error)));
}

/* Views last: they read collections. */
static bool
create_all(struct preflight *preflight, struct catalog *catalog, bool indexes, struct error *error)
{
  struct survey survey = {preflight, catalog, NULL, indexes && sleeps_in_two_steps(&preflight->target_hello)};
  struct crew crew = {
    .kind = ERROR_TARGET, .uri = preflight->target_uri, .threads = CREW_MOST, .work = create_one, .context = &survey};
  bool ok = crew_run(&crew, catalog->count, error);
  for (size_t i = 0; ok && i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    ok = !collection->view ||
         schema_create(&preflight->target, collection->to_db, collection->to_name, collection->options, error);
  }
  return ok;
}

static void
put_sleeper(bson_t *list, uint32_t index, const bson_t *spec, bool unbuilt, int64_t ttl)
{
  bson_t item = BSON_INITIALIZER;
  BSON_APPEND_DOCUMENT(&item, "spec", spec);
  BSON_APPEND_BOOL(&item, "unbuilt", unbuilt);
  BSON_APPEND_INT64(&item, "ttl_s", ttl);
  message_put_item(list, index, &item);
  bson_destroy(&item);
}

static bool
keep_sleepers(struct checkpoint *checkpoint, const struct collection *collection, const bson_t *list,
              struct error *error)
{
  bson_t item = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&item, "db", collection->to_db);
  BSON_APPEND_UTF8(&item, "coll", collection->to_name);
  BSON_APPEND_ARRAY(&item, "indexes", list);
  bool ok = known_put(checkpoint, "sleeping", &item, error);
  bson_destroy(&item);
  return ok;
}

/* Unique ones wait for the consistency point; the workers build the others. */
static bool
plan_indexes(struct preflight *preflight, struct plan *plan, size_t number, struct checkpoint *checkpoint,
             struct error *error)
{
  const struct collection *collection = plan->collections[number].source;
  bson_t sleeping = BSON_INITIALIZER;
  uint32_t sleepers = 0;
  bson_iter_t iter;
  bool collated = bson_has_field(collection->options, "collation");
  for (bson_iter_init(&iter, collection->indexes); bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (!message_item(&iter, &spec)) {
      continue;
    }
    enum schema_index_kind kind = schema_index(&spec, collated, &index);
    if (kind != SCHEMA_INDEX_ID && index.notes[0]) {
      log_warn("index ns=%s.%s name=%s: %s", collection->db, collection->name, schema_index_name(&spec), index.notes);
    }
    bool made = index.ttl_s >= 0 && sleeps_in_two_steps(&preflight->target_hello);
    if (kind == SCHEMA_INDEX_PLAIN && !made) {
      plan_add_index(plan, number, &index.spec);
    }
    if (kind == SCHEMA_INDEX_UNIQUE || (kind == SCHEMA_INDEX_PLAIN && index.ttl_s >= 0)) {
      put_sleeper(&sleeping, sleepers++, &index.spec, kind == SCHEMA_INDEX_UNIQUE, index.ttl_s);
    }
    bson_destroy(&index.spec);
  }
  bool ok = sleepers == 0 || keep_sleepers(checkpoint, collection, &sleeping, error);
  bson_destroy(&sleeping);
  return ok;
}

static bool
split_all(struct preflight *preflight, const struct options *options, const struct catalog *catalog, struct plan *plan,
          struct checkpoint *checkpoint, struct error *error)
{
  for (size_t i = 0; i < catalog->count; i++) {
    struct split_points points;
    const struct collection *collection = &catalog->collections[i];
    if (!split_collection(&points, &preflight->reader, collection, options->range_mb << 20, error)) {
      return false;
    }
    if (points.count > 0) {
      log_info("split ns=%s.%s ranges=%zu by=%s", collection->db, collection->name, points.count + 1, points.method);
    }
    plan_set_points(plan, i, &points);
    if (!options->no_index_restore && !plan_indexes(preflight, plan, i, checkpoint, error)) {
      return false;
    }
  }
  plan_close(plan);
  return true;
}

bool
preflight_list(struct preflight *preflight, const struct selection *selection, struct catalog *catalog,
               struct error *error)
{
  return oplog_start(&preflight->reader, &preflight->start, error) &&
         catalog_list(catalog, &preflight->reader, selection_wants, selection, error) &&
         ask_all(preflight, catalog, catalog_read_indexes, error) && name_targets(selection, catalog, error) &&
         check_patterns(selection, error) && check_kinds(catalog, error);
}

bool
preflight_plan(struct preflight *preflight, const struct options *options, struct checkpoint *checkpoint,
               struct catalog *catalog, struct plan *plan, struct error *error)
{
  if (!checkpoint_reset(checkpoint, error) || !record_start(&preflight->start, checkpoint, error)) {
    return false;
  }
  bool sizes = options->coll_stats_threshold < 0 || (int64_t)catalog->count <= options->coll_stats_threshold;
  if ((sizes && !ask_all(preflight, catalog, catalog_read_size, error)) ||
      !create_all(preflight, catalog, !options->no_index_restore, error)) {
    return false;
  }
  plan_init(plan, catalog, options->collections_at_once);
  return checkpoint_begin(checkpoint, error) && split_all(preflight, options, catalog, plan, checkpoint, error) &&
         checkpoint_commit(checkpoint, error);
}
