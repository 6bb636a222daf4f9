#include "coordinator/check/preflight.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/prepare/create.h"
#include "coordinator/state/collection_state.h"
#include "ipc/message.h"
#include "server/parallel.h"
#include "server/probe.h"
#include "server/series.h"
#include "source/catalog/listing.h"
#include "source/catalog/view.h"
#include "source/reader/contact.h"
#include "source/reader/set.h"
#include "target/definition/definition.h"
#include "target/definition/naming.h"
#include "target/definition/schema.h"
#include "target/definition/uuid.h"

#define PROBES 5

/* Each reason why this pair cannot work. */
static void
check_pair(const struct preflight *preflight, struct findings *findings)
{
  const struct server_hello *source = &preflight->source_hello;
  const struct server_hello *target = &preflight->target_hello;
  if (source->mongos) {
    findings_refuse(findings, TOPIC_SERVERS, "source", "the source is a mongos; name a replica set's members instead");
  } else if (!source->set_name[0]) {
    findings_refuse(
      findings, TOPIC_SERVERS, "source",
      "the source is a standalone and has no oplog; restart it with --replSet and run rs.initiate() first");
  }
  if (source->wire_version < WIRE_2_6) {
    findings_refuse(findings, TOPIC_SERVERS, "source", "the source (%s) is older than 2.6; upgrade it to 2.6 first",
                    source->version);
  }
  if (target->wire_version < WIRE_3_6) {
    findings_refuse(findings, TOPIC_SERVERS, "target", "the target (%s) is older than 3.6; use a newer one",
                    target->version);
  }
  int older = source->version_number[0] - target->version_number[0];
  older = older ? older : source->version_number[1] - target->version_number[1];
  if (older > 0) {
    findings_refuse(findings, TOPIC_SERVERS, "target",
                    "the target (%s) is older than the source (%s); upgrade the target", target->version,
                    source->version);
  }
  if (source->primary[0] && strcmp(source->primary, target->primary) == 0) {
    findings_refuse(findings, TOPIC_SERVERS, "target", "source and target are the same server, %s", source->primary);
  }
}

static bool
open_source(struct preflight *preflight, const char *uri, struct error *error)
{
  if (!contact_check_files("source", uri, error)) {
    return false;
  }
  if (reader_open(&preflight->reader, uri, false, error) &&
      server_ask_hello(&preflight->reader.server, true, &preflight->source_hello, error)) {
    return true;
  }
  contact_explain("source", uri, error);
  return false;
}

static bool
open_target(struct preflight *preflight, const char *uri, struct error *error)
{
  if (!contact_check_files("target", uri, error)) {
    return false;
  }
  if (server_open(&preflight->target, ERROR_TARGET, uri, false, error) &&
      server_ask_hello(&preflight->target, true, &preflight->target_hello, error)) {
    return true;
  }
  contact_explain("target", uri, error);
  return false;
}

static void
warn_insecure(const char *side, const char *uri, struct findings *findings)
{
  if (contact_is_insecure(uri)) {
    findings_add(
      findings, FINDING_WARNING, TOPIC_SERVERS, side,
      "TLS to the %s without the check of its certificate: whoever is between may read and change everything", side);
  }
}

bool
preflight_open(struct preflight *preflight, const char *source_uri, const char *target_uri, struct findings *findings)
{
  struct error error;
  *preflight = (struct preflight){.source_uri = source_uri, .target_uri = target_uri};
  warn_insecure("source", source_uri, findings);
  warn_insecure("target", target_uri, findings);
  bool source = open_source(preflight, source_uri, &error);
  if (!source) {
    findings_add_error(findings, TOPIC_SERVERS, "source", &error);
  }
  bool target = open_target(preflight, target_uri, &error);
  if (!target) {
    findings_add_error(findings, TOPIC_SERVERS, "target", &error);
  }
  if (source) {
    preflight->has_source_id = set_ask_id(&preflight->reader, &preflight->source_id);
  }
  if (source && target) {
    check_pair(preflight, findings);
  }
  return source && target;
}

struct kept_identity
preflight_identity(const struct preflight *preflight, const bson_t *shape)
{
  return (struct kept_identity){&preflight->source_hello, &preflight->target_hello, shape,
                                preflight->has_source_id ? &preflight->source_id : NULL, &preflight->mark};
}

static double
usual_latency(struct server *server)
{
  double looks[PROBES];
  int count = 0;
  for (int i = 0; i < PROBES; i++) {
    struct error ignored;
    double ms;
    if (probe_latency(server, &ms, &ignored)) {
      int at = count++;
      for (; at > 0 && looks[at - 1] > ms; at--) {
        looks[at] = looks[at - 1];
      }
      looks[at] = ms;
    }
  }
  return count > 0 ? looks[count / 2] : -1;
}

