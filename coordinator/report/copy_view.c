#include "coordinator/report/copy_view.h"

static void
look_at_indexes(const struct status *status, struct copy_view *view)
{
  const struct plan *plan = status->plan;
  struct eta_indexes indexes = {.built_ms = status->measure->building_ms,
                                .built = -status->measure->first_built_work,
                                .at_once = plan->builds_at_once,
                                .workers = status->pool->workers_wanted};
  for (size_t i = 0; i < plan->collection_count; i++) {
    const struct plan_collection *collection = &plan->collections[i];
    if (!collection->has_index_task) {
      continue;
    }
    int64_t count = bson_count_keys(&collection->indexes);
    int64_t work = plan_build_work(plan, i);
    int64_t built = plan_built_work(plan, i);
    int64_t left = work - built;
    view->indexes += count;
    view->indexes_done += collection->index_done ? count : 0;
    view->building = view->building || !collection->index_done;
    view->built_work += built;
    indexes.left_long += work >= BUILD_LONG ? left : 0;
    indexes.left_short += work >= BUILD_LONG ? 0 : left;
    indexes.largest = left > indexes.largest ? left : indexes.largest;
  }
  indexes.built += view->built_work;
  view->build_work = plan->build_work;
  view->indexes_eta_s = status->pool->paused ? -1 : eta_indexes_s(&indexes);
}

struct copy_view
copy_view_of(const struct status *status)
{
  struct copy_view view = {.total = plan_total(status->plan)};
  view.copying = !status->handed_off && !plan_all_copied(status->plan);
  view.eta_s = status->pool->paused ? -1 : status_copy_needs_s(status);
  look_at_indexes(status, &view);
  view.building = view.building && !status->handed_off;
  return view;
}

const struct plan_task *
copy_view_task(const struct status *status, const struct child *child)
{
  bool has = child->running && child->task >= 0 && child->task < (int64_t)status->plan->task_count;
  return has ? &status->plan->tasks[child->task] : NULL;
}

int64_t
copy_view_catch_up_s(const struct status *status)
{
  const struct measure *measure = status->measure;
  return status_phase(status) != PHASE_CATCHING_UP
           ? -1
           : eta_catch_up_s(status_behind_s(status), throughput_per_s(&measure->position),
                            throughput_per_s(&measure->newest));
}

int64_t
copy_view_deferred_s(const struct status *status)
{
  const struct tail_builds *builds = &status->tail->builds;
  struct eta_indexes all = {.left_long = builds->work - builds->built_work,
                            .built = builds->built_work,
                            .built_ms = builds->passed_ms, /* of all together */
                            .at_once = 1,
                            .workers = 1};
  return status_phase(status) == PHASE_BUILDING_UNIQUE && builds->work > 0 ? eta_indexes_s(&all) : -1;
}

int64_t
copy_view_left_s(const struct status *status, const struct copy_view *copy)
{
  if (copy->copying) {
    return copy->eta_s < 0 ? -1 : eta_sum_s(copy->eta_s, copy->indexes_eta_s);
  }
  return copy->building                                  ? copy->indexes_eta_s
         : status_phase(status) == PHASE_BUILDING_UNIQUE ? copy_view_deferred_s(status)
                                                         : copy_view_catch_up_s(status);
}

enum worker_state
copy_view_worker_state(const struct status *status, const struct child *child)
{
  const struct plan_task *task = copy_view_task(status, child);
  if (child->leaving) {
    return WORKER_LEAVING;
  }
  if (!child->ready) {
    return WORKER_STARTING;
  }
  if (task && task->kind == PLAN_INDEX) {
    return WORKER_BUILDING; /* the target goes on with that, whatever is paused */
  }
  if (status->pool->paused) {
    return WORKER_PAUSED;
  }
  return task ? WORKER_COPYING : child->pause_until_ms > status->now_ms ? WORKER_WAITING : WORKER_IDLE;
}

const char *
copy_view_worker_text(enum worker_state state)
{
  static const char *const texts[WORKER_STATES] = {"starting",         "copying", "building indexes", "idle",
                                                   "waiting to retry", "paused",  "leaving"};
  return texts[state];
}

void
copy_view_rest(const struct plan *plan, size_t from, struct copy_rest *rest)
{
  for (size_t at = from; at < plan->collection_count; at++) {
    size_t number = plan->by_size[at];
    const struct plan_collection *collection = &plan->collections[number];
    int64_t documents;
    int64_t bytes;
    if (collection->source->view) {
      continue;
    }
    plan_copied(plan, number, &documents, &bytes);
    rest->count++;
    rest->complete += plan_is_complete(collection);
    rest->documents += documents;
    rest->bytes += bytes;
    rest->total_bytes += collection->source->bytes;
  }
}
