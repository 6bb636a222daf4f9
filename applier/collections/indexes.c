#include "applier/collections/indexes.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "server/parallel.h"
#include "target/definition/build_progress.h"
#include "target/definition/schema.h"

#define CONNECTIONS 4 /* each index build takes its share of the memory that the target has for such */

/* Collections that have something to be done, for several connections at once. */
struct round {
  const char *target_uri;
  struct sleepers **due;
  bool asleep; /* for set_ttl */
};

static bool
is_unbuilt(const struct sleeper *sleeper)
{
  return sleeper->unbuilt;
}

static bool
is_built_unique(const struct sleeper *sleeper)
{
  return !sleeper->unbuilt && schema_index_unique(sleeper->spec);
}

static bool
is_built_ttl(const struct sleeper *sleeper)
{
  return !sleeper->unbuilt && sleeper->ttl_s >= 0;
}

static bool
any_due(const struct sleepers *sleepers, bool (*due)(const struct sleeper *))
{
  for (size_t i = 0; i < sleepers->count; i++) {
    if (due(&sleepers->items[i])) {
      return true;
    }
  }
  return false;
}

bool
indexes_any_ttl(const struct sleepers *sleepers)
{
  return any_due(sleepers, is_built_ttl);
}

bool
indexes_any_unbuilt(const struct sleeping *sleeping)
{
  const struct sleepers *sleepers = sleeping->by_ns;
  while (sleepers && !any_due(sleepers, is_unbuilt)) {
    sleepers = sleepers->by_ns.next;
  }
  return sleepers != NULL;
}

/* Does `work` for each collection that has one that is due: in threads, each with its own collections. */
static bool
run_round(struct sleeping *sleeping, struct round *round, const char *target_uri, bool (*due)(const struct sleeper *),
          crew_work work, struct error *error)
{
  size_t count = 0;
  round->target_uri = target_uri;
  round->due = memory_new((HASH_CNT(by_ns, sleeping->by_ns) + 1) * sizeof(struct sleepers *));
  for (struct sleepers *sleepers = sleeping->by_ns; sleepers; sleepers = sleepers->by_ns.next) {
    if (any_due(sleepers, due)) {
      round->due[count++] = sleepers;
    }
  }
  struct crew crew = {
    .kind = ERROR_TARGET, .uri = target_uri, .patient = true, .threads = CONNECTIONS, .work = work, .context = round};
  bool ok = crew_run(&crew, count, error);
  for (size_t i = 0; i < count; i++) {
    sleeping_changed(sleeping, round->due[i]);
  }
  free(round->due);
  return ok;
}

static bool
unbuild_collection(void *context, size_t number, struct server *target, struct error *error)
{
  struct sleepers *sleepers = ((struct round *)context)->due[number];
  for (size_t i = 0; i < sleepers->count; i++) {
    struct sleeper *sleeper = &sleepers->items[i];
    if (is_built_unique(sleeper)) {
      if (!schema_drop_index(target, sleepers->db, sleepers->coll, sleeper->name, error)) {
        return false;
      }
      sleeper->unbuilt = true;
    }
  }
  return true;
}

bool
indexes_unbuild(struct sleeping *sleeping, const char *target_uri, struct error *error)
{
  struct round round = {0};
  return run_round(sleeping, &round, target_uri, is_built_unique, unbuild_collection, error);
}

static void
refuse(struct sleeper *sleeper, const struct error *why)
{
  free(sleeper->refused);
  sleeper->refused = memory_copy(why, sizeof *why);
}

static void
mark_built(const struct sleepers *sleepers, struct sleeper *sleeper)
{
  sleeper->unbuilt = false;
  fault_point("unique-built");
  log_info("%sindex built ns=%s index=%s", schema_index_unique(sleeper->spec) ? "unique " : "", sleepers->ns,
           sleeper->name);
}

/* One that is only to refuse what comes (prepareUnique) is built as any other, or there already, and told so. */
static void
spec_to_build(const struct sleeper *sleeper, bson_t *spec)
{
  bson_init(spec);
  bson_copy_to_excluding_noinit(sleeper->spec, spec, "prepareUnique", NULL);
}

