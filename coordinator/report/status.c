#include "coordinator/report/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "coordinator/measure/eta.h"
#include "ipc/message.h"
#include "source/oplog/oplog.h"

#define KNOWN_MS 30000 /* what was asked longer ago is no ground for a claim */

/* mongomirror has the number of indexes only. */
static void
put_indexes(const struct plan_collection *collection, bson_t *item)
{
  bson_t progress;
  BSON_APPEND_INT64(item, "createIndexes", bson_count_keys(&collection->indexes));
  if (collection->build.total > 0 && !collection->index_done) {
    BSON_APPEND_DOCUMENT_BEGIN(item, "indexProgress", &progress);
    BSON_APPEND_INT64(&progress, "done", collection->build.done);
    BSON_APPEND_INT64(&progress, "total", collection->build.total);
    bson_append_document_end(item, &progress);
  }
}

static void
put_copy_details(const struct plan *plan, bson_t *details)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    const struct plan_collection *collection = &plan->collections[i];
    bson_t item;
    int64_t documents;
    int64_t bytes;
    bool copied = collection->copies_done == collection->copies;
    char *name = memory_format("%s.%s", collection->source->db, collection->source->name);
    char *ns = text_escaped(name); /* JSON takes UTF-8 only */
    plan_copied(plan, i, &documents, &bytes);
    BSON_APPEND_DOCUMENT_BEGIN(details, ns, &item);
    BSON_APPEND_BOOL(&item, "complete", plan_is_complete(collection));
    if (copied && collection->has_index_task) {
      put_indexes(collection, &item);
    } else {
      BSON_APPEND_INT64(&item, "copiedBytes", bytes);
      BSON_APPEND_INT64(&item, "totalBytes", collection->source->bytes);
    }
    bson_append_document_end(details, &item);
    free(ns);
    free(name);
  }
}

int64_t
status_copy_needs_s(const struct status *status)
{
  struct plan_total total = plan_total(status->plan);
  struct eta_copy copy = {.left_bytes = total.expected - total.bytes,
                          .copied_bytes = status->pool->copied_bytes,
                          .copied_ms = status->measure->copying_ms,
                          .recent_per_s = status->pool->paused ? 0 : throughput_per_s(&status->measure->bytes)};
  return status->handed_off ? -1 : eta_copy_s(&copy);
}

/* mongomirror has no such thing: the source's oplog, and whether it lasts. */
void
status_put_window(const struct status *status, bson_t *document)
{
  const struct window *window = status->window;
  bson_t oplog;
  if (window->oldest == 0) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(document, "oplogWindow", &oplog);
  message_put_timestamp(&oplog, "oldest", window->oldest);
  message_put_timestamp(&oplog, "newest", window->newest);
  message_put_timestamp(&oplog, "needed", window->needed);
  BSON_APPEND_INT64(&oplog, "lengthSeconds", window_length_s(window));
  if (window_left_s(window) >= 0) {
    BSON_APPEND_INT64(&oplog, "secondsLeft", window_left_s(window));
  }
  int64_t needs_s = status_copy_needs_s(status);
  if (needs_s >= 0) {
    BSON_APPEND_INT64(&oplog, "copySecondsLeft", needs_s);
  }
  if (window->spooled > 0) {
    BSON_APPEND_INT64(&oplog, "spooledBytes", window->spooled);
  }
  bson_append_document_end(document, &oplog);
}

/*
 * What mongomirror's users compare, the last two, is equal if and only if nothing is known of the source that is not
 * on the target. A timestamp that is not known yet is not there.
 */
static void
put_tail_details(const struct tail *tail, bson_t *details)
{
  uint64_t latest = tail->newest > tail->bookmark ? tail->newest : tail->bookmark;
  message_put_timestamp(details, "currentTimestamp", tail->bookmark);
  if (tail->newest == 0) {
    return;
  }
  message_put_timestamp(details, "latestTimestamp", latest);
  if (tail_caught_up(tail)) { /* what is newer is no write */
    message_put_timestamp(details, "lastWriteOnSourceTimestamp", tail->bookmark);
  } else if (latest > tail->bookmark) {
    message_put_timestamp(details, "lastWriteOnSourceTimestamp", latest);
  }
}

bool
status_caught_up(const struct status *status)
{
  const struct tail *tail = status->tail;
  return tail_caught_up(tail) && status->now_ms - tail_caught_up_ms(tail) <= KNOWN_MS &&
         tail_answers(tail, status->now_ms);
}

