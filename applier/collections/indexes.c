#include "applier/collections/indexes.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "server/parallel.h"
#include "target/definition/build_progress.h"
#include "target/definition/schema.h"

#define CONNECTIONS 4

/* Collections with something to do, for several connections at once. */
struct round {
  struct deferred_list **due;
  bool defer; /* for set_ttl */
};

static bool
is_unbuilt(const struct deferred_index *deferred_index)
{
  return deferred_index->unbuilt;
}

static bool
is_built_unique(const struct deferred_index *deferred_index)
{
  return !deferred_index->unbuilt && schema_index_unique(deferred_index->spec);
}

static bool
is_built_ttl(const struct deferred_index *deferred_index)
{
  return !deferred_index->unbuilt && deferred_index->ttl_s >= 0;
}

static bool
any_due(const struct deferred_list *deferred_list, bool (*due)(const struct deferred_index *))
{
  for (size_t i = 0; i < deferred_list->count; i++) {
    if (due(&deferred_list->items[i])) {
      return true;
    }
  }
  return false;
}

bool
indexes_any_ttl(const struct deferred_list *deferred_list)
{
  return any_due(deferred_list, is_built_ttl);
}

bool
indexes_any_unbuilt(const struct deferred *deferred)
{
  const struct deferred_list *deferred_list = deferred->by_ns;
  while (deferred_list && !any_due(deferred_list, is_unbuilt)) {
    deferred_list = deferred_list->by_ns.next;
  }
  return deferred_list != NULL;
}

/* Does `work` for each collection that has an index that is due. Each thread has collections of its own. */
static bool
run_round(struct deferred *deferred, struct round *round, const char *target_uri,
          bool (*due)(const struct deferred_index *), parallel_work work, struct error *error)
{
  size_t count = 0;
  round->due = memory_new((HASH_CNT(by_ns, deferred->by_ns) + 1) * sizeof(struct deferred_list *));
  for (struct deferred_list *deferred_list = deferred->by_ns; deferred_list;
       deferred_list = deferred_list->by_ns.next) {
    if (any_due(deferred_list, due)) {
      round->due[count++] = deferred_list;
    }
  }
  struct parallel parallel = {
    .kind = ERROR_TARGET, .uri = target_uri, .patient = true, .threads = CONNECTIONS, .work = work, .context = round};
  bool ok = parallel_run(&parallel, count, error);
  for (size_t i = 0; i < count; i++) {
    deferred_changed(deferred, round->due[i]);
  }
  free(round->due);
  return ok;
}

static bool
unbuild_collection(void *context, size_t number, struct server *target, struct error *error)
{
  struct deferred_list *deferred_list = ((struct round *)context)->due[number];
  for (size_t i = 0; i < deferred_list->count; i++) {
    struct deferred_index *deferred_index = &deferred_list->items[i];
    if (is_built_unique(deferred_index)) {
      if (!schema_drop_index(target, deferred_list->db, deferred_list->coll, deferred_index->name, error)) {
        return false;
      }
      deferred_index->unbuilt = true;
    }
  }
  return true;
}

bool
indexes_unbuild(struct deferred *deferred, const char *target_uri, struct error *error)
{
  struct round round = {0};
  return run_round(deferred, &round, target_uri, is_built_unique, unbuild_collection, error);
}

static void
refuse(struct deferred_index *deferred_index, const struct error *why)
{
  free(deferred_index->refused);
  deferred_index->refused = memory_copy(why, sizeof *why);
}

static void
mark_built(const struct deferred_list *deferred_list, struct deferred_index *deferred_index)
{
  deferred_index->unbuilt = false;
  fault_point("unique-built");
  log_info("%sindex built ns=%s index=%s", schema_index_unique(deferred_index->spec) ? "unique " : "",
           log_value("%s", deferred_list->ns), log_value("%s", deferred_index->name));
}

