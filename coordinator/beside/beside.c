#include "coordinator/beside/beside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/beside/beside_parts.h"
#include "coordinator/state/refusals.h"

#define TELL_MS 10000
#define WHOLE_QUIET_MS 3000 /* a collection that is compared as a whole waits for the end of its writes, */
#define WHOLE_MOST_MS 60000 /* but not longer than this */
#define HELPERS_MOST 5
#define LISTINGS_MOST 5 /* that fail one after another: a collection may be dropped while it is listed */
#define LOGGED_MOST 100
#define LIST_AFTER_MS 2000    /* after the last listing, so that commands that come together are listed together */
#define REPLAN_AFTER_MS 60000 /* after the last plan, while it is not done */
#define PUT_BACK_MOST (256 << 20)

void
beside_fail(void *context, const struct error *error)
{
  struct beside *beside = context;
  if (beside->state != VERIFY_FAILED) {
    beside->state = VERIFY_FAILED;
    beside->error = *error;
    beside->view.state = VERIFY_FAILED;
    beside->view.error = beside->error.text;
    beside->view.through = false;
    log_error("the verification failed, and the migration goes on without it: %s", error->text);
  }
  pool_stop(&beside->pool);
}

bool
beside_is_alive(const struct beside *beside)
{
  return beside->opened && beside->state != VERIFY_FAILED;
}

/* Which collection of both sides that is, for a worker. */
static bool
put_collection(void *context, uint32_t number, bson_t *message)
{
  const struct beside *beside = context;
  const struct verify_namespace *found = namespaces_numbered(&beside->namespaces, number);
  if (!found || !found->planned) {
    return false;
  }
  if (!message) {
    return true;
  }
  const struct collection *source = beside->plan.collections[found->in_plan].source;
  BSON_APPEND_UTF8(message, "db", source->to_db);
  BSON_APPEND_UTF8(message, "coll", source->to_name);
  BSON_APPEND_UTF8(message, "from_db", source->db);
  BSON_APPEND_UTF8(message, "from_coll", source->name);
  return true;
}

/* What the target refused by now. */
static bool
share_excuses(struct beside *beside, struct error *error)
{
  bson_t refused;
  bool ok = refusals_list(beside->checkpoint, &refused, error);
  if (ok) {
    migration_excuses_share(&beside->excuses, &refused, &beside->plan);
    beside->refused = false;
  }
  bson_destroy(&refused);
  return ok;
}

static bool
excused(void *context, uint32_t number, const bson_t *item)
{
  struct beside *beside = context;
  const struct verify_namespace *found = namespaces_numbered(&beside->namespaces, number);
  struct error error;
  if (beside->refused && !share_excuses(beside, &error)) {
    beside_fail(beside, &error);
  }
  return found && found->planned && migration_excuses_has(&beside->excuses, found->in_plan, item);
}

static void
different(void *context, uint32_t number, const bson_t *item)
{
  struct beside *beside = context;
  const struct verify_namespace *found = namespaces_numbered(&beside->namespaces, number);
  if (!found) {
    return;
  }
  if (beside->logged++ < LOGGED_MOST) {
    log_warn("different ns=%s kind=%s; GET /verification names the documents", log_value("%s", found->ns),
             message_text_or_none(item, "kind"));
  }
  if (beside->options->repair) {
    beside_want_repair(beside, found, item);
  }
}

bool
beside_open(struct beside *beside, struct error *error)
{
  struct due_events events = {put_collection, excused, different, beside_fail, beside};
  if (!beside->wanted) {
    return true;
  }
  bson_init(&beside->settings);
  beside_repairs_init(beside);
  results_init(&beside->results, &beside->plan);
  options_settings(beside->options, beside->selection, &beside->settings);
  BSON_APPEND_BOOL(&beside->settings, "readOnly", true);
  BSON_APPEND_BOOL(&beside->settings, "showValues", beside->options->show_values);
  beside->folder = memory_format("%s.verify", options_bookmark(beside->options));
  beside->namespaces.selection = beside->selection;
  beside->opened = true;
  bool ok = beside_open_store(beside, error) && namespaces_init(&beside->namespaces, &beside->store, error) &&
            due_init(&beside->due, &beside->store, &events, error);
  beside->namespaces.plan = &beside->plan;
  return ok;
}