/* mongomirror has no such thing, nor the next one. */
static void
put_caught_up(const struct status *status, bson_t *document)
{
  const struct tail *tail = status->tail;
  int64_t age_ms = status->now_ms - tail_caught_up_ms(tail);
  bool caught_up = status_caught_up(status);
  BSON_APPEND_BOOL(document, "caughtUp", caught_up);
  if (caught_up) {
    message_put_timestamp(document, "caughtUpTimestamp", tail->newest < tail->bookmark ? tail->newest : tail->bookmark);
    BSON_APPEND_DATE_TIME(document, "caughtUpAt", clock_unix_ms() - age_ms);
    BSON_APPEND_DOUBLE(document, "caughtUpAgeSeconds", (double)age_ms / 1000);
  }
  if (status->drain_until_ms) {
    bson_t drain;
    int64_t left_ms = status->drain_until_ms - status->now_ms;
    BSON_APPEND_DOCUMENT_BEGIN(document, "drain", &drain);
    message_put_timestamp(&drain, "reachedTimestamp", tail->bookmark);
    if (tail->goal != 0) {
      message_put_timestamp(&drain, "goalTimestamp", tail->goal);
    }
    BSON_APPEND_INT64(&drain, "secondsLeft", left_ms > 0 ? left_ms / 1000 : 0);
    bson_append_document_end(document, &drain);
  }
}

bool
status_has_workers(const struct status *status)
{
  return status->workers && !status->resumed && !status->handed_off;
}

/* mongomirror has no such thing. */
static void
put_workers(const struct status *status, bson_t *document)
{
  bson_t item;
  if (!status_has_workers(status)) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(document, "workers", &item);
  BSON_APPEND_INT64(&item, "wanted", status->pool->workers_wanted);
  BSON_APPEND_BOOL(&item, "auto", !status->workers->fixed);
  BSON_APPEND_UTF8(&item, "why", workers_why_text(status->workers->why));
  bson_append_document_end(document, &item);
}

/* mongomirror has no such thing. What a pause costs is the time until the oplog drops what is needed. */
void
status_put_pause(const struct status *status, bson_t *document)
{
  bson_t pause;
  if (status->paused_since_ms == 0) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(document, "pause", &pause);
  BSON_APPEND_DATE_TIME(&pause, "since", status->paused_since_ms);
  BSON_APPEND_INT64(&pause, "seconds", (clock_unix_ms() - status->paused_since_ms) / 1000);
  if (window_left_s(status->window) >= 0) {
    BSON_APPEND_INT64(&pause, "windowSecondsLeft", window_left_s(status->window));
  }
  bson_append_document_end(document, &pause);
}

static void
put_applier(const struct status *status, bson_t *document)
{
  const struct tail *tail = status->tail;
  bson_t applier;
  BSON_APPEND_DOCUMENT_BEGIN(document, "applier", &applier);
  BSON_APPEND_BOOL(&applier, "answers", tail_answers(tail, status->now_ms));
  BSON_APPEND_DOUBLE(&applier, "answerAgeSeconds", (double)(status->now_ms - tail->alive_ms) / 1000);
  if (tail->reported_ms) {
    BSON_APPEND_DOUBLE(&applier, "reportAgeSeconds", (double)(status->now_ms - tail->reported_ms) / 1000);
  }
  bson_append_document_end(document, &applier);
}

enum phase
status_phase(const struct status *status)
{
  const struct tail *tail = status->tail;
  if (!status->handed_off) {
    return plan_all_copied(status->plan) ? PHASE_BUILDING : PHASE_COPYING;
  }
  if (status->drain_until_ms) {
    return PHASE_DRAINING;
  }
  return tail->consistent    ? PHASE_TAILING
         : tail->building[0] ? PHASE_BUILDING_UNIQUE
         : tail->replays     ? PHASE_CATCHING_UP
                             : PHASE_WAITING;
}

