#include "coordinator/prepare/prepare.h"

#include "base/fault.h"
#include "base/log.h"
#include "coordinator/prepare/create.h"
#include "coordinator/run/task_message.h"
#include "coordinator/state/collection_state.h"
#include "ipc/message.h"
#include "target/definition/schema.h"

bool
prepare_clear_target(struct servers *servers, struct error *error)
{
  return schema_drop_user_collections(&servers->target, error);
}

static bool
any_unique(const struct collection *collection, bool collated)
{
  bson_iter_t iter;
  bool any = false;
  for (bson_iter_init(&iter, collection->indexes); !any && bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (message_item(&iter, &spec)) {
      any = schema_index(&spec, collated, &index) == SCHEMA_INDEX_UNIQUE;
      bson_destroy(&index.spec);
    }
  }
  return any;
}

/*
 * Unique indexes wait for the consistency point, and so do a small collection's others beside them. The workers build
 * the rest. Returns how many are deferred.
 */
static uint32_t
plan_indexes(struct servers *servers, struct plan *plan, size_t number, bson_t *deferred)
{
  const struct collection *collection = plan->collections[number].source;
  uint32_t count = 0;
  bson_iter_t iter;
  bool collated = bson_has_field(collection->options, "collation");
  bool together = task_is_small(collection) && any_unique(collection, collated);
  for (bson_iter_init(&iter, collection->indexes); bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (!message_item(&iter, &spec)) {
      continue;
    }
    enum schema_index_kind kind = schema_index(&spec, collated, &index);
    bool made = index.ttl_s >= 0 && create_makes_ttl(&servers->target_hello, collection);
    bool waits = kind == SCHEMA_INDEX_UNIQUE || (kind == SCHEMA_INDEX_PLAIN && together && !made);
    if (kind == SCHEMA_INDEX_PLAIN && !made && !waits) {
      plan_add_index(plan, number, &index.spec);
    }
    if (waits || (kind == SCHEMA_INDEX_PLAIN && index.ttl_s >= 0)) {
      collection_state_add_deferred(deferred, count++, &index.spec, waits, index.ttl_s);
    }
    bson_destroy(&index.spec);
  }
  return count;
}

/* The same, and the collection's own expiry is deferred, too. */
static bool
plan_deferred(struct servers *servers, struct plan *plan, size_t number, bool indexes, struct checkpoint *checkpoint,
              struct error *error)
{
  const struct collection *collection = plan->collections[number].source;
  bson_t deferred = BSON_INITIALIZER;
  bson_t nothing = BSON_INITIALIZER;
  uint32_t count = indexes ? plan_indexes(servers, plan, number, &deferred) : 0;
  if (collection->ttl_s >= 0) {
    collection_state_add_deferred(&deferred, count++, &nothing, false, collection->ttl_s);
  }
  bool ok = count == 0 || collection_state_put_deferred(checkpoint, collection->to_db, collection->to_name, &deferred,
                                                        collection->bytes, error);
  bson_destroy(&deferred);
  return ok;
}

static bool
split_all(struct servers *servers, const struct options *options, struct plan *plan, struct error *error)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    struct split_points points;
    const struct collection *collection = plan->collections[i].source;
    if (!split_collection(&points, &servers->reader, collection, options->range_mb << 20, error)) {
      return false;
    }
    if (points.count > 0) {
      log_info("split ns=%s ranges=%zu by=%s", log_value("%s.%s", collection->db, collection->name), points.count + 1,
               points.method);
    }
    plan_set_points(plan, i, &points);
  }
  return true;
}

/* Before the bookmark file speaks of the target: whoever goes on finds it there. */
static bool
make_mark(struct servers *servers, struct error *error)
{
  int made = mark_make(&servers->target, &servers->mark, error);
  if (made == 0) {
    log_warn("the target does not let this migration write its mark to " MARK_DB "." MARK_COLL
             ": a target that is restored from an older backup, or replaced, may go unnoticed: %s",
             error->text);
  }
  fault_point("mark-made");
  return made >= 0;
}

static bool
keep_catalog(struct preparation *preparation, struct error *error)
{
  struct servers *servers = &preparation->setup->servers;
  bson_t start = BSON_INITIALIZER;
  optime_put(&start, &servers->start);
  bool ok = make_mark(servers, error) && copy_state_begin(preparation->checkpoint, &start, preparation->identity,
                                                          &preparation->setup->catalog, error);
  bson_destroy(&start);
  log_info("start ts=%u.%u", OPTIME_SECONDS(servers->start.ts), OPTIME_INCREMENT(servers->start.ts));
  return ok;
}

static bool
create_collections(struct preparation *preparation, struct error *error)
{
  struct setup *setup = preparation->setup;
  phase_begin(preparation->phases, PHASE_CREATING);
  return create_all(&setup->servers, preparation->checkpoint, &setup->catalog, setup->options, error);
}

/* From the catalog to a plan that is kept. */
static bool
make_plan(struct preparation *preparation, struct plan *plan, struct error *error)
{
  struct setup *setup = preparation->setup;
  struct checkpoint *checkpoint = preparation->checkpoint;
  phase_begin(preparation->phases, PHASE_SPLITTING);
  bool ok = split_all(&setup->servers, setup->options, plan, error) && checkpoint_begin(checkpoint, error) &&
            copy_state_put_points(checkpoint, plan, error);
  for (size_t i = 0; ok && i < plan->collection_count; i++) {
    ok = plan_deferred(&setup->servers, plan, i, !setup->options->no_index_restore, checkpoint, error);
  }
  ok = ok && checkpoint_commit(checkpoint, error);
  fault_point("plan-kept");
  return ok;
}

/*
 * Loads what an earlier run recorded. The deferred indexes are in the bookmark file already, so they are not put there
 * again.
 */
static bool
load_plan(struct preparation *preparation, struct plan *plan, struct error *error)
{
  struct setup *setup = preparation->setup;
  bool ok = copy_state_get_points(preparation->checkpoint, plan, error);
  for (size_t i = 0; ok && i < plan->collection_count && !setup->options->no_index_restore; i++) {
    bson_t deferred = BSON_INITIALIZER;
    plan_indexes(&setup->servers, plan, i, &deferred);
    bson_destroy(&deferred);
  }
  return ok;
}

bool
prepare_plan(struct preparation *preparation, enum resume_step step, struct plan *plan, struct error *error)
{
  struct setup *setup = preparation->setup;
  bool made = step >= RESUME_PLAN;
  bool ok = step == RESUME_NOTHING ? keep_catalog(preparation, error)
                                   : copy_state_get_catalog(preparation->checkpoint, &setup->catalog, error);
  if (!ok || (!made && !create_collections(preparation, error))) {
    return false;
  }
  plan_init(plan, &setup->catalog, setup->options->collections_at_once);
  if (!(made ? load_plan(preparation, plan, error) : make_plan(preparation, plan, error))) {
    return false;
  }
  for (size_t i = 0; i < plan->collection_count; i++) {
    struct plan_collection *collection = &plan->collections[i];
    collection->create = collection->points.count == 0 && task_may_create(collection->source);
  }
  plan_close(plan);
  return !made || copy_state_get_tasks(preparation->checkpoint, plan, error);
}