struct load
preflight_load(struct preflight *preflight)
{
  bool denied = false;
  return (struct load){.source_ms = usual_latency(&preflight->reader.server),
                       .target_ms = usual_latency(&preflight->target),
                       .lag_s = probe_lag_s(&preflight->target, &denied)};
}

void
preflight_close(struct preflight *preflight)
{
  reader_close(&preflight->reader);
  server_close(&preflight->target);
}

void
preflight_check_target(struct preflight *preflight, bool drop, struct findings *findings)
{
  int64_t count = 0;
  char first[512] = "";
  struct error error;
  if (!schema_user_collections(&preflight->target, &count, first, sizeof first, &error)) {
    findings_add_error(findings, TOPIC_TARGET, "target", &error);
    return;
  }
  if (count > 0 && !drop) {
    findings_refuse(findings, TOPIC_TARGET, "target",
                    "the target is not empty (%lld collections, %s among them); start with --drop to drop them all",
                    (long long)count, first);
  } else if (count > 0) {
    findings_add(findings, FINDING_NOTE, TOPIC_TARGET, "target", "--drop drops its %lld collections, %s among them",
                 (long long)count, first);
  }
}

bool
preflight_clear_target(struct preflight *preflight, bool drop, struct error *error)
{
  return !drop || schema_drop_user_collections(&preflight->target, error);
}

static int
compare_databases(const void *left, const void *right)
{
  const struct collection *a = *(const struct collection *const *)left;
  const struct collection *b = *(const struct collection *const *)right;
  int order = strcasecmp(a->to_db, b->to_db);
  return order ? order : strcmp(a->to_db, b->to_db);
}

/* Servers refuse a database whose name differs by case only from one that they have. */
static void
check_cases(const struct collection **sorted, size_t count, struct findings *findings)
{
  static const char *const own[] = {"admin", "config", "local"};
  qsort(sorted, count, sizeof *sorted, compare_databases);
  for (size_t i = 0; i < count; i++) {
    const struct collection *found = sorted[i];
    const char *clash = i > 0 && naming_clashes(sorted[i - 1]->to_db, found->to_db) ? sorted[i - 1]->to_db : NULL;
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
      bool first = i == 0 || strcmp(sorted[i - 1]->to_db, found->to_db) != 0;
      clash = first && naming_clashes(own[k], found->to_db) ? own[k] : clash;
    }
    if (clash) {
      findings_refuse(
        findings, TOPIC_NAMESPACES, found->db,
        "the databases %s and %s of the target would differ by case only, which no server takes; change --nsTo", clash,
        found->to_db);
    }
  }
}

/* No two collections may arrive under one name. */
static void
check_targets(const struct catalog *catalog, struct findings *findings)
{
  const struct collection **sorted = memory_new(catalog->count * sizeof *sorted + 1);
  for (size_t i = 0; i < catalog->count; i++) {
    sorted[i] = &catalog->collections[i];
  }
  qsort(sorted, catalog->count, sizeof *sorted, catalog_compare_targets);
  for (size_t i = 1; i < catalog->count; i++) {
    const struct collection *left = sorted[i - 1];
    const struct collection *right = sorted[i];
    if (catalog_compare_targets(&sorted[i - 1], &sorted[i]) == 0) {
      char *ns = memory_format("%s.%s", right->db, right->name);
      findings_refuse(findings, TOPIC_NAMESPACES, ns, "%s.%s and %s would both become %s.%s; change --nsTo", left->db,
                      left->name, ns, right->to_db, right->to_name);
      free(ns);
    }
  }
  check_cases(sorted, catalog->count, findings);
  free(sorted);
}

/* A view goes where what it reads goes. */
static bool
name_target(const struct selection *selection, struct collection *collection, struct error *error)
{
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  bson_t options;
  if (!selection_rename(selection, collection->db, collection->name, to_db, to_coll, error)) {
    return false;
  }
  catalog_rename(collection, to_db, to_coll);
  if (!collection->view) {
    return true;
  }
  if (!view_rename(selection, collection->db, to_db, collection->options, &options, error)) {
    return error_wrap(error, "the view %s.%s", collection->db, collection->name);
  }
  bson_destroy(collection->options);
  collection->options = bson_copy(&options);
  bson_destroy(&options);
  return true;
}

