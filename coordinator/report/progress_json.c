#include "coordinator/report/progress_json.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "base/version.h"
#include "coordinator/report/copy_view.h"

/* JSON takes UTF-8 only. */
static void
put_name(bson_t *document, const char *field, const char *name)
{
  char *escaped = text_escaped(name);
  BSON_APPEND_UTF8(document, field, escaped);
  free(escaped);
}

static void
put_ns(bson_t *document, const struct collection *collection)
{
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  put_name(document, "ns", ns);
  free(ns);
}

/* Less than 0: not known. */
static void
put_known(bson_t *document, const char *field, int64_t number)
{
  if (number >= 0) {
    BSON_APPEND_INT64(document, field, number);
  }
}

/* A rate; in JSON a whole number is short. */
static void
put_rate(bson_t *document, const char *field, const struct throughput *throughput)
{
  if (throughput->count > 1) {
    BSON_APPEND_INT64(document, field, llround(throughput_per_s(throughput)));
  }
}

static const char *
state_text(const struct status *status)
{
  if (status->error) {
    return "failed";
  }
  return status->stopping                                             ? "stopping"
         : status->cutover && bson_has_field(status->cutover, "step") ? "cutting over"
         : status->paused_since_ms != 0                               ? "paused"
                                                                      : "running";
}

/* How long that phase may still take; -1: not known, or it is over. */
static int64_t
phase_eta_s(const struct status *status, enum phase phase, const struct copy_view *copy)
{
  switch (phase) {
  case PHASE_COPYING:
    return copy->copying ? copy->eta_s : -1;
  case PHASE_BUILDING:
    return copy->building ? copy->indexes_eta_s : -1;
  case PHASE_BUILDING_UNIQUE:
    return copy_view_deferred_s(status);
  case PHASE_CATCHING_UP:
    return copy_view_catch_up_s(status);
  default:
    return -1;
  }
}

static void
put_phases(const struct status *status, const struct copy_view *copy, int64_t now_unix_ms, bson_t *document)
{
  bson_t list;
  uint32_t count = 0;
  BSON_APPEND_ARRAY_BEGIN(document, "phases", &list);
  for (int phase = PHASE_NONE + 1; phase < PHASE_COUNT; phase++) {
    bson_t item = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&item, "name", phase_text((enum phase)phase));
    if (status->phases) {
      phase_put_times(&status->phases->times[phase], now_unix_ms, &item);
    }
    put_known(&item, "etaSeconds", phase_eta_s(status, (enum phase)phase, copy));
    message_put_item(&list, count++, &item);
    bson_destroy(&item);
  }
  bson_append_array_end(document, &list);
}

static void
put_copy(const struct status *status, const struct copy_view *copy, bson_t *document)
{
  bson_t item;
  BSON_APPEND_DOCUMENT_BEGIN(document, "copy", &item);
  BSON_APPEND_INT64(&item, "documents", copy->total.documents);
  BSON_APPEND_INT64(&item, "bytes", copy->total.bytes);
  BSON_APPEND_INT64(&item, "expectedBytes", copy->total.expected);
  if (copy->copying) {
    put_rate(&item, "bytesPerSecond", &status->measure->bytes);
    put_rate(&item, "documentsPerSecond", &status->measure->documents);
  }
  BSON_APPEND_INT64(&item, "tasksDone", (int64_t)status->plan->done);
  BSON_APPEND_INT64(&item, "tasks", (int64_t)status->plan->task_count);
  put_known(&item, "etaSeconds", copy->copying ? copy->eta_s : -1);
  bson_append_document_end(document, &item);
}

static void
put_build(bson_t *list, uint32_t *count, const struct plan_collection *collection)
{
  bson_t item = BSON_INITIALIZER;
  put_ns(&item, collection->source);
  BSON_APPEND_INT64(&item, "indexes", bson_count_keys(&collection->indexes));
  if (collection->build.total > 0) {
    BSON_APPEND_INT64(&item, "done", collection->build.done);
    BSON_APPEND_INT64(&item, "total", collection->build.total);
  }
  message_put_item(list, (*count)++, &item);
  bson_destroy(&item);
}

/* The deferred ones, which the applier builds. */
static void
put_deferred_build(bson_t *list, uint32_t *count, const struct tail *tail)
{
  bson_t item = BSON_INITIALIZER;
  put_name(&item, "ns", tail->building);
  if (tail->builds.total > 0) {
    BSON_APPEND_INT64(&item, "done", tail->builds.built);
    BSON_APPEND_INT64(&item, "total", tail->builds.total);
  }
  message_put_item(list, (*count)++, &item);
  bson_destroy(&item);
}