void
beside_close(struct beside *beside)
{
  if (!beside->opened) {
    return;
  }
  due_clear(&beside->due);
  namespaces_clear(&beside->namespaces);
  store_close(&beside->store);
  results_clear(&beside->results);
  migration_excuses_clear(&beside->excuses);
  plan_clear(&beside->plan);
  pairs_clear(&beside->pairs);
  bson_destroy(&beside->settings);
  beside_repairs_clear(beside);
  beside_failures_clear(beside);
  free(beside->pool.workers);
  free(beside->folder);
  beside->opened = false;
}

void
beside_remove(const char *bookmark)
{
  struct error error;
  char *folder = memory_format("%s.verify", bookmark);
  if (!store_remove(folder, &error)) {
    log_warn("%s", error.text);
  }
  free(folder);
}

bool
beside_is_strict(const struct beside *beside)
{
  return beside->tail->consistent && !beside->tail->waits;
}

struct verify_namespace *
beside_of_task(const struct beside *beside, int64_t task)
{
  const struct collection *source = beside->plan.collections[beside->plan.tasks[task].collection].source;
  struct verify_namespace *found = namespaces_find(&beside->namespaces, source->db, source->name);
  return found && found->planned ? found : NULL; /* it may have been put back */
}

/* A range found documents unequal: they are compared again like those that are written. */
static void
on_task_part(void *context, int64_t task, const bson_t *message)
{
  struct beside *beside = context;
  struct error error;
  bson_t ids;
  const struct verify_namespace *found = beside_of_task(beside, task);
  if (found && beside_is_alive(beside) &&
      (!message_document(message, "ids", &ids, &error) ||
       !store_add_all(&beside->store, STORE_CURRENT, found->number, &ids, &error))) {
    beside_fail(beside, &error);
  }
}

/*
 * A collection that is compared as a whole has one range. What was found counts when the target has all that the
 * reading saw, and nothing was written meanwhile.
 */
static void
hold_found(const struct beside *beside, struct verify_namespace *found, const bson_t *document)
{
  if (found->found) {
    bson_destroy(found->found);
  }
  found->found = bson_copy(document);
  found->read_time = message_timestamp(document, "source_time");
  found->compared_ms = clock_ms();
  found->written = found->written || !beside_is_strict(beside);
}

static void
on_task_done(void *context, int64_t number, const bson_t *document)
{
  struct beside *beside = context;
  struct error error;
  struct plan_task *task = &beside->plan.tasks[number];
  struct verify_namespace *found = beside_of_task(beside, number);
  task->documents = message_number(document, "documents", 0);
  task->bytes = message_number(document, "bytes", 0);
  if (!found || !beside_is_alive(beside)) {
    return;
  }
  if (found->whole) {
    hold_found(beside, found, document);
    return;
  }
  results_take_range(&beside->results, task->collection, document);
  uint32_t range = (uint32_t)((size_t)number - beside->plan.collections[task->collection].first_task);
  if (!store_sync(&beside->store, &error) || /* what it found unequal first */
      !namespaces_keep_range(&beside->namespaces, found, range, document, &error)) {
    beside_fail(beside, &error);
  }
  fault_point("beside-range");
}

/* What was found of it counts, or it is compared again. */
static bool
judge_whole(struct beside *beside, struct verify_namespace *found, struct error *error)
{
  bool ok = true;
  if (found->written) {
    results_forget_ranges(&beside->results, found->in_plan);
    plan_again(&beside->plan, found->in_plan);
    ok = share_excuses(beside, error);
  } else {
    results_take_range(&beside->results, found->in_plan, found->found);
    ok = namespaces_keep_range(&beside->namespaces, found, 0, found->found, error);
  }
  if (found->found) {
    bson_destroy(found->found);
    found->found = NULL;
  }
  found->written = false;
  return ok;
}

/* One that is written all the time is not read all the time. */
static bool
may_compare_again(const struct beside *beside, const struct verify_namespace *found)
{
  int64_t now_ms = clock_ms();
  return beside->hurries || now_ms - found->written_ms >= WHOLE_QUIET_MS ||
         now_ms - found->compared_ms >= WHOLE_MOST_MS;
}

static bool
look_at_whole(struct beside *beside, struct error *error)
{
  struct verify_namespace *found;
  struct verify_namespace *next;
  bool ok = true;
  HASH_ITER (hh, beside->namespaces.by_ns, found, next) {
    bool compared = found->planned && found->whole && plan_is_complete(&beside->plan.collections[found->in_plan]);
    bool can_tell = (found->written && may_compare_again(beside, found)) ||
                    (!found->written && found->found && beside->tail->bookmark >= found->read_time);
    if (ok && compared && can_tell) {
      ok = judge_whole(beside, found, error);
    }
  }
  return ok;
}