static bool
prepare_unique(const struct sleepers *sleepers, const struct sleeper *sleeper, struct server *target,
               struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, sleeper->spec, "prepareUnique") || !bson_iter_as_bool(&iter)) {
    return true;
  }
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(sleepers->coll), "index", "{", "name", BCON_UTF8(sleeper->name),
                             "prepareUnique", BCON_BOOL(true), "}");
  bool ok = schema_collmod(target, sleepers->db, command, error);
  bson_destroy(command);
  return ok || error_wrap(error, "cannot change the index %s of %s", sleeper->name, sleepers->ns);
}

static bool
build_together(struct sleepers *sleepers, struct server *target, struct error *error)
{
  bson_t specs = BSON_INITIALIZER;
  uint32_t count = 0;
  for (size_t i = 0; i < sleepers->count; i++) {
    if (sleepers->items[i].unbuilt) {
      bson_t spec;
      spec_to_build(&sleepers->items[i], &spec);
      message_put_item(&specs, count++, &spec);
      bson_destroy(&spec);
    }
  }
  bool ok = schema_create_indexes(target, sleepers->db, sleepers->coll, &specs, error);
  for (size_t i = 0; ok && i < sleepers->count; i++) {
    if (sleepers->items[i].unbuilt) {
      ok = prepare_unique(sleepers, &sleepers->items[i], target, error);
      if (ok) {
        mark_built(sleepers, &sleepers->items[i]);
      }
    }
  }
  bson_destroy(&specs);
  return ok;
}

/* The target refuses one of them at least. */
static bool
build_one_by_one(struct sleepers *sleepers, struct server *target, struct error *error)
{
  for (size_t i = 0; i < sleepers->count; i++) {
    struct sleeper *sleeper = &sleepers->items[i];
    bson_t spec;
    if (!sleeper->unbuilt) {
      continue;
    }
    spec_to_build(sleeper, &spec);
    bool ok = schema_create_index(target, sleepers->db, sleepers->coll, &spec, error) &&
              prepare_unique(sleepers, sleeper, target, error);
    bson_destroy(&spec);
    if (ok) {
      mark_built(sleepers, sleeper);
    } else if (schema_index_refused(error)) {
      refuse(sleeper, error);
    } else {
      return false;
    }
  }
  return true;
}

static bool
build_collection(void *context, size_t number, struct server *target, struct error *error)
{
  const struct round *round = context;
  struct sleepers *sleepers = round->due[number];
  struct gauge gauge = {.target_uri = round->target_uri, .db = sleepers->db, .coll = sleepers->coll};
  gauge_start(&gauge);
  bool ok = build_together(sleepers, target, error) ||
            (schema_index_refused(error) && build_one_by_one(sleepers, target, error));
  gauge_stop(&gauge);
  return ok;
}

bool
indexes_build(struct sleeping *sleeping, const char *target_uri, struct error *error)
{
  struct round round = {0};
  return run_round(sleeping, &round, target_uri, is_unbuilt, build_collection, error);
}

/* After a crash the list may be older than the target. What is not there, or has no expiry there, sleeps. */
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
  struct sleepers *sleepers = round->due[number];
  for (size_t i = 0; i < sleepers->count; i++) {
    struct sleeper *sleeper = &sleepers->items[i];
    int64_t seconds = round->asleep ? SCHEMA_TTL_ASLEEP : sleeper->ttl_s;
    if (!is_built_ttl(sleeper) || schema_set_ttl(target, sleepers->db, sleepers->coll, sleeper->name, seconds, error)) {
      continue;
    }
    if (!(round->asleep ? cannot_expire(error) : schema_index_refused(error))) {
      return false;
    }
    if (!round->asleep) { /* the target refused it in the copy, or somebody dropped it there; the others wake */
      refuse(sleeper, error);
    }
  }
  return true;
}

bool
indexes_set_ttl(struct sleeping *sleeping, const char *target_uri, bool asleep, struct error *error)
{
  struct round round = {.asleep = asleep};
  return run_round(sleeping, &round, target_uri, is_built_ttl, set_ttl_of_collection, error);
}
