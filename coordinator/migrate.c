#include "coordinator/migrate.h"

#include <uv.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "coordinator/check/check.h"
#include "coordinator/options/uri.h"
#include "coordinator/pace/throttle.h"
#include "coordinator/prepare/prepare.h"
#include "coordinator/report/http.h"
#include "coordinator/report/progress.h"
#include "coordinator/report/status.h"
#include "coordinator/report/tail.h"
#include "coordinator/run/pool.h"
#include "coordinator/run/signals.h"
#include "coordinator/state/bookmark.h"
#include "coordinator/state/collection_state.h"
#include "coordinator/state/refusals.h"
#include "target/guard/in_flight.h"

#define APPLIER_DEATHS_MOST 3
#define WARN_EVERY_MS INT64_C(300000)
#define HURRY_MS 1000 /* asked twice */
#define LEAVE_MS 5000 /* when all is done, or nothing is to be expected */

struct migration {
  const struct options *options;
  char *source_uri;
  char *target_uri;
  struct selection selection;
  struct checkpoint checkpoint;
  struct servers servers;
  struct catalog catalog;
  struct plan plan;
  bool resumed; /* there was a bookmark: nothing is copied */
  bson_t settings;
  uv_loop_t loop;
  uv_timer_t timer;
  struct signals signals;
  struct pool pool;
  struct progress progress;
  struct http *http; /* NULL: no status port */
  struct http_actions actions;
  struct throttle throttle;
  struct tail tail;
  uint64_t start; /* T0 */
  struct window window;
  int64_t warned_ms; /* that the window is too short */
  int64_t began_ms;
  int64_t publish_ms; /* when the status is to be made next */
  int64_t duplicates;
  struct finished_task *unkept; /* tasks that are done, and the bookmark file does not say so yet */
  size_t unkept_count;
  size_t unkept_capacity;
  bool handed_off;
  bool change_lost;   /* a CHANGED could not be kept: no bookmark may follow it */
  int applier_deaths; /* since the bookmark last moved */
  bool interrupted;
  bool failed;
  int64_t linger_until_ms; /* after a failure the status port answers until then; 0: all is well */
  struct error error;      /* the first one */
};

static int64_t
copy_needs_s(const struct migration *migration)
{
  return migration->handed_off ? -1 : plan_needs_s(&migration->plan, clock_ms() - migration->began_ms);
}

static int64_t
drain_until(const struct migration *migration)
{
  return migration->tail.drain_ms + migration->options->drain_s * 1000;
}

static void
publish(struct migration *migration)
{
  if (!migration->http) {
    return;
  }
  struct status status = {.plan = &migration->plan,
                          .tail = &migration->tail,
                          .window = &migration->window,
                          .throttle = &migration->throttle,
                          .error = migration->failed ? &migration->error : NULL,
                          .needs_s = copy_needs_s(migration),
                          .drain_until_ms = migration->tail.drain_ms ? drain_until(migration) : 0,
                          .now_ms = clock_ms(),
                          .resumed = migration->resumed,
                          .handed_off = migration->handed_off};
  char *json = status_json(&status);
  http_set(migration->http, json ? json : "{}");
  bson_free(json);
}

/* The first one counts. */
static void
set_failed(struct migration *migration, const struct error *error)
{
  if (!migration->failed) {
    migration->failed = true;
    migration->error = *error;
    publish(migration);
  }
}

static void
fail(struct migration *migration, const struct error *error)
{
  set_failed(migration, error);
  pool_stop(&migration->pool);
}

/* What the bookmark file must have; the caller's to destroy. */
static bool
get_kept(struct migration *migration, const char *name, bson_t *document, struct error *error)
{
  int got = checkpoint_get(&migration->checkpoint, name, document, error);
  return got == 1 || (got == 0 && error_set(error, ERROR_STATE, "the bookmark file lost its '%s'", name));
}

/* T0 is in the file by now. */
static bool
read_start(struct migration *migration, struct error *error)
{
  bson_t start;
  if (!get_kept(migration, "start", &start, error)) {
    return false;
  }
  migration->start = message_timestamp(&start, "ts");
  bson_destroy(&start);
  return true;
}

