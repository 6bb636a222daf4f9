#include "coordinator/run/plan.h"

#include "base/log.h"
#include "base/memory.h"

void
plan_init(struct plan *plan, const struct catalog *catalog, int64_t collections_at_once)
{
  *plan = (struct plan){.collection_count = catalog->count,
                        .collections_at_once = collections_at_once,
                        .builds_at_once = BUILD_COUNT_START};
  plan->collections = memory_new(catalog->count * sizeof *plan->collections);
  for (size_t i = 0; i < catalog->count; i++) {
    plan->collections[i].source = &catalog->collections[i];
    bson_init(&plan->collections[i].indexes);
  }
}

void
plan_set_points(struct plan *plan, size_t collection, struct split_points *points)
{
  plan->collections[collection].points = *points;
  *points = (struct split_points){.method = "none"};
}

void
plan_add_index(struct plan *plan, size_t collection, const bson_t *spec)
{
  char key[24];
  bson_t *indexes = &plan->collections[collection].indexes;
  snprintf(key, sizeof key, "%u", bson_count_keys(indexes));
  BSON_APPEND_DOCUMENT(indexes, key, spec);
  plan->collections[collection].has_index_task = true;
}

static struct plan_task *
add_task(struct plan *plan, enum plan_kind kind, size_t collection)
{
  plan->tasks = memory_grow(plan->tasks, plan->task_count, &plan->task_capacity, sizeof *plan->tasks);
  struct plan_task *task = &plan->tasks[plan->task_count++];
  *task = (struct plan_task){.kind = kind, .collection = collection};
  return task;
}

static int
compare_size(const void *left, const void *right, void *context)
{
  const struct plan_collection *collections = context;
  int64_t a = collections[*(const size_t *)left].source->bytes;
  int64_t b = collections[*(const size_t *)right].source->bytes;
  return a < b ? 1 : a > b ? -1 : 0;
}

void
plan_close(struct plan *plan)
{
  plan->by_size = memory_new(plan->collection_count * sizeof *plan->by_size);
  plan->begun = memory_new(plan->collection_count * sizeof *plan->begun);
  for (size_t i = 0; i < plan->collection_count; i++) {
    struct plan_collection *collection = &plan->collections[i];
    const struct split_points *points = &collection->points;
    plan->by_size[i] = i;
    collection->first_task = plan->task_count;
    if (collection->source->view) {
      continue;
    }
    collection->copies = points->count + 1;
    for (size_t k = 0; k <= points->count; k++) {
      struct plan_task *task = add_task(plan, PLAN_COPY, i);
      task->min = k > 0 ? points->points[k - 1] : NULL;
      task->max = k < points->count ? points->points[k] : NULL;
    }
    if (collection->has_index_task) {
      add_task(plan, PLAN_INDEX, i);
      plan->build_work += plan_build_work(plan, i);
    }
  }
  qsort_r(plan->by_size, plan->collection_count, sizeof *plan->by_size, compare_size, plan->collections);
}

void
plan_clear(struct plan *plan)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    split_points_clear(&plan->collections[i].points);
    bson_destroy(&plan->collections[i].indexes);
  }
  free(plan->collections);
  free(plan->tasks);
  free(plan->by_size);
  free(plan->begun);
  build_queue_clear(&plan->long_ready);
  build_queue_clear(&plan->short_ready);
  *plan = (struct plan){0};
}

static int64_t
lend(struct plan *plan, size_t task)
{
  plan->tasks[task].state = PLAN_LENT;
  return (int64_t)task;
}

static bool
is_long(const struct plan *plan, size_t task)
{
  return plan_build_work(plan, plan->tasks[task].collection) >= BUILD_LONG;
}

static int64_t
take_ready(const struct plan *plan, struct build_queue *queue)
{
  int64_t task = build_queue_take(queue);
  while (task >= 0 && plan->tasks[task].state == PLAN_DONE) {
    task = build_queue_take(queue);
  }
  return task;
}

static int64_t
lend_index(struct plan *plan)
{
  int64_t task = -1;
  if (plan->long_lent < plan->builds_at_once) {
    task = take_ready(plan, &plan->long_ready);
    plan->long_waiting -= task >= 0;
    plan->long_lent += task >= 0;
  }
  task = task >= 0 ? task : take_ready(plan, &plan->short_ready);
  return task < 0 ? -1 : lend(plan, (size_t)task);
}

static void
index_is_ready(struct plan *plan, size_t task)
{
  bool takes_long = is_long(plan, task);
  plan->long_waiting += takes_long;
  build_queue_put(takes_long ? &plan->long_ready : &plan->short_ready, task,
                  plan_build_work(plan, plan->tasks[task].collection));
}

/* -1 if all its ranges are lent or done. */
static int64_t
lend_range(struct plan *plan, size_t number)
{
  struct plan_collection *collection = &plan->collections[number];
  for (; collection->first_pending < collection->copies; collection->first_pending++) {
    size_t task = collection->first_task + collection->first_pending;
    if (plan->tasks[task].state == PLAN_PENDING) {
      return lend(plan, task);
    }
  }
  return -1;
}

int64_t
plan_lend(struct plan *plan)
{
  int64_t task = lend_index(plan);
  for (size_t i = 0; task < 0 && i < plan->begun_count; i++) {
    task = lend_range(plan, plan->begun[i]);
  }
  while (task < 0 && plan->next < plan->collection_count && (int64_t)plan->begun_count < plan->collections_at_once) {
    size_t number = plan->by_size[plan->next++];
    task = lend_range(plan, number);
    if (task >= 0) { /* a view has none */
      plan->begun[plan->begun_count++] = number;
    }
  }
  return task;
}

