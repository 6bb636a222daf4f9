#include "coordinator/check/inventory.h"

#include <stdlib.h>

#include "base/memory.h"
#include "server/parallel.h"
#include "server/series.h"
#include "source/catalog/listing.h"
#include "source/catalog/target_name.h"
#include "source/catalog/unfinished_builds.h"
#include "target/definition/definition.h"
#include "target/definition/naming.h"
#include "target/definition/uuid.h"

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
        "the databases %s and %s of the target would differ only by case, which no server takes; change --nsTo", clash,
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

static void
add_name_problem(const struct collection *collection, const struct error *error, struct findings *findings)
{
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  findings_add_error(findings, TOPIC_NAMESPACES, ns, error);
  free(ns);
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

void
inventory_check_names(const struct selection *selection, int target_version, const struct catalog *catalog,
                      struct findings *findings)
{
  struct error error;
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    if (!naming_check(collection->to_db, collection->to_name, target_version, &error)) {
      add_name_problem(collection, &error, findings);
    }
  }
  check_targets(catalog, findings);
  check_patterns(selection, findings);
}

/* One that gets no name on the target keeps its own. */
static void
name_all(const struct selection *selection, struct catalog *catalog, struct findings *findings)
{
  struct error error;
  for (size_t i = 0; i < catalog->count; i++) {
    if (!target_name_set(selection, &catalog->collections[i], &error)) {
      add_name_problem(&catalog->collections[i], &error, findings);
    }
  }
}

/* The options become the target's; what that changes is said before anything is done. */
static void
translate_options(const struct servers *servers, bool keep_uuids, struct catalog *catalog, struct findings *findings)
{
  for (size_t i = 0; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    struct definition definition;
    if (series_of(collection->name)) {
      continue; /* made with the time series itself */
    }
    definition_make(collection->options, servers->reader.moves, server_version(&servers->target_hello), &definition);
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
  struct servers *servers;
  struct catalog *catalog;
  bool (*ask)(struct collection *collection, struct reader *reader, struct error *error);
};

static bool
ask_one(void *context, size_t number, struct server *server, struct error *error)
{
  const struct survey *survey = context;
  struct reader reader = survey->servers->reader; /* what it knows of the server, with this thread's connection */
  reader.server = *server;
  return survey->ask(&survey->catalog->collections[number], &reader, error);
}

static bool
ask_all(struct servers *servers, struct catalog *catalog,
        bool (*ask)(struct collection *, struct reader *, struct error *), struct error *error)
{
  struct survey survey = {servers, catalog, ask};
  struct parallel parallel = {.kind = ERROR_SOURCE,
                              .uri = servers->source_uri,
                              .threads = PARALLEL_MOST,
                              .work = ask_one,
                              .context = &survey,
                              .own = &servers->reader.server};
  return parallel_run(&parallel, catalog->count, error);
}

static bool
list_indexes(struct servers *servers, struct catalog *catalog, struct error *error)
{
  struct unfinished_builds_watch watch;
  unfinished_builds_begin(&watch, &servers->reader);
  return ask_all(servers, catalog, catalog_list_indexes, error) &&
         (unfinished_builds_none(&watch, &servers->reader) ||
          ask_all(servers, catalog, unfinished_builds_leave_out, error));
}

static bool
list_source(struct servers *servers, const struct options *options, const struct selection *selection,
            struct catalog *catalog, struct error *error)
{
  if (!listing_read(catalog, &servers->reader, servers->start.ts, selection_wants, selection, error) ||
      !list_indexes(servers, catalog, error)) {
    return false;
  }
  bool sizes = options->coll_stats_threshold < 0 || (int64_t)catalog->count <= options->coll_stats_threshold;
  return !sizes || ask_all(servers, catalog, catalog_read_size, error);
}

void
inventory_choose_start(struct servers *servers, struct findings *findings)
{
  struct error error;
  if (!oplog_start(&servers->reader, &servers->start, &error)) {
    findings_add_error(findings, TOPIC_OPLOG, "source", &error);
  }
}

bool
inventory_read(struct servers *servers, const struct options *options, const struct selection *selection,
               struct catalog *catalog, struct findings *findings)
{
  struct error error;
  if (!list_source(servers, options, selection, catalog, &error)) {
    findings_add_error(findings, TOPIC_NAMESPACES, "source", &error);
    return false;
  }
  name_all(selection, catalog, findings);
  inventory_check_names(selection, server_version(&servers->target_hello), catalog, findings);
  translate_options(servers, options->preserve_uuids, catalog, findings);
  return true;
}