/*
 * What an earlier run kept does not speak of a target that is cleared: it is forgotten first, so that whatever starts after a
 * stop in between begins anew.
 */
static bool
clear_target(struct migration *migration, struct error *error)
{
  const struct options *options = migration->options;
  struct checkpoint *checkpoint = &migration->checkpoint;
  return (!options->drop || (checkpoint_begin(checkpoint, error) && checkpoint_reset(checkpoint, error) &&
                             checkpoint_commit(checkpoint, error))) &&
         prepare_clear_target(&migration->servers, options->drop, error);
}

/* What is not there yet, in the order of a start; nothing is changed before all of it was looked at. */
static bool
plan_rest(struct migration *migration, struct check *check, enum resume_step step,
          const struct migration_identity *identity, struct error *error)
{
  const struct options *options = migration->options;
  struct servers *servers = &migration->servers;
  if (step == RESUME_NOTHING) {
    check_copy(check);
  } else {
    check_resume(check, &migration->checkpoint, step);
  }
  findings_log_warnings(&check->findings);
  if (!findings_conclude(&check->findings, error)) {
    return false;
  }
  migration->resumed = step == RESUME_BOOKMARK;
  bool ok = migration->resumed || ((step != RESUME_NOTHING || clear_target(migration, error)) &&
                                   prepare_plan(servers, options, identity, step, &migration->checkpoint,
                                                &migration->catalog, &migration->plan, error));
  ok = ok && read_start(migration, error);
  if (ok && step == RESUME_PLAN) {
    log_info("going on with the copy: %zu of %zu tasks are done", migration->plan.done, migration->plan.task_count);
  }
  return ok;
}

/* What the servers are like before the copy is what it is held against. */
static void
begin_brake(struct migration *migration)
{
  const struct options *options = migration->options;
  struct load load = servers_load(&migration->servers);
  brake_init(&migration->throttle.brake, (double)options->brake_latency_ms, (double)options->brake_lag_s, &load);
  brake_switch(&migration->throttle.brake, !options->no_brake);
}

/* Steps 1 to 4 of the design: everything that needs a server before the first process. */
static bool
prepare(struct migration *migration, struct error *error)
{
  const struct options *options = migration->options;
  struct servers *servers = &migration->servers;
  struct check check;
  bson_t shape;
  check_init(&check, options, &migration->selection, servers, &migration->catalog);
  check_open(&check, migration->source_uri, migration->target_uri);
  options_shape(options, &migration->selection, &shape);
  struct migration_identity identity = servers_identity(servers, &shape);
  bool ok = findings_conclude(&check.findings, error);
  if (ok) {
    log_info("source set=%s version=%s; target set=%s version=%s", servers->source_hello.set_name,
             servers->source_hello.version, servers->target_hello.set_name, servers->target_hello.version);
    ok = checkpoint_open(&migration->checkpoint, options_bookmark(options), error);
  }
  if (ok) {
    in_flight_wait(&servers->target, NULL, NULL, NULL);
    enum resume_step step = copy_state_look(&migration->checkpoint, options, &identity, error);
    ok = step != RESUME_FAILED && plan_rest(migration, &check, step, &identity, error);
  }
  if (ok) {
    mark_put(&migration->settings, &servers->mark);
    begin_brake(migration);
  }
  check_close(&check);
  servers_close(servers);
  bson_destroy(&shape);
  return ok;
}

static bool
put_optime(struct migration *migration, bson_t *message, const char *field, const char *name, struct error *error)
{
  bson_t optime;
  if (!get_kept(migration, name, &optime, error)) {
    return false;
  }
  BSON_APPEND_DOCUMENT(message, field, &optime);
  bson_destroy(&optime);
  return true;
}