char *
status_json(const struct status *status)
{
  const struct tail *tail = status->tail;
  bson_t document = BSON_INITIALIZER;
  bson_t details;
  BSON_APPEND_UTF8(&document, "stage", tail->consistent || status->resumed ? "oplog sync" : "initial sync");
  BSON_APPEND_UTF8(&document, "phase", phase_text(status_phase(status)));
  BSON_APPEND_DOCUMENT_BEGIN(&document, "details", &details);
  if (status->handed_off) {
    put_tail_details(tail, &details);
  } else {
    put_copy_details(status->plan, &details);
  }
  bson_append_document_end(&document, &details);
  if (!status->handed_off) { /* mongomirror has no such thing */
    throttle_put(status->throttle, &document);
    put_workers(status, &document);
  }
  put_caught_up(status, &document);
  put_applier(status, &document);
  status_put_pause(status, &document);
  status_put_window(status, &document);
  if (status->error) {
    char *text = text_escaped(status->error->text);
    BSON_APPEND_UTF8(&document, "errorMessage", text);
    free(text);
  }
  char *json = bson_as_relaxed_extended_json(&document, NULL);
  bson_destroy(&document);
  return json;
}

int64_t
status_entries(const struct status *status)
{
  const struct tail *tail = status->tail;
  return tail->taken > tail->entries ? tail->taken : tail->entries;
}

int64_t
status_behind_s(const struct status *status)
{
  const struct tail *tail = status->tail;
  bool ahead = status_phase(status) < PHASE_TAILING && tail->position > tail->bookmark;
  int64_t behind_s = OPTIME_SECONDS(tail->newest) - (int64_t)OPTIME_SECONDS(tail->position);
  return !ahead || tail->newest == 0 ? tail_lag_s(tail, status->now_ms) : behind_s > 0 ? behind_s : 0;
}

void
status_measure(const struct status *status, struct measure *measure)
{
  const struct pool *pool = status->pool;
  const struct tail *tail = status->tail;
  uint64_t position = tail->position > tail->bookmark ? tail->position : tail->bookmark;
  struct measure_look look = {.done = {.bytes = pool->copied_bytes,
                                       .documents = pool->copied_documents,
                                       .entries = status_entries(status),
                                       .lag_s = status->handed_off ? status_behind_s(status) : -1,
                                       .window_left_s = window_left_s(status->window)},
                              .position_s = OPTIME_SECONDS(position),
                              .newest_s = OPTIME_SECONDS(tail->newest > position ? tail->newest : position)};
  if (measure->looked_ms == 0) {
    measure->first_built_work = status->plan->built_work; /* it says nothing of this run's pace */
  }
  for (int i = 0; i < pool->worker_count; i++) {
    const struct child *child = &pool->workers[i];
    bool has = child->running && child->task >= 0 && child->task < (int64_t)status->plan->task_count;
    bool copies = has && status->plan->tasks[child->task].kind == PLAN_COPY;
    look.copies = look.copies || (copies && !pool->paused);
    look.builders += has && !copies;
  }
  measure_take(measure, &look, status->now_ms);
}

static bool
all_wait_to_retry(const struct status *status)
{
  const struct pool *pool = status->pool;
  int waiting = 0;
  for (int i = 0; i < pool->worker_count; i++) {
    if (pool->workers[i].running && pool->workers[i].pause_ms == 0) {
      return false;
    }
    waiting += pool->workers[i].running;
  }
  return waiting > 0;
}

bool
status_waits_for(const struct status *status, char text[STATUS_WAITS_BYTES])
{
  const struct tail *tail = status->tail;
  char *building = NULL;
  text[0] = 0;
  if (status->pool->paused || status->paused_since_ms != 0) {
    snprintf(text, STATUS_WAITS_BYTES, "`mongoferry resume`: it is paused");
    return true;
  }
  if (status->handed_off && !tail_answers(tail, status->now_ms)) {
    snprintf(text, STATUS_WAITS_BYTES, "a sign of life from the applier");
    return true;
  }
  switch (status_phase(status)) {
  case PHASE_COPYING:
  case PHASE_BUILDING:
    snprintf(text, STATUS_WAITS_BYTES, "%s",
             all_wait_to_retry(status)                ? "a server that does not answer: see the last warning"
             : status_phase(status) == PHASE_BUILDING ? "index builds on the target"
                                                      : "");
    break;
  case PHASE_WAITING:
    snprintf(text, STATUS_WAITS_BYTES, "the applier, which prepares the replay");
    break;
  case PHASE_CATCHING_UP:
    snprintf(text, STATUS_WAITS_BYTES, "the replay of what was written since the copy began");
    break;
  case PHASE_BUILDING_UNIQUE:
    building = text_escaped(tail->building);
    snprintf(text, STATUS_WAITS_BYTES, "index builds on the target, now of %s", building);
    free(building);
    break;
  case PHASE_DRAINING:
    snprintf(text, STATUS_WAITS_BYTES, "the source's newest entry at the stop");
    break;
  default:
    break;
  }
  return text[0] != 0;
}