static void
copy_ended(struct plan *plan, size_t number)
{
  const struct plan_collection *collection = &plan->collections[number];
  size_t at = 0;
  while (at < plan->begun_count && plan->begun[at] != number) {
    at++;
  }
  if (at < plan->begun_count) { /* in an earlier run it was another one's */
    plan->begun_count--;
    memmove(&plan->begun[at], &plan->begun[at + 1], (plan->begun_count - at) * sizeof *plan->begun);
  }
  if (collection->has_index_task) {
    index_is_ready(plan, collection->first_task + collection->copies);
  }
}

void
plan_task_done(struct plan *plan, int64_t number)
{
  struct plan_task *task = &plan->tasks[number];
  struct plan_collection *collection = &plan->collections[task->collection];
  plan->long_lent -= task->kind == PLAN_INDEX && task->state == PLAN_LENT && is_long(plan, (size_t)number);
  task->state = PLAN_DONE;
  plan->done++;
  if (task->kind == PLAN_INDEX) {
    collection->index_done = true;
    plan->built_work += plan_build_work(plan, task->collection);
  } else if (++collection->copies_done == collection->copies) {
    copy_ended(plan, task->collection);
  }
}

void
plan_task_was_done(struct plan *plan, int64_t number)
{
  struct plan_task *task = &plan->tasks[number];
  if (task->kind == PLAN_INDEX &&
      plan->collections[task->collection].copies_done == plan->collections[task->collection].copies) {
    plan->long_waiting -= is_long(plan, (size_t)number); /* it stays in its queue, and is passed over there */
  }
  plan_task_done(plan, number);
}

int64_t
plan_index_task(const struct plan *plan, int64_t range)
{
  const struct plan_collection *collection = &plan->collections[plan->tasks[range].collection];
  return (int64_t)(collection->first_task + collection->copies);
}

int
plan_task_back(struct plan *plan, int64_t number)
{
  struct plan_task *task = &plan->tasks[number];
  struct plan_collection *collection = &plan->collections[task->collection];
  plan->long_lent -= task->kind == PLAN_INDEX && task->state == PLAN_LENT && is_long(plan, (size_t)number);
  task->state = PLAN_PENDING;
  task->documents = 0;
  task->bytes = 0;
  if (task->kind == PLAN_INDEX) {
    collection->build = (struct build_steps){0};
    index_is_ready(plan, (size_t)number);
  } else if ((size_t)number - collection->first_task < collection->first_pending) {
    collection->first_pending = (size_t)number - collection->first_task;
  }
  return ++task->attempts;
}

void
plan_again(struct plan *plan, size_t number)
{
  struct plan_collection *collection = &plan->collections[number];
  for (size_t k = 0; k < collection->copies; k++) {
    plan_task_back(plan, (int64_t)(collection->first_task + k));
    plan->tasks[collection->first_task + k].attempts = 0;
  }
  plan->done -= collection->copies;
  collection->copies_done = 0;
  collection->first_pending = 0;
  plan->begun[plan->begun_count++] = number;
}

bool
plan_finished(const struct plan *plan)
{
  return plan->done == plan->task_count;
}

bool
plan_all_copied(const struct plan *plan)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    if (plan->collections[i].copies_done < plan->collections[i].copies) {
      return false;
    }
  }
  return true;
}

bool
plan_is_complete(const struct plan_collection *collection)
{
  return collection->copies_done == collection->copies && (!collection->has_index_task || collection->index_done);
}

bool
plan_is_active(const struct plan *plan, size_t number)
{
  const struct plan_collection *collection = &plan->collections[number];
  size_t tasks = collection->copies + collection->has_index_task;
  for (size_t k = 0; k < tasks; k++) {
    if (plan->tasks[collection->first_task + k].state == PLAN_LENT) {
      return true;
    }
  }
  return false;
}

int64_t
plan_build_work(const struct plan *plan, size_t number)
{
  const struct plan_collection *collection = &plan->collections[number];
  return collection->has_index_task ? build_work(collection->source->bytes, bson_count_keys(&collection->indexes)) : 0;
}

int64_t
plan_built_work(const struct plan *plan, size_t number)
{
  const struct plan_collection *collection = &plan->collections[number];
  int64_t work = plan_build_work(plan, number);
  return collection->index_done
           ? work
           : (int64_t)((double)work * build_steps_part(&collection->build, bson_count_keys(&collection->indexes)));
}

void
plan_copied(const struct plan *plan, size_t number, int64_t *documents, int64_t *bytes)
{
  const struct plan_collection *collection = &plan->collections[number];
  *documents = 0;
  *bytes = 0;
  for (size_t k = 0; k < collection->copies; k++) {
    *documents += plan->tasks[collection->first_task + k].documents;
    *bytes += plan->tasks[collection->first_task + k].bytes;
  }
}

struct plan_total
plan_total(const struct plan *plan)
{
  struct plan_total total = {0};
  for (size_t i = 0; i < plan->collection_count; i++) {
    int64_t documents;
    int64_t bytes;
    plan_copied(plan, i, &documents, &bytes);
    int64_t size = plan->collections[i].source->bytes;
    total.documents += documents;
    total.bytes += bytes;
    total.expected += size > bytes ? size : bytes;
  }
  return total;
}

void
plan_log_copied(const struct plan *plan, int64_t passed_ms, int64_t repeated)
{
  struct plan_total total = plan_total(plan);
  double seconds = (double)passed_ms / 1000;
  double per_s = seconds > 0 ? seconds : 1;
  log_info("copied collections=%zu documents=%lld mb=%.1f seconds=%.1f docs_per_s=%.0f mb_per_s=%.1f repeated=%lld",
           plan->collection_count, (long long)total.documents, (double)total.bytes / 1e6, seconds,
           (double)total.documents / per_s, (double)total.bytes / 1e6 / per_s, (long long)repeated);
}