void
beside_refused(struct beside *beside)
{
  beside->refused = true;
}

void
beside_reached(struct beside *beside)
{
  if (beside_is_alive(beside)) {
    due_set_reached(&beside->due, beside->tail->bookmark, beside_is_strict(beside));
  }
}

static bool
take_range(void *context, uint64_t key, const bson_t *done, struct error *error)
{
  struct beside *beside = context;
  const struct verify_namespace *found = namespaces_numbered(&beside->namespaces, (uint32_t)(key >> 32));
  (void)error;
  if (found && found->planned) {
    const struct plan_collection *collection = &beside->plan.collections[found->in_plan];
    uint32_t range = (uint32_t)key;
    struct plan_task *task = range < collection->copies ? &beside->plan.tasks[collection->first_task + range] : NULL;
    if (task && task->state == PLAN_PENDING) {
      task->documents = message_number(done, "documents", 0);
      task->bytes = message_number(done, "bytes", 0);
      plan_task_was_done(&beside->plan, (int64_t)collection->first_task + range);
      results_take_range(&beside->results, found->in_plan, done);
    }
  }
  return true;
}

static bool
take_pair(void *context, uint64_t number, const bson_t *listed, struct error *error)
{
  struct beside *beside = context;
  (void)number;
  return pairs_take(&beside->pairs, listed, error);
}

/* Makes the plan of all collections that are listed, with what is compared already. No range may be lent. */
static bool
make_plan(struct beside *beside, struct error *error)
{
  results_clear(&beside->results);
  plan_clear(&beside->plan);
  pairs_clear(&beside->pairs);
  beside->pairs = (struct pairs){
    .options = beside->options, .selection = beside->selection, .uris = {beside->source_uri, beside->target_uri}};
  if (!store_items(&beside->store, "collections", take_pair, beside, error)) {
    return false;
  }
  pairs_plan(&beside->pairs, &beside->plan);
  beside->plan.verifies = beside->plan.beside = true;
  results_init(&beside->results, &beside->plan);
  for (size_t i = 0; i < beside->plan.collection_count; i++) {
    const struct collection *source = beside->plan.collections[i].source;
    struct verify_namespace *found = namespaces_find(&beside->namespaces, source->db, source->name);
    if (found) {
      found->in_plan = i;
      found->planned = true;
    }
  }
  beside->stale = false;
  beside->planned_ms = clock_ms();
  return share_excuses(beside, error) && store_items(&beside->store, "ranges", take_range, beside, error);
}

static void
on_helper_message(void *context, enum message_type type, const bson_t *message)
{
  struct beside *beside = context;
  struct error error;
  bool ok = true;
  if (!beside_is_alive(beside)) {
    return;
  }
  if (type == MESSAGE_LISTED) {
    bson_t list;
    bson_iter_t iter;
    ok = message_document(message, "pairs", &list, &error);
    for (bson_iter_init(&iter, &list); ok && bson_iter_next(&iter);) {
      bson_t listed;
      ok = !message_item(&iter, &listed) || namespaces_take_listed(&beside->namespaces, &listed, &error);
    }
  } else if (type == MESSAGE_FAILED) {
    message_get_error(message, &error);
    ok = message_flag(message, "retry") || ++beside->list_failures < LISTINGS_MOST;
    log_warn("%s%s", error.text, ok ? "; this is tried again" : "");
    beside->listing = false;
    beside->listed_ms = clock_ms();
    ok = ok && namespaces_listed(&beside->namespaces, true, &error);
  } else if (type == MESSAGE_DONE) {
    beside->listing = false;
    beside->stale = true;
    beside->list_failures = 0;
    beside->listed_ms = clock_ms();
    ok = namespaces_listed(&beside->namespaces, false, &error);
    fault_point("beside-listed");
  }
  if (!ok) {
    beside_fail(beside, &error);
  }
}

static void
on_helper_ended(void *context, const struct child *helper)
{
  struct beside *beside = context;
  struct error error;
  if (beside->pool.stopping || !beside_is_alive(beside)) {
    return;
  }
  if (helper->failed) {
    error = helper->error;
  } else {
    error_set(&error, ERROR_CHILD, "a worker %s%s", helper->cause, child_mend(helper));
  }
  log_warn("%s; another worker lists the collections", error.text);
  if (++beside->helper_deaths >= HELPERS_MOST ||
      (beside->listing && !namespaces_listed(&beside->namespaces, true, &error)) ||
      !pool_start_helper(&beside->pool, &error)) {
    beside_fail(beside, &error);
  }
  beside->listing = false;
}