/* Of the builds of this phase. */
static void
put_work(const struct status *status, const struct copy_view *copy, bson_t *document)
{
  const struct tail_builds *builds = &status->tail->builds;
  bool deferred = status->tail->building[0];
  int64_t work = deferred ? builds->work : copy->build_work;
  if (work > 0) {
    BSON_APPEND_INT64(document, "workDone", deferred ? builds->built_work : copy->built_work);
    BSON_APPEND_INT64(document, "work", work);
  }
  if (deferred) {
    BSON_APPEND_INT64(document, "collectionsDone", builds->collections_built);
    BSON_APPEND_INT64(document, "collections", builds->collections);
    BSON_APPEND_INT64(document, "atOnce", builds->running);
  } else if (copy->building) {
    BSON_APPEND_INT64(document, "longAtOnce", status->plan->builds_at_once);
  }
}

static void
put_indexes(const struct status *status, const struct copy_view *copy, bson_t *document)
{
  bson_t item;
  bson_t list;
  uint32_t count = 0;
  const struct pool *pool = status->pool;
  BSON_APPEND_DOCUMENT_BEGIN(document, "indexes", &item);
  if (status->plan->collection_count > 0) {
    BSON_APPEND_INT64(&item, "done", copy->indexes_done);
    BSON_APPEND_INT64(&item, "total", copy->indexes);
  }
  BSON_APPEND_ARRAY_BEGIN(&item, "building", &list);
  for (int i = 0; i < pool->worker_count; i++) {
    const struct plan_task *task = copy_view_task(status, &pool->workers[i]);
    if (task && task->kind == PLAN_INDEX) {
      put_build(&list, &count, &status->plan->collections[task->collection]);
    }
  }
  if (status->tail->building[0]) {
    put_deferred_build(&list, &count, status->tail);
  }
  bson_append_array_end(&item, &list);
  put_work(status, copy, &item);
  put_known(&item, "etaSeconds", copy->building ? copy->indexes_eta_s : copy_view_deferred_s(status));
  bson_append_document_end(document, &item);
}

static void
put_replay(const struct status *status, bson_t *document)
{
  const struct tail *tail = status->tail;
  bson_t item;
  if (!status->handed_off) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(document, "replay", &item);
  BSON_APPEND_INT64(&item, "entries", status_entries(status));
  put_rate(&item, "entriesPerSecond", &status->measure->applied);
  put_known(&item, "connections", tail->connections > 0 ? tail->connections : -1);
  put_known(&item, "lagSeconds", status_behind_s(status));
  put_known(&item, "lagEntries", tail_lag_entries(tail));
  message_put_timestamp(&item, "appliedTimestamp", tail->bookmark);
  if (tail->last_write != 0) {
    message_put_timestamp(&item, "sourceLastWriteTimestamp", tail->last_write);
    message_put_time(&item, "sourceLastWriteAt", tail->last_write_wall_ms);
  }
  put_known(&item, "quietMilliseconds", tail_quiet_ms(tail, status->now_ms));
  BSON_APPEND_BOOL(&item, "caughtUp", status_caught_up(status));
  bson_append_document_end(document, &item);
}

static void
put_worker(const struct status *status, const struct child *child, bson_t *item)
{
  const struct plan_task *task = copy_view_task(status, child);
  int64_t passed_ms = status->now_ms - child->lent_ms;
  BSON_APPEND_INT64(item, "index", child->index);
  BSON_APPEND_INT64(item, "pid", uv_process_get_pid(&child->process));
  BSON_APPEND_UTF8(item, "state", copy_view_worker_text(copy_view_worker_state(status, child)));
  if (!task) {
    return;
  }
  put_ns(item, status->plan->collections[task->collection].source);
  if (task->kind == PLAN_COPY) {
    BSON_APPEND_INT64(item, "documents", task->documents);
    BSON_APPEND_INT64(item, "bytes", task->bytes);
    put_known(item, "bytesPerSecond", passed_ms >= 1000 ? task->bytes * 1000 / passed_ms : -1);
  }
  put_known(item, "seconds", passed_ms / 1000);
}