static bool
send_hand_off(struct migration *migration, const char *start_name, uint64_t end, bool fresh, struct error *error)
{
  bson_t message = BSON_INITIALIZER;
  bson_t refused;
  bson_t seen;
  bool listed = refusals_list(&migration->checkpoint, &refused, error);
  bson_t from;
  struct error absent;
  bool ok = copy_state_seen(&migration->checkpoint, &seen, error) && listed &&
            put_optime(migration, &message, "copied_from", "start", error) &&
            put_optime(migration, &message, "start", start_name, error) &&
            copy_state_send_listed(&migration->checkpoint, &message, error) &&
            copy_state_send_mark(&migration->checkpoint, &message, error) &&
            collection_state_send(&migration->checkpoint, &migration->pool, error);
  if (ok) {
    BSON_APPEND_ARRAY(&message, "refused", &refused);
    BSON_APPEND_ARRAY(&message, "seen", &seen);
    message_put_timestamp(&message, "end", end);
    BSON_APPEND_BOOL(&message, "fresh", fresh);
    pool_tell_applier(&migration->pool, MESSAGE_HAND_OFF, &message);
    migration->handed_off = true;
    migration->tail.bookmark = message_document(&message, "start", &from, &absent) ? optime_of(&from).ts : 0;
  }
  bson_destroy(&seen);
  bson_destroy(&refused);
  bson_destroy(&message);
  return ok;
}

/* While the copy runs, the applier watches the oplog. */
static bool
send_watch(struct migration *migration, struct error *error)
{
  bson_t message = BSON_INITIALIZER;
  bool ok = put_optime(migration, &message, "start", "start", error) &&
            copy_state_send_mark(&migration->checkpoint, &message, error);
  if (ok) {
    pool_tell_applier(&migration->pool, MESSAGE_WATCH, &message);
  }
  bson_destroy(&message);
  return ok;
}

/* From here on a start goes on with the replay: the bookmark is T0. */
static bool
keep_copied(struct migration *migration, struct error *error)
{
  bson_t start;
  struct checkpoint *checkpoint = &migration->checkpoint;
  if (!get_kept(migration, "start", &start, error)) {
    return false;
  }
  bool ok = checkpoint_begin(checkpoint, error) && collection_state_put_plan(checkpoint, &migration->plan, error) &&
            checkpoint_put(checkpoint, "bookmark", &start, error) && checkpoint_commit(checkpoint, error);
  bson_destroy(&start);
  return ok;
}

/*
 * Together, about once a second: a range whose mark is lost is copied again, and a small one costs less than a write that waits
 * for the disk.
 */
static bool
keep_tasks(struct migration *migration, struct error *error)
{
  struct checkpoint *checkpoint = &migration->checkpoint;
  if (migration->unkept_count == 0 || migration->handed_off) {
    return true;
  }
  fault_point("range-done");
  bool ok = checkpoint_begin(checkpoint, error);
  for (size_t i = 0; ok && i < migration->unkept_count; i++) {
    ok = copy_state_put_task(checkpoint, &migration->plan, &migration->unkept[i], error);
  }
  ok = ok && checkpoint_commit(checkpoint, error);
  fault_point("range-kept");
  migration->unkept_count = 0;
  return ok;
}

/* The last range and the last index are done: the applier takes over. */
static void
hand_off_if_copied(struct migration *migration)
{
  struct error error;
  if (migration->handed_off || migration->resumed || migration->failed || migration->interrupted ||
      !plan_finished(&migration->plan)) {
    return;
  }
  pool_stop_workers(&migration->pool);
  if (!keep_tasks(migration, &error) || !keep_copied(migration, &error)) {
    fail(migration, &error);
    return;
  }
  plan_log_copied(&migration->plan, clock_ms() - migration->began_ms, migration->duplicates);
  fault_point("hand-off");
  if (!send_hand_off(migration, "start", 0, true, &error)) {
    fail(migration, &error);
  }
}