static void
on_all_ended(void *context)
{
  struct beside *beside = context;
  beside->all_ended(beside->context);
}

static int64_t
lend(void *context, enum message_type *type, bson_t *message)
{
  struct beside *beside = context;
  return beside_is_alive(beside) && beside_is_strict(beside) ? due_lend(&beside->due, type, message) : -1;
}

static void
on_more_done(void *context, int64_t task, const bson_t *document)
{
  struct beside *beside = context;
  if (beside_is_alive(beside)) {
    due_done(&beside->due, task, document);
  }
}

static int
on_more_back(void *context, int64_t task)
{
  struct beside *beside = context;
  return due_back(&beside->due, task);
}

/* The replay is consistent: the processes start. */
static bool
begin(struct beside *beside, struct error *error)
{
  struct pool *pool = &beside->pool;
  log_info("the verification begins");
  *pool = (struct pool){.loop = beside->loop,
                        .plan = &beside->plan,
                        .source_uri = beside->source_uri,
                        .target_uri = beside->target_uri,
                        .settings = &beside->settings,
                        .rate = beside->throttle->most,
                        .more = {lend, on_more_done, on_more_back, beside},
                        .events = {.task_done = on_task_done,
                                   .task_part = on_task_part,
                                   .helper_message = on_helper_message,
                                   .helper_ended = on_helper_ended,
                                   .task_failed = beside_task_failed,
                                   .failed = beside_fail,
                                   .all_ended = on_all_ended,
                                   .context = beside}};
  beside->plan.verifies = true;
  beside->state = VERIFY_LISTING;
  beside->stale = true; /* what an earlier run listed */
  return pool_start(pool, options_workers(beside->options), error) && pool_start_helper(pool, error);
}

static void
list_if_due(struct beside *beside)
{
  int64_t wait_ms = beside->hurries ? 0 : LIST_AFTER_MS;
  if (beside->listing || namespaces_to_list(&beside->namespaces) == 0 || !pool_helper_ready(&beside->pool) ||
      !beside_is_strict(beside) || (beside->listed_ms > 0 && clock_ms() - beside->listed_ms < wait_ms)) {
    return;
  }
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_INT64(&message, "task", 0);
  BSON_APPEND_INT64(&message, "range_mb", beside->options->range_mb);
  namespaces_ask(&beside->namespaces, &message);
  pool_ask_helper(&beside->pool, MESSAGE_LIST, &message);
  bson_destroy(&message);
  beside->listing = true;
}

/* Nothing new is lent until all that is lent is back: then the plan is made anew. */
static bool
plan_if_due(struct beside *beside, struct error *error)
{
  bool wait = !plan_finished(&beside->plan) && !beside->hurries && beside->plan.task_count > 0 &&
              clock_ms() - beside->planned_ms < REPLAN_AFTER_MS;
  beside->pool.held = beside->stale && !wait;
  if (!beside->pool.held || beside->listing || pool_any_lent(&beside->pool)) {
    return true;
  }
  beside->pool.held = false;
  return make_plan(beside, error);
}

static bool
is_settled(const struct verify_namespace *found)
{
  return !found->written && !found->found;
}

/* Collections that are compared as a whole, and have to be once more; and those that are to be listed. */
static int64_t
collections_left(const struct beside *beside)
{
  int64_t left = namespaces_to_list(&beside->namespaces) + beside->stale;
  for (const struct verify_namespace *found = beside->namespaces.by_ns; found; found = found->hh.next) {
    left += found->whole && found->planned && !is_settled(found);
  }
  return left;
}

/* Documents that differ. In what is compared as a whole they count once it is sure that nothing was written. */
static int64_t
differences(const struct beside *beside)
{
  int64_t differences = beside->due.differences;
  for (const struct verify_namespace *found = beside->namespaces.by_ns; found; found = found->hh.next) {
    if (found->planned && found->whole && is_settled(found)) {
      differences += results_item_differences(&beside->results.items[found->in_plan]);
    }
  }
  return differences;
}