static void
put_workers(const struct status *status, bson_t *document)
{
  bson_t list;
  uint32_t count = 0;
  const struct pool *pool = status->pool;
  BSON_APPEND_ARRAY_BEGIN(document, "workers", &list);
  for (int i = 0; i < pool->worker_count; i++) {
    if (pool->workers[i].running) {
      bson_t item = BSON_INITIALIZER;
      put_worker(status, &pool->workers[i], &item);
      message_put_item(&list, count++, &item);
      bson_destroy(&item);
    }
  }
  bson_append_array_end(document, &list);
  BSON_APPEND_INT64(document, "workersWanted", pool->workers_wanted);
  if (status_has_workers(status)) {
    BSON_APPEND_BOOL(document, "workersAuto", !status->workers->fixed);
    BSON_APPEND_UTF8(document, "workersWhy", workers_why_text(status->workers->why));
  }
}

static void
put_time(const struct status *status, bson_t *document)
{
  struct measures all = {0};
  bson_t item;
  pool_measures(status->pool, &all, &all);
  BSON_APPEND_DOCUMENT_BEGIN(document, "time", &item);
  for (int part = 0; part < MEASURE_PARTS; part++) {
    double seconds = (double)all.us[part] / 1e6;
    BSON_APPEND_DOUBLE(&item, measure_name((enum measure_part)part), round(seconds * 8) / 8); /* short as a text */
  }
  bson_append_document_end(document, &item);
}

static void
put_collection(const struct plan *plan, size_t number, bson_t *item)
{
  const struct plan_collection *collection = &plan->collections[number];
  int64_t documents;
  int64_t bytes;
  plan_copied(plan, number, &documents, &bytes);
  put_ns(item, collection->source);
  BSON_APPEND_INT64(item, "documents", documents);
  BSON_APPEND_INT64(item, "bytes", bytes);
  BSON_APPEND_INT64(item, "totalBytes", collection->source->bytes);
  BSON_APPEND_BOOL(item, "complete", plan_is_complete(collection));
}

/* The largest ones, then all others together. */
static void
put_collections(const struct plan *plan, bson_t *document)
{
  bson_t list;
  uint32_t count = 0;
  size_t at = 0;
  struct copy_rest rest = {0};
  BSON_APPEND_ARRAY_BEGIN(document, "collections", &list);
  for (; at < plan->collection_count && count < PROGRESS_COLLECTIONS_MOST; at++) {
    if (!plan->collections[plan->by_size[at]].source->view) {
      bson_t item = BSON_INITIALIZER;
      put_collection(plan, plan->by_size[at], &item);
      message_put_item(&list, count++, &item);
      bson_destroy(&item);
    }
  }
  bson_append_array_end(document, &list);
  copy_view_rest(plan, at, &rest);
  if (rest.count > 0) {
    bson_t others;
    BSON_APPEND_DOCUMENT_BEGIN(document, "otherCollections", &others);
    BSON_APPEND_INT64(&others, "count", rest.count);
    BSON_APPEND_INT64(&others, "complete", rest.complete);
    BSON_APPEND_INT64(&others, "documents", rest.documents);
    BSON_APPEND_INT64(&others, "bytes", rest.bytes);
    BSON_APPEND_INT64(&others, "totalBytes", rest.total_bytes);
    bson_append_document_end(document, &others);
  }
}

struct warnings {
  bson_t list;
  uint32_t count;
};

static void
put_warning(void *context, const struct log_recent *recent)
{
  struct warnings *warnings = context;
  bson_t item = BSON_INITIALIZER;
  message_put_time(&item, "at", recent->at_ms);
  BSON_APPEND_UTF8(&item, "level", recent->level == LOG_ERROR ? "error" : "warning");
  BSON_APPEND_UTF8(&item, "text", recent->text);
  message_put_item(&warnings->list, warnings->count++, &item);
  bson_destroy(&item);
}

static void
put_warnings(bson_t *document)
{
  struct warnings warnings = {.list = BSON_INITIALIZER};
  log_recent(put_warning, &warnings);
  BSON_APPEND_ARRAY(document, "warnings", &warnings.list);
  bson_destroy(&warnings.list);
}

typedef int64_t (*point_value)(const struct history_point *point);

static int64_t
point_bytes(const struct history_point *point)
{
  return point->bytes_per_s;
}

static int64_t
point_documents(const struct history_point *point)
{
  return point->documents_per_s;
}

static int64_t
point_entries(const struct history_point *point)
{
  return point->entries_per_s;
}

static int64_t
point_lag(const struct history_point *point)
{
  return point->lag_s;
}

static int64_t
point_window(const struct history_point *point)
{
  return point->window_left_s;
}