static void
on_task_done(void *context, int64_t number, const bson_t *document)
{
  struct migration *migration = context;
  struct plan_task *task = &migration->plan.tasks[number];
  if (task->kind == PLAN_COPY) {
    struct plan_collection *collection = &migration->plan.collections[task->collection];
    task->documents = message_number(document, "documents", 0);
    task->bytes = message_number(document, "bytes", 0);
    migration->duplicates += message_number(document, "duplicates", 0);
    collection->start = message_timestamp(document, "start");
    collection->lost = collection->lost || message_flag(document, "lost");
  }
  bson_t seen;
  struct error absent;
  struct finished_task done = {.task = (size_t)number};
  if (message_document(document, "seen", &seen, &absent)) {
    done.seen = optime_of(&seen);
  }
  migration->unkept =
    memory_grow(migration->unkept, migration->unkept_count, &migration->unkept_capacity, sizeof *migration->unkept);
  migration->unkept[migration->unkept_count++] = done;
  hand_off_if_copied(migration);
}

/* With the changes that came before it. */
static bool
save_bookmark(struct migration *migration, const bson_t *message, struct error *error)
{
  bson_t bookmark;
  bson_t taken;
  bson_t document;
  if (!message_document(message, "bookmark", &bookmark, error) || !message_document(message, "taken", &taken, error)) {
    return false;
  }
  bson_copy_to(&bookmark, &document);
  message_put_timestamp(&document, "reached", message_timestamp(message, "reached"));
  BSON_APPEND_DOCUMENT(&document, "taken", &taken);
  bool ok = checkpoint_begin(&migration->checkpoint, error) &&
            copy_state_take_mark(&migration->checkpoint, message, error) &&
            checkpoint_put(&migration->checkpoint, "bookmark", &document, error) &&
            checkpoint_commit(&migration->checkpoint, error);
  uint64_t at = message_timestamp(&document, "ts");
  migration->applier_deaths = at > migration->tail.bookmark ? 0 : migration->applier_deaths;
  migration->tail.bookmark = at;
  bson_destroy(&document);
  return ok;
}

/* Does the source's oplog last? Without a spool, what is needed is all since T0. */
static void
take_window(struct migration *migration, const bson_t *document)
{
  struct window *window = &migration->window;
  struct error error;
  window->oldest = message_timestamp(document, "oldest");
  window->newest = message_timestamp(document, "newest");
  window->needed = message_timestamp(document, "needed");
  window->spooled = message_number(document, "spooled", 0);
  if (!copy_state_take_mark(&migration->checkpoint, document, &error)) {
    fail(migration, &error);
    return;
  }
  window_take(window, clock_ms());
  if (!window_check(window, &error)) {
    fail(migration, &error);
    return;
  }
  int64_t left_s = window_left_s(window);
  int64_t needs_s = copy_needs_s(migration);
  if (left_s >= 0 && needs_s > left_s && clock_ms() - migration->warned_ms >= WARN_EVERY_MS) {
    log_warn(
      "the source's oplog lasts for about %lld s more, and the copy needs about %lld s: enlarge the oplog, or start "
      "again with --oplogPath",
      (long long)left_s, (long long)needs_s);
    migration->warned_ms = clock_ms();
  }
}

/* Kept for the end, which may be another run's. */
static void
on_refused(void *context, const bson_t *document)
{
  struct migration *migration = context;
  struct error error;
  if (!refusals_add(&migration->checkpoint, document, &error)) {
    fail(migration, &error);
  }
}

static void
take_load(struct migration *migration, const bson_t *document)
{
  struct load load = {message_double(document, "source_ms", -1), message_double(document, "target_ms", -1),
                      message_double(document, "lag_s", -1)};
  throttle_look(&migration->throttle, &load, clock_ms());
  pool_set_rate(&migration->pool, throttle_rate(&migration->throttle));
}

/* What the applier says from here on has nothing to be kept with. */
static void
lose_changes(struct migration *migration, const struct error *error)
{
  migration->change_lost = true;
  fail(migration, error);
  child_kill(&migration->pool.applier); /* it may wait for a confirmation */
}

static void
take_applied(struct migration *migration, const bson_t *document)
{
  struct tail *tail = &migration->tail;
  struct error error;
  bool was_consistent = tail->consistent;
  tail_take_applied(tail, document);
  if (!save_bookmark(migration, document, &error)) {
    lose_changes(migration, &error); /* those that were to be kept with it */
    return;
  }
  if (message_flag(document, "confirm")) {
    pool_confirm(&migration->pool);
  }
  if (!was_consistent && tail->consistent) {
    log_info("tailing applied=%lld ts=%u.%u", (long long)tail->entries, OPTIME_SECONDS(tail->bookmark),
             OPTIME_INCREMENT(tail->bookmark));
  }
  if (tail->over) {
    pool_hurry(&migration->pool, LEAVE_MS);
  }
}