/* A prepareUnique index only refuses what comes. It is built as any other, or there already, and then told so. */
static void
spec_to_build(const struct deferred_index *deferred_index, bson_t *spec)
{
  bson_init(spec);
  bson_copy_to_excluding_noinit(deferred_index->spec, spec, "prepareUnique", NULL);
}

static bool
prepare_unique(const struct deferred_list *deferred_list, const struct deferred_index *deferred_index,
               struct server *target, struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, deferred_index->spec, "prepareUnique") || !bson_iter_as_bool(&iter)) {
    return true;
  }
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(deferred_list->coll), "index", "{", "name",
                             BCON_UTF8(deferred_index->name), "prepareUnique", BCON_BOOL(true), "}");
  bool ok = schema_collmod(target, deferred_list->db, command, error);
  bson_destroy(command);
  return ok || error_wrap(error, "cannot change the index %s of %s", deferred_index->name, deferred_list->ns);
}

static bool
build_together(struct deferred_list *deferred_list, struct server *target, struct error *error)
{
  bson_t specs = BSON_INITIALIZER;
  uint32_t count = 0;
  for (size_t i = 0; i < deferred_list->count; i++) {
    if (deferred_list->items[i].unbuilt) {
      bson_t spec;
      spec_to_build(&deferred_list->items[i], &spec);
      message_put_item(&specs, count++, &spec);
      bson_destroy(&spec);
    }
  }
  bool ok = schema_create_indexes(target, deferred_list->db, deferred_list->coll, &specs, error);
  for (size_t i = 0; ok && i < deferred_list->count; i++) {
    if (deferred_list->items[i].unbuilt) {
      ok = prepare_unique(deferred_list, &deferred_list->items[i], target, error);
      if (ok) {
        mark_built(deferred_list, &deferred_list->items[i]);
      }
    }
  }
  bson_destroy(&specs);
  return ok;
}

/* The target refuses one of them at least. */
static bool
build_one_by_one(struct deferred_list *deferred_list, struct server *target, struct error *error)
{
  for (size_t i = 0; i < deferred_list->count; i++) {
    struct deferred_index *deferred_index = &deferred_list->items[i];
    bson_t spec;
    if (!deferred_index->unbuilt) {
      continue;
    }
    spec_to_build(deferred_index, &spec);
    bool ok = schema_create_index(target, deferred_list->db, deferred_list->coll, &spec, error) &&
              prepare_unique(deferred_list, deferred_index, target, error);
    bson_destroy(&spec);
    if (ok) {
      mark_built(deferred_list, deferred_index);
    } else if (schema_index_refused(error)) {
      refuse(deferred_index, error);
    } else {
      return false;
    }
  }
  return true;
}

/* One collection's build, in its round. */
struct telling {
  struct build_round *round;
  size_t number;
};

static void
tell(void *context, int64_t done, int64_t total)
{
  const struct telling *telling = context;
  build_round_progress(telling->round, telling->number, done, total);
}

static bool
build_collection(void *context, size_t number, struct server *target, struct error *error)
{
  struct build_round *round = context;
  struct deferred_list *deferred_list = round->items[number].deferred_list;
  struct telling telling = {round, number};
  struct build_progress build_progress = {.target_uri = round->target_uri,
                                          .db = deferred_list->db,
                                          .coll = deferred_list->coll,
                                          .tell = tell,
                                          .context = &telling};
  if (!build_round_enter(round, number)) {
    return true; /* the failure of another one is told */
  }
  build_progress_start(&build_progress);
  bool ok = build_together(deferred_list, target, error) ||
            (schema_index_refused(error) && build_one_by_one(deferred_list, target, error));
  build_progress_stop(&build_progress);
  build_round_leave(round, number, ok);
  return ok;
}

static int64_t
count_unbuilt(const struct deferred_list *deferred_list)
{
  int64_t count = 0;
  for (size_t i = 0; i < deferred_list->count; i++) {
    count += is_unbuilt(&deferred_list->items[i]);
  }
  return count;
}