static void
name_targets(const struct selection *selection, int version, struct catalog *catalog, struct findings *findings)
{
  struct error error;
  for (size_t i = 0; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    if (!name_target(selection, collection, &error) ||
        !naming_check(collection->to_db, collection->to_name, version, &error)) {
      char *ns = memory_format("%s.%s", collection->db, collection->name);
      findings_add_error(findings, TOPIC_NAMESPACES, ns, &error);
      free(ns);
    }
  }
  check_targets(catalog, findings);
}

/* Every pattern was asked about every namespace by now. */
static void
check_patterns(const struct selection *selection, struct findings *findings)
{
  for (int list = 0; list < NS_TO; list++) {
    for (size_t i = 0; i < selection->lists[list].count; i++) {
      const struct selection_item *item = &selection->lists[list].items[i];
      if (!item->used) {
        char *option = memory_format("--%s %s", selection_option(list), item->text);
        findings_refuse(findings, TOPIC_NAMESPACES, option, "%s matches nothing on the source", option);
        free(option);
      }
    }
  }
}

/* The options become the target's; what that changes is said before anything is done. */
static void
translate_options(const struct preflight *preflight, bool keep_uuids, struct catalog *catalog,
                  struct findings *findings)
{
  for (size_t i = 0; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    struct definition definition;
    if (series_of(collection->name)) {
      continue; /* made with the time series itself */
    }
    definition_make(collection->options, server_version(&preflight->target_hello), &definition);
    if (definition.notes[0]) {
      char *ns = memory_format("%s.%s", collection->db, collection->name);
      findings_add(findings, FINDING_WARNING, TOPIC_DEFINITIONS, ns, "options: %s", definition.notes);
      free(ns);
    }
    collection->ttl_s = definition.ttl_s;
    bson_destroy(collection->options);
    collection->options = bson_copy(&definition.options);
    if (keep_uuids && collection->has_uuid && !bson_has_field(collection->options, "timeseries")) {
      uuid_put(collection->options, collection->uuid);
    }
    bson_destroy(&definition.options);
  }
}

/* What is asked of each collection, by several connections. */
struct survey {
  struct preflight *preflight;
  struct catalog *catalog;
  bool (*ask)(struct collection *collection, struct reader *reader, struct error *error);
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
  struct survey survey = {preflight, catalog, ask};
  struct crew crew = {.kind = ERROR_SOURCE,
                      .uri = preflight->source_uri,
                      .threads = CREW_MOST,
                      .work = ask_one,
                      .context = &survey,
                      .own = &preflight->reader.server};
  return crew_run(&crew, catalog->count, error);
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

/* Unique ones wait for the consistency point; the workers build the others. Gives how many sleepers there are. */
static uint32_t
plan_indexes(struct preflight *preflight, struct plan *plan, size_t number, bson_t *sleeping)
{
  const struct collection *collection = plan->collections[number].source;
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
    bool made = index.ttl_s >= 0 && create_makes_ttl(&preflight->target_hello, collection);
    if (kind == SCHEMA_INDEX_PLAIN && !made) {
      plan_add_index(plan, number, &index.spec);
    }
    if (kind == SCHEMA_INDEX_UNIQUE || (kind == SCHEMA_INDEX_PLAIN && index.ttl_s >= 0)) {
      put_sleeper(sleeping, sleepers++, &index.spec, kind == SCHEMA_INDEX_UNIQUE, index.ttl_s);
    }
    bson_destroy(&index.spec);
  }
  return sleepers;
}

/* And the collection's own expiry sleeps. */
static bool
plan_sleepers(struct preflight *preflight, struct plan *plan, size_t number, bool indexes,
              struct checkpoint *checkpoint, struct error *error)
{
  const struct collection *collection = plan->collections[number].source;
  bson_t sleeping = BSON_INITIALIZER;
  bson_t nothing = BSON_INITIALIZER;
  uint32_t sleepers = indexes ? plan_indexes(preflight, plan, number, &sleeping) : 0;
  if (collection->ttl_s >= 0) {
    put_sleeper(&sleeping, sleepers++, &nothing, false, collection->ttl_s);
  }
  bool ok = sleepers == 0 || keep_sleepers(checkpoint, collection, &sleeping, error);
  bson_destroy(&sleeping);
  return ok;
}

static bool
split_all(struct preflight *preflight, const struct options *options, struct plan *plan, struct error *error)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    struct split_points points;
    const struct collection *collection = plan->collections[i].source;
    if (!split_collection(&points, &preflight->reader, collection, options->range_mb << 20, error)) {
      return false;
    }
    if (points.count > 0) {
      log_info("split ns=%s.%s ranges=%zu by=%s", collection->db, collection->name, points.count + 1, points.method);
    }
    plan_set_points(plan, i, &points);
  }
  return true;
}