static void
on_applier_message(void *context, enum message_type type, const bson_t *document)
{
  struct migration *migration = context;
  struct error error;
  migration->tail.alive_ms = clock_ms();
  if (type == MESSAGE_ALIVE) {
    tail_take_alive(&migration->tail, document);
  } else if (type == MESSAGE_WINDOW) {
    take_window(migration, document);
  } else if (type == MESSAGE_LOAD) {
    take_load(migration, document);
  } else if (type == MESSAGE_REFUSED) {
    on_refused(migration, document);
  } else if (type == MESSAGE_CHANGED && !collection_state_take(&migration->checkpoint, document, &error)) {
    lose_changes(migration, &error);
  } else if (type == MESSAGE_APPLIED && !migration->change_lost) {
    take_applied(migration, document);
  }
}

/*
 * The applier goes on from the bookmark, or from the start if there is none yet. Only a clean end tells how far the replay
 * had come; after any other one, all that is in the oplog by now may have been applied.
 */
static bool
go_on(struct migration *migration, struct error *error)
{
  bson_t bookmark;
  uint64_t at = migration->start;
  uint64_t reached = 0;
  int got = checkpoint_get(&migration->checkpoint, "bookmark", &bookmark, error);
  if (got < 0) {
    return false;
  }
  if (got == 1) {
    bool ok = true;
    at = message_timestamp(&bookmark, "ts");
    if (message_flag(&bookmark, "clean")) {
      reached = message_timestamp(&bookmark, "reached");
      reached = reached > at ? reached : at;
      ok = bookmark_mark_clean(&migration->checkpoint, false, error);
    }
    bson_destroy(&bookmark);
    if (!ok) {
      return false;
    }
  }
  log_info("going on from the %s ts=%u.%u", got == 1 ? "bookmark" : "start", OPTIME_SECONDS(at), OPTIME_INCREMENT(at));
  return send_hand_off(migration, got == 1 ? "bookmark" : "start", reached, false, error);
}

static void
on_applier_ended(void *context, const struct child *applier)
{
  struct migration *migration = context;
  struct error error;
  const char *cause = applier->cause[0] ? applier->cause : "ended by itself";
  struct tail *tail = &migration->tail;
  checkpoint_forget(&migration->checkpoint); /* changes whose bookmark never came */
  if (applier->failed) {
    fail(migration, &applier->error);
  } else if (tail->over || (migration->pool.stopping && (!applier->cause[0] || tail->tailed))) {
    return; /* its last word tells how the run ends */
  } else if (migration->pool.stopping || migration->applier_deaths++ >= APPLIER_DEATHS_MOST) {
    error_set(&error, ERROR_CHILD, "the applier %s%s; start again, it goes on from its bookmark", cause,
              child_mend(applier));
    fail(migration, &error);
  } else {
    tail_begin(tail);
    publish(migration);
    log_warn("the applier %s; another one goes on", cause);
    if (!pool_restart_applier(&migration->pool, &error) ||
        !(migration->handed_off ? go_on(migration, &error) : send_watch(migration, &error))) {
      fail(migration, &error);
    } else if (migration->tail.drain_ms) {
      pool_drain(&migration->pool);
    }
  }
}

static void
on_failed(void *context, const struct error *error)
{
  fail(context, error);
}

static void
on_all_ended(void *context)
{
  struct migration *migration = context;
  int64_t linger_s = migration->options->error_linger_s;
  if (migration->failed && migration->http && !migration->interrupted && linger_s != 0) {
    migration->linger_until_ms = linger_s < 0 ? INT64_MAX : clock_ms() + linger_s * 1000;
    log_error("%s; the status port goes on answering until a signal, or for --errorLingerSeconds",
              migration->error.text);
    return;
  }
  uv_stop(&migration->loop);
}

