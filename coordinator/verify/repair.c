#include "coordinator/verify/repair.h"

#include "base/log.h"
#include "coordinator/cutover/record.h"
#include "coordinator/verify/moves.h"
#include "server/series.h"
#include "target/guard/mark.h"

static const char *const sides[] = {"source", "target"};
static const enum error_kind kinds[] = {ERROR_SOURCE, ERROR_TARGET};

static bool
check_quiet(const struct pairs *pairs, const struct results *results, int side, struct error *error)
{
  struct error why;
  int moved = moves_any(kinds[side], pairs->uris[side], results->from[side], 0, &why);
  return moved == 0 ||
         (moved > 0 ? error_set(error, ERROR_REFUSED,
                                "nothing is repaired: the %s was written to since the comparison began, and a repair "
                                "could undo a newer "
                                "write; stop the writers, then compare again",
                                sides[side])
                    : error_set(error, ERROR_REFUSED,
                                "nothing is repaired: nobody can tell whether clients write to the %s: %s", sides[side],
                                why.text));
}

/* The migration that the target knows has to be over: it would apply its writes to what was repaired. */
static bool
check_cut_over(const char *bookmark, struct error *error)
{
  struct checkpoint checkpoint;
  struct cutover_record record = {.step = CUTOVER_RECORD_NONE};
  int there = checkpoint_peek(&checkpoint, bookmark, error);
  bool ok = there == 1 && cutover_record_get(&checkpoint, &record, error);
  checkpoint_close(&checkpoint);
  return there >= 0 && (ok || there == 0) &&
         (record.step == CUTOVER_RECORD_FINISHED ||
          error_set(error, ERROR_REFUSED,
                    "nothing is repaired: the migration of the bookmark file '%s' is not cut over, and would apply its "
                    "writes to what was "
                    "repaired; cut over first",
                    bookmark));
}

/* Whose mark it is was looked at when the bookmark file was read. */
static bool
check_migration(const char *uri, const char *bookmark, struct error *error)
{
  bson_t none = BSON_INITIALIZER;
  bson_t mark;
  struct server target = {0};
  int marked = -1;
  if (server_open(&target, ERROR_TARGET, uri, true, error)) {
    marked = server_find_one(&target, MARK_DB, MARK_COLL, &none, &mark, error);
  }
  server_close(&target);
  if (marked == 1) {
    bson_destroy(&mark);
  }
  if (marked <= 0) {
    return marked == 0;
  }
  return bookmark
           ? check_cut_over(bookmark, error)
           : error_set(
               error, ERROR_REFUSED,
               "nothing is repaired: the target has the mark of a migration (%s.%s), which may be running; name its "
               "--bookmarkFile, or drop that collection if it is over",
               MARK_DB, MARK_COLL);
}

bool
repair_may_begin(const struct pairs *pairs, const struct results *results, const char *bookmark, struct error *error)
{
  if (pairs->hellos[TARGET_SIDE].wire_version < WIRE_3_6) {
    return error_set(error, ERROR_REFUSED, "nothing is repaired: the target is older than 3.6, and is only read");
  }
  return check_quiet(pairs, results, SOURCE_SIDE, error) && check_quiet(pairs, results, TARGET_SIDE, error) &&
         check_migration(pairs->uris[TARGET_SIDE], bookmark, error);
}

/* NULL: it can be repaired. */
static const char *
why_not(const struct plan_collection *collection)
{
  const struct collection *source = collection->source;
  const struct collection *target = collection->target;
  return !target                                          ? "the target does not have the collection"
         : target->view                                   ? "it is a view on the target"
         : series_of(source->name)                        ? "these are the buckets of a time series"
         : source->capped || target->capped               ? "it is capped"
         : !source->has_id_index || !target->has_id_index ? "it has no index on _id"
                                                          : NULL;
}

size_t
repair_plan(struct plan *plan, struct results *results)
{
  size_t due = 0;
  for (size_t i = 0; i < plan->collection_count; i++) {
    const struct collection *source = plan->collections[i].source;
    const char *why = why_not(&plan->collections[i]);
    if (plan->collections[i].copies == 0 || results_item_differences(&results->items[i]) == 0) {
      continue;
    }
    if (why) {
      log_warn("not repaired ns=%s: %s", log_value("%s.%s", source->to_db, source->to_name), why);
      continue;
    }
    results_forget_documents(results, i);
    plan_again(plan, i);
    due++;
  }
  return due;
}