static struct verify_view
view_of(struct beside *beside)
{
  struct plan_total total = plan_total(&beside->plan);
  struct verify_view view = {.state = beside->state,
                             .error = beside->state == VERIFY_FAILED ? beside->error.text : NULL,
                             .ranges = (int64_t)beside->plan.task_count,
                             .ranges_done = (int64_t)beside->plan.done,
                             .documents = total.documents,
                             .bytes = total.bytes,
                             .expected_bytes = total.expected,
                             .collections_left = collections_left(beside),
                             .left = due_left(&beside->due),
                             .compared_again = beside->due.compared,
                             .different = differences(beside),
                             .excused = beside->due.excused,
                             .repaired = beside->repairs.done,
                             .holds_back = beside->pool.paused};
  view.through = view.state == VERIFY_FOLLOWING && plan_finished(&beside->plan) && view.left == 0 &&
                 view.collections_left == 0 && beside->repairs.asked_count + beside->repairs.wanted_count == 0;
  return view;
}

static void
tell(struct beside *beside)
{
  const struct verify_view view = beside->view;
  if (view.through || clock_ms() - beside->told_ms < TELL_MS) {
    return;
  }
  beside->told_ms = clock_ms();
  log_info("verifying state=%s ranges=%" PRId64 "/%" PRId64 " documents=%" PRId64 " mb=%.1f of_mb=%.1f left=%" PRId64
           " different=%" PRId64 "%s",
           verify_state_text(view.state), view.ranges_done, view.ranges, view.documents, (double)view.bytes / 1e6,
           (double)view.expected_bytes / 1e6, view.left, view.different,
           view.holds_back ? "; it waits, as the replay is behind" : "");
}

/* The replay comes first. */
static bool
is_behind(struct beside *beside)
{
  int64_t now_ms = clock_ms();
  return give_way_take(&beside->give_way, tail_lag_s(beside->tail, now_ms), now_ms) || !beside_is_strict(beside);
}

/* Every range is compared; or it was, and what a command has put back since is little enough for a cut-over to wait. */
static bool
follows(const struct beside *beside)
{
  struct plan_total total = plan_total(&beside->plan);
  return plan_finished(&beside->plan) ||
         (beside->state == VERIFY_FOLLOWING && total.expected - total.bytes < PUT_BACK_MOST);
}

static void
set_state(struct beside *beside)
{
  enum verify_state state = beside->plan.task_count == 0 && namespaces_to_list(&beside->namespaces) > 0 ? VERIFY_LISTING
                            : !follows(beside) ? VERIFY_COMPARING
                                               : VERIFY_FOLLOWING;
  if (state == VERIFY_FOLLOWING && beside->state != state) {
    log_info("every range is compared; what is written from now on is compared again");
  }
  beside->state = state;
}

void
beside_tick(struct beside *beside)
{
  struct error error;
  if (!beside_is_alive(beside) || beside->pool.stopping) {
    return;
  }
  if (beside->state == VERIFY_WAITING) {
    if (!beside_is_strict(beside) || beside->paused) {
      return;
    }
    if (!begin(beside, &error)) {
      beside_fail(beside, &error);
      return;
    }
  }
  pool_set_rate(&beside->pool, beside->throttle->most);
  bool behind = is_behind(beside);
  pool_pause(&beside->pool, beside->paused || (behind && !beside->hurries));
  list_if_due(beside);
  if (!plan_if_due(beside, &error) || !look_at_whole(beside, &error)) {
    beside_fail(beside, &error);
    return;
  }
  due_tick(&beside->due);
  if (!beside_repair_if_due(beside, &error)) {
    beside_fail(beside, &error);
    return;
  }
  pool_tick(&beside->pool);
  if (beside_is_alive(beside)) {
    set_state(beside);
    beside->view = view_of(beside);
    tell(beside);
  }
}

void
beside_pause(struct beside *beside, bool paused)
{
  beside->paused = paused; /* the next tick tells the workers */
}

void
beside_hurry(struct beside *beside, bool hurry)
{
  beside->hurries = hurry;
}

void
beside_stop(struct beside *beside)
{
  if (beside->opened && beside->pool.workers) {
    pool_stop(&beside->pool);
    pool_tick(&beside->pool);
  }
}

bool
beside_any_running(const struct beside *beside)
{
  return beside->opened && beside->pool.workers && pool_any_running(&beside->pool);
}

bool
beside_through(struct beside *beside, uint64_t upto)
{
  struct error error;
  if (!beside_is_alive(beside) || beside->due.reached < upto || !beside_is_strict(beside)) {
    return false;
  }
  if (!store_sync(&beside->store, &error)) {
    beside_fail(beside, &error);
    return false;
  }
  beside->view = view_of(beside);
  return beside->view.through;
}