/* While tailing, what the source has by now is waited for; see coordinator/report/tail.h. */
static void
stop(struct migration *migration)
{
  int64_t seconds = migration->options->drain_s;
  if (!migration->tail.tailed || migration->failed || seconds == 0) {
    pool_stop(&migration->pool);
    return;
  }
  log_info("draining up to the source's newest entry of now, for %lld s at most; another signal stops at once",
           (long long)seconds);
  migration->tail.drain_ms = clock_ms();
  pool_drain(&migration->pool);
}

/* What is done when the time is up. */
static void
end_drain_if_due(struct migration *migration)
{
  struct pool *pool = &migration->pool;
  if (migration->tail.drain_ms == 0 || pool->stopping || tail_drained(&migration->tail) ||
      clock_ms() < drain_until(migration)) {
    return;
  }
  log_warn("the target is not up to the source's newest entry within --drainSeconds: stopping");
  pool_stop(pool);
  if (!migration->tail.consistent || !tail_answers(&migration->tail, clock_ms())) {
    pool_hurry(pool, LEAVE_MS); /* it waits for a server, or is stopped: there is nothing to finish */
  }
}

static void
on_signal(uv_signal_t *handle, int number)
{
  struct migration *migration = handle->data;
  struct pool *pool = &migration->pool;
  bool again = migration->interrupted;
  migration->interrupted = true;
  if (again) {
    pool_hurry(pool, HURRY_MS);
  } else {
    log_info("stopping signal=%s", signals_name(number));
    stop(migration);
  }
  if (!pool_any_running(&migration->pool)) {
    uv_stop(&migration->loop);
  }
}

/* It takes its time where collections are many: a twentieth of all at most. */
static void
publish_if_due(struct migration *migration)
{
  int64_t begun_ms = clock_ms();
  if (begun_ms >= migration->publish_ms) {
    publish(migration);
    migration->publish_ms = clock_ms() + 20 * (clock_ms() - begun_ms);
  }
}

static void
on_timer(uv_timer_t *timer)
{
  struct migration *migration = timer->data;
  struct pool *pool = &migration->pool;
  throttle_tick(&migration->throttle, pool->copied_bytes, pool->copied_documents, clock_ms());
  pool_set_rate(pool, throttle_rate(&migration->throttle));
  pool_tick(pool);
  tail_watch(&migration->tail, pool->applier.running);
  end_drain_if_due(migration);
  publish_if_due(migration);
  struct error error;
  if (!keep_tasks(migration, &error)) {
    fail(migration, &error);
  }
  if (migration->linger_until_ms > 0 && clock_ms() >= migration->linger_until_ms) {
    uv_stop(&migration->loop);
  }
  if (pool->stopping) {
    return;
  }
  hand_off_if_copied(migration); /* a plan without tasks is finished from the start */
  if (migration->handed_off) {
    progress_tail(&migration->progress, &migration->tail, &migration->window);
  } else {
    progress_copy(&migration->progress, &migration->plan, &migration->window);
  }
}

static void
watch(struct migration *migration)
{
  signals_watch(&migration->signals, &migration->loop, on_signal, migration);
  uv_timer_init(&migration->loop, &migration->timer);
  migration->timer.data = migration;
  uv_timer_start(&migration->timer, on_timer, 250, 1000);
}