/*
 * A collection that was small when it was listed is not asked about: of thousands that takes long, and their order does
 * not matter. A size that the target does not tell is no reason to stop.
 */
static bool
ask_work(void *context, size_t number, struct server *target, struct error *error)
{
  struct build_item *item = &((struct build_round *)context)->items[number];
  int64_t bytes = item->deferred_list->bytes;
  bool is_short = bytes > 0 && build_work(bytes, item->indexes) < BUILD_LONG;
  if (!is_short && !schema_data_size(target, item->deferred_list->db, item->deferred_list->coll, &bytes, error) &&
      server_error_passes(error)) {
    return false;
  }
  item->work = build_work(bytes, item->indexes);
  return true;
}

static struct parallel
over_connections(struct build_round *round, parallel_work work)
{
  return (struct parallel){.kind = ERROR_TARGET,
                           .uri = round->target_uri,
                           .patient = true,
                           .threads = BUILD_ROUND_MOST,
                           .work = work,
                           .context = round};
}

static bool
run_builds(struct build_round *round, struct error *error)
{
  struct parallel asking = over_connections(round, ask_work);
  struct parallel building = over_connections(round, build_collection);
  if (!parallel_run(&asking, round->item_count, error)) {
    return false;
  }
  build_round_sort(round->items, round->item_count);
  build_round_start(round);
  bool ok = parallel_run(&building, round->item_count, error);
  build_round_stop(round);
  return ok;
}

bool
indexes_build(struct deferred *deferred, const char *target_uri, const struct indexes_watch *watch, struct error *error)
{
  struct build_round round = {.target_uri = target_uri, .watch = watch};
  round.items = memory_new((HASH_CNT(by_ns, deferred->by_ns) + 1) * sizeof *round.items);
  for (struct deferred_list *deferred_list = deferred->by_ns; deferred_list;
       deferred_list = deferred_list->by_ns.next) {
    int64_t count = count_unbuilt(deferred_list);
    if (count > 0) {
      round.items[round.item_count++] = (struct build_item){.deferred_list = deferred_list, .indexes = count};
    }
  }
  bool ok = round.item_count == 0 || run_builds(&round, error);
  for (size_t i = 0; i < round.item_count; i++) {
    deferred_changed(deferred, round.items[i].deferred_list);
  }
  free(round.items);
  watch->tell(watch->context, NULL);
  return ok;
}

/* After a crash the list may be older than the target. What is not there, or has no expiry there, cannot expire. */
static bool
cannot_expire(const struct error *error)
{
  return error->code == CODE_NAMESPACE_NOT_FOUND || error->code == CODE_INDEX_NOT_FOUND ||
         error->code == CODE_INVALID_OPTIONS;
}

static bool
set_ttl_of_collection(void *context, size_t number, struct server *target, struct error *error)
{
  const struct round *round = context;
  struct deferred_list *deferred_list = round->due[number];
  for (size_t i = 0; i < deferred_list->count; i++) {
    struct deferred_index *deferred_index = &deferred_list->items[i];
    int64_t seconds = round->defer ? SCHEMA_TTL_DEFERRED : deferred_index->ttl_s;
    if (!is_built_ttl(deferred_index) ||
        schema_set_ttl(target, deferred_list->db, deferred_list->coll, deferred_index->name, seconds, error)) {
      continue;
    }
    if (!(round->defer ? cannot_expire(error) : schema_index_refused(error))) {
      return false;
    }
    if (!round->defer) { /* the target refused it in the copy, or somebody dropped it there; the others expire again */
      refuse(deferred_index, error);
    }
  }
  return true;
}

bool
indexes_set_ttl(struct deferred *deferred, const char *target_uri, bool defer, struct error *error)
{
  struct round round = {.defer = defer};
  return run_round(deferred, &round, target_uri, is_built_ttl, set_ttl_of_collection, error);
}