static bool
list_source(struct preflight *preflight, const struct options *options, const struct selection *selection,
            struct catalog *catalog, struct error *error)
{
  if (!listing_read(catalog, &preflight->reader, preflight->start.ts, selection_wants, selection, error) ||
      !ask_all(preflight, catalog, catalog_read_indexes, error)) {
    return false;
  }
  bool sizes = options->coll_stats_threshold < 0 || (int64_t)catalog->count <= options->coll_stats_threshold;
  return !sizes || ask_all(preflight, catalog, catalog_read_size, error);
}

bool
preflight_list(struct preflight *preflight, const struct options *options, const struct selection *selection,
               struct catalog *catalog, struct findings *findings)
{
  struct error error;
  bool oplog = preflight->source_hello.set_name[0] != 0; /* the lack of one was refused before */
  if (oplog && !oplog_start(&preflight->reader, &preflight->start, &error)) {
    findings_add_error(findings, TOPIC_OPLOG, "source", &error);
  }
  if (!list_source(preflight, options, selection, catalog, &error)) {
    findings_add_error(findings, TOPIC_NAMESPACES, "source", &error);
    return false;
  }
  name_targets(selection, server_version(&preflight->target_hello), catalog, findings);
  check_patterns(selection, findings);
  translate_options(preflight, options->preserve_uuids, catalog, findings);
  return true;
}

/* Before the bookmark file speaks of the target: whoever goes on finds it there. */
static bool
make_mark(struct preflight *preflight, struct error *error)
{
  int made = mark_make(&preflight->target, &preflight->mark, error);
  if (made == 0) {
    log_warn("the target takes no mark of this migration in " MARK_DB "." MARK_COLL
             ": if it is restored from an older backup, or replaced, that may go unnoticed: %s",
             error->text);
  }
  fault_point("mark-made");
  return made >= 0;
}

static bool
keep_catalog(struct preflight *preflight, const struct kept_identity *identity, const struct catalog *catalog,
             struct checkpoint *checkpoint, struct error *error)
{
  bson_t start = BSON_INITIALIZER;
  optime_put(&start, &preflight->start);
  bool ok = make_mark(preflight, error) && kept_begin(checkpoint, &start, identity, catalog, error);
  bson_destroy(&start);
  log_info("start ts=%u.%u", OPTIME_SECONDS(preflight->start.ts), OPTIME_INCREMENT(preflight->start.ts));
  return ok;
}

/* From the catalog to a plan that is kept. */
static bool
make_plan(struct preflight *preflight, const struct options *options, struct checkpoint *checkpoint, struct plan *plan,
          struct error *error)
{
  bool ok = split_all(preflight, options, plan, error) && checkpoint_begin(checkpoint, error) &&
            kept_put_points(checkpoint, plan, error);
  for (size_t i = 0; ok && i < plan->collection_count; i++) {
    ok = plan_sleepers(preflight, plan, i, !options->no_index_restore, checkpoint, error);
  }
  ok = ok && checkpoint_commit(checkpoint, error);
  fault_point("plan-kept");
  return ok;
}

/* What an earlier run kept; what it put to sleep is kept, too. */
static bool
load_plan(struct preflight *preflight, const struct options *options, struct checkpoint *checkpoint, struct plan *plan,
          struct error *error)
{
  bool ok = kept_get_points(checkpoint, plan, error);
  for (size_t i = 0; ok && i < plan->collection_count && !options->no_index_restore; i++) {
    bson_t sleeping = BSON_INITIALIZER;
    plan_indexes(preflight, plan, i, &sleeping);
    bson_destroy(&sleeping);
  }
  return ok;
}

bool
preflight_plan(struct preflight *preflight, const struct options *options, const struct kept_identity *identity,
               enum kept_step step, struct checkpoint *checkpoint, struct catalog *catalog, struct plan *plan,
               struct error *error)
{
  bool ok = step == KEPT_NOTHING ? keep_catalog(preflight, identity, catalog, checkpoint, error)
                                 : kept_get_catalog(checkpoint, catalog, error);
  if (!ok || (step < KEPT_PLAN && !create_all(preflight, checkpoint, catalog, !options->no_index_restore, error))) {
    return false;
  }
  plan_init(plan, catalog, options->collections_at_once);
  ok = step < KEPT_PLAN ? make_plan(preflight, options, checkpoint, plan, error)
                        : load_plan(preflight, options, checkpoint, plan, error);
  if (!ok) {
    return false;
  }
  plan_close(plan);
  return step < KEPT_PLAN || kept_get_tasks(checkpoint, plan, error);
}