static void
close_handle(uv_handle_t *handle, void *context)
{
  (void)context;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

/* Steps 5 to 10: the children work, the loop listens. */
static void
run_loop(struct migration *migration)
{
  struct error error;
  struct pool *pool = &migration->pool;
  int result = uv_loop_init(&migration->loop);
  if (result != 0) {
    migration->failed = true;
    error_set(&migration->error, ERROR_INTERNAL, "cannot begin: %s; raise the limit of open files (ulimit -n)",
              uv_strerror(result));
    return;
  }
  watch(migration);
  *pool = (struct pool){
    .loop = &migration->loop,
    .plan = migration->resumed ? NULL : &migration->plan,
    .source_uri = migration->source_uri,
    .target_uri = migration->target_uri,
    .settings = &migration->settings,
    .rate = throttle_rate(&migration->throttle),
    .events = {on_task_done, on_refused, on_applier_message, on_applier_ended, on_failed, on_all_ended, migration}};
  progress_init(&migration->progress);
  migration->began_ms = clock_ms();
  tail_begin(&migration->tail);
  if (!pool_start(pool, options_workers(migration->options), &error) ||
      !(migration->resumed ? go_on(migration, &error) : send_watch(migration, &error))) {
    fail(migration, &error);
  }
  if (pool_any_running(pool)) {
    uv_run(&migration->loop, UV_RUN_DEFAULT);
  }
  progress_end(&migration->progress);
  uv_walk(&migration->loop, close_handle, NULL);
  uv_run(&migration->loop, UV_RUN_DEFAULT);
  process_ignore_signals(); /* the end is being written down */
  uv_loop_close(&migration->loop);
  free(pool->workers);
}

/* What the exit status says, in words, once. */
static int
finish(struct migration *migration)
{
  struct error ignored; /* those ranges are copied again */
  keep_tasks(migration, &ignored);
  const struct tail *tail = &migration->tail;
  struct error error;
  if (!migration->failed && tail->over && !bookmark_mark_clean(&migration->checkpoint, true, &error)) {
    set_failed(migration, &error);
  }
  if (!migration->failed && !tail_judge_end(tail, clock_ms(), &error)) {
    set_failed(migration, &error);
  }
  if (migration->failed) {
    log_error("%s", migration->error.text);
    return error_exit_status(migration->error.kind);
  }
  uint32_t refused = refusals_count(&migration->checkpoint);
  log_info("stopped: everything up to ts=%u.%u is on the target applied=%lld", OPTIME_SECONDS(tail->bookmark),
           OPTIME_INCREMENT(tail->bookmark), (long long)tail->entries);
  if (refused > 0) {
    log_warn("the target refused %u indexes and documents, named above and in earlier runs' logs", refused);
    return error_exit_status(ERROR_INCOMPLETE);
  }
  return 0;
}

/* By the port's thread. */
static unsigned
on_post(void *context, const char *path, const char *body, size_t size, char **reply)
{
  struct migration *migration = context;
  return strcmp(path, "/pace") == 0 ? throttle_post(&migration->throttle, body, size, reply) : 404;
}

/* Opens no connection: what the options say, and the status port. */
static bool
begin(struct migration *migration, struct error *error)
{
  const struct options *options = migration->options;
  throttle_init(&migration->throttle);
  if (!check_files(options, error) || !options_select(options, &migration->selection, error) ||
      (options->max_rate && !rate_parse(options->max_rate, &migration->throttle.most, error))) {
    return false;
  }
  options_settings(options, &migration->selection, &migration->settings);
  migration->source_uri = uri_make(options, URI_SOURCE, error);
  migration->target_uri = migration->source_uri ? uri_make(options, URI_TARGET, error) : NULL;
  migration->target_uri = uri_name(migration->target_uri, options_bookmark(options));
  struct http_place place = {options->http_status_host, (uint16_t)options->http_status_port, options->http_token};
  migration->actions = (struct http_actions){on_post, migration};
  return migration->target_uri &&
         (options->http_status_port == 0 || http_start(&migration->http, &place, &migration->actions, error));
}

int
migrate_run(const struct options *options)
{
  struct migration *migration = memory_new(sizeof *migration);
  struct error error = {.kind = ERROR_NONE};
  migration->options = options;
  bson_init(&migration->settings);
  int status;
  if (begin(migration, &error) && prepare(migration, &error)) {
    run_loop(migration);
    status = finish(migration);
  } else {
    log_error("%s", error.text);
    status = error_exit_status(error.kind);
  }
  http_stop(migration->http);
  throttle_clear(&migration->throttle);
  checkpoint_close(&migration->checkpoint);
  plan_clear(&migration->plan);
  catalog_clear(&migration->catalog);
  selection_clear(&migration->selection);
  memory_wipe(migration->source_uri);
  memory_wipe(migration->target_uri);
  bson_destroy(&migration->settings);
  free(migration->unkept);
  free(migration);
  return status;
}