/* A point that is not known keeps its place, as null. */
static void
put_series(const struct history *history, const char *name, point_value value, bson_t *document)
{
  bson_t list;
  char buffer[16];
  const char *key;
  BSON_APPEND_ARRAY_BEGIN(document, name, &list);
  for (size_t i = 0; i < history->count; i++) {
    int64_t number = value(history_point(history, i));
    int length = (int)bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof buffer);
    if (number >= 0) {
      bson_append_int64(&list, key, length, number);
    } else {
      bson_append_null(&list, key, length);
    }
  }
  bson_append_array_end(document, &list);
}

static void
put_history(const struct history *history, bson_t *document)
{
  bson_t item;
  BSON_APPEND_DOCUMENT_BEGIN(document, "history", &item);
  BSON_APPEND_INT64(&item, "everySeconds", HISTORY_MS / 1000);
  put_series(history, "bytesPerSecond", point_bytes, &item);
  put_series(history, "documentsPerSecond", point_documents, &item);
  put_series(history, "entriesPerSecond", point_entries, &item);
  put_series(history, "lagSeconds", point_lag, &item);
  put_series(history, "oplogWindowSecondsLeft", point_window, &item);
  bson_append_document_end(document, &item);
}

static void
put_head(const struct status *status, const struct copy_view *copy, int64_t now_unix_ms, bson_t *document)
{
  char waits_for[STATUS_WAITS_BYTES];
  BSON_APPEND_UTF8(document, "version", version_number);
  BSON_APPEND_INT64(document, "pid", getpid());
  message_put_time(document, "now", now_unix_ms);
  message_put_time(document, "startedAt", process_started_unix_ms());
  BSON_APPEND_UTF8(document, "state", state_text(status));
  BSON_APPEND_UTF8(document, "phase", phase_text(status_phase(status)));
  if (status_waits_for(status, waits_for)) {
    BSON_APPEND_UTF8(document, "waitsFor", waits_for);
  }
  if (status->error) {
    put_name(document, "errorMessage", status->error->text);
  }
  put_phases(status, copy, now_unix_ms, document);
  put_known(document, "etaSeconds", copy_view_left_s(status, copy));
}

static void
put_verification(const struct verify_view *view, bson_t *document)
{
  bson_t item;
  BSON_APPEND_DOCUMENT_BEGIN(document, "verification", &item);
  BSON_APPEND_UTF8(&item, "state", verify_state_text(view->state));
  BSON_APPEND_BOOL(&item, "through", view->through);
  BSON_APPEND_BOOL(&item, "holdsBack", view->holds_back);
  BSON_APPEND_INT64(&item, "ranges", view->ranges);
  BSON_APPEND_INT64(&item, "rangesDone", view->ranges_done);
  BSON_APPEND_INT64(&item, "documents", view->documents);
  BSON_APPEND_INT64(&item, "bytes", view->bytes);
  BSON_APPEND_INT64(&item, "expectedBytes", view->expected_bytes);
  BSON_APPEND_INT64(&item, "collectionsLeft", view->collections_left);
  BSON_APPEND_INT64(&item, "documentsLeft", view->left);
  BSON_APPEND_INT64(&item, "comparedAgain", view->compared_again);
  BSON_APPEND_INT64(&item, "different", view->different);
  BSON_APPEND_INT64(&item, "excused", view->excused);
  BSON_APPEND_INT64(&item, "repaired", view->repaired);
  if (view->error) {
    put_name(&item, "errorMessage", view->error);
  }
  bson_append_document_end(document, &item);
}

char *
progress_json(const struct status *status)
{
  bson_t document = BSON_INITIALIZER;
  struct copy_view copy = copy_view_of(status);
  put_head(status, &copy, clock_unix_ms(), &document);
  if (status->plan->collection_count > 0) {
    put_copy(status, &copy, &document);
  }
  put_indexes(status, &copy, &document);
  put_replay(status, &document);
  put_workers(status, &document);
  put_time(status, &document);
  throttle_put(status->throttle, &document);
  status_put_window(status, &document);
  status_put_pause(status, &document);
  put_collections(status->plan, &document);
  BSON_APPEND_INT64(&document, "refused", status->refused);
  if (status->verification) {
    put_verification(status->verification, &document);
  }
  if (status->cutover) {
    BSON_APPEND_DOCUMENT(&document, "cutover", status->cutover);
  }
  put_warnings(&document);
  put_history(&status->measure->history, &document);
  char *json = bson_as_relaxed_extended_json(&document, NULL);
  char *text = memory_format("%s\n", json);
  bson_free(json);
  bson_destroy(&document);
  return text;
}
