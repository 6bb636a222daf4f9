#include "coordinator/migrate.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/answers.h"
#include "coordinator/control/control.h"
#include "coordinator/copy.h"
#include "coordinator/prepare/start.h"
#include "coordinator/report/display.h"
#include "coordinator/report/outcome.h"
#include "coordinator/run/loop.h"
#include "coordinator/state/bookmark.h"
#include "coordinator/state/refusals.h"
#include "source/oplog/oplog.h"

#define HURRY_MS 1000 /* asked twice */

struct migration {
  struct setup setup;
  struct checkpoint checkpoint; /* the bookmark file */
  struct copy copy;
  struct replay replay;
  struct throttle throttle;
  struct window window;
  struct display display;
  struct control control;
  struct answers answers;
  struct steer steer;
  struct pool pool;
  bool resumed; /* there was a bookmark: nothing is copied */
  struct loop loop;
  bool interrupted;
  bool failed;
  struct error error;      /* the first one */
  int64_t linger_until_ms; /* after a failure the status port answers until then; 0: all is well */
};

static struct status
status_of(const void *context)
{
  const struct migration *migration = context;
  const struct replay *replay = &migration->replay;
  return (struct status){.plan = &migration->copy.plan,
                         .pool = &migration->pool,
                         .tail = &replay->tail,
                         .window = &migration->window,
                         .throttle = &migration->throttle,
                         .error = migration->failed ? &migration->error : NULL,
                         .copy_began_ms = migration->copy.began_ms + steer_paused_ms(&migration->steer),
                         .paused_since_ms = migration->steer.paused ? migration->steer.since_ms : 0,
                         .drain_until_ms = replay->drain_until_ms,
                         .now_ms = clock_ms(),
                         .resumed = migration->resumed,
                         .handed_off = replay->handed_off,
                         .stopping = migration->pool.stopping};
}

/* The first error counts. */
static void
set_failed(struct migration *migration, const struct error *error)
{
  if (!migration->failed) {
    migration->failed = true;
    migration->error = *error;
  }
}

static void
fail(void *context, const struct error *error)
{
  struct migration *migration = context;
  set_failed(migration, error);
  pool_stop(&migration->pool);
}

/* Phase 1, prepare: what the options say, then everything that needs a server before the first process. */
static bool
prepare(struct migration *migration, const struct options *options, struct error *error)
{
  struct http_place place = {options->http_status_host, (uint16_t)options->http_status_port, options->http_token};
  struct start start = {.setup = &migration->setup,
                        .checkpoint = &migration->checkpoint,
                        .phases = &migration->display.phases,
                        .control = &migration->control};
  control_init(&migration->control);
  migration->display.phases.told = exchange_set_phase;
  migration->display.phases.context = &migration->control.exchange;
  throttle_init(&migration->throttle);
  if (!setup_init(&migration->setup, options, error) || !throttle_read_options(&migration->throttle, options, error) ||
      !control_open(&migration->control, &place, error) || !start_prepare(&start, &migration->copy.plan, error)) {
    return false;
  }
  migration->resumed = start.resumed;
  throttle_begin(&migration->throttle, options, &start.load);
  return true;
}

/*
 * Phase 2, copy: workers are lent the plan's tasks, and the applier watches the oplog. After a bookmark nothing is
 * copied.
 */
static bool
begin_copy(struct migration *migration, struct error *error)
{
  migration->copy.began_ms = clock_ms();
  tail_begin(&migration->replay.tail);
  if (!migration->resumed) { /* it may be over before the first tick */
    phase_begin(&migration->display.phases, PHASE_COPYING);
  }
  return steer_begin(&migration->steer, error) &&
         pool_start(&migration->pool, options_workers(migration->setup.options), error) &&
         (migration->resumed ? replay_resume(&migration->replay, error) : replay_watch(&migration->replay, error));
}

/* Phase 3, hand-off: the last range and the last index are done, and the applier takes over. */
static void
hand_off_if_copied(struct migration *migration)
{
  struct error error;
  struct replay *replay = &migration->replay;
  if (replay->handed_off || migration->resumed || migration->failed || migration->interrupted ||
      !plan_finished(&migration->copy.plan)) {
    return;
  }
  pool_stop_workers(&migration->pool);
  if (!copy_finish(&migration->copy, &migration->checkpoint, &error) || !replay_hand_off(replay, &error)) {
    fail(migration, &error);
  }
}

static void
on_task_done(void *context, int64_t number, const bson_t *document)
{
  struct migration *migration = context;
  copy_task_done(&migration->copy, number, document);
  hand_off_if_copied(migration);
}

static void
on_refused(void *context, const bson_t *document)
{
  struct migration *migration = context;
  struct error error;
  if (!refusals_take(&migration->checkpoint, document, &error)) {
    fail(migration, &error);
  }
}

/* Phase 4, follow: what the applier says. It watches during the copy, then replays, then tails. */
static void
on_applier_message(void *context, enum message_type type, const bson_t *message)
{
  struct migration *migration = context;
  struct error error;
  bool ok = replay_take(&migration->replay, type, message, &error);
  if (ok && type == MESSAGE_WINDOW) {
    ok = copy_state_take_mark(&migration->checkpoint, message, &error) &&
         window_take(&migration->window, message, clock_ms(), &error);
    struct status status = status_of(migration);
    window_warn(&migration->window, status_copy_needs_s(&status), status.paused_since_ms != 0, clock_ms());
  } else if (type == MESSAGE_LOAD) {
    throttle_take_load(&migration->throttle, message, clock_ms());
    pool_set_rate(&migration->pool, throttle_rate(&migration->throttle));
  } else if (type == MESSAGE_REFUSED) {
    on_refused(migration, message);
  }
  if (!ok) {
    fail(migration, &error);
  }
}

static void
on_applier_ended(void *context, const struct child *applier)
{
  struct migration *migration = context;
  struct error error;
  if (!replay_applier_ended(&migration->replay, applier, &error)) {
    fail(migration, &error);
  }
}

/* Phase 5, stop: asked to by a signal. A second one does not wait. */
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
    replay_stop(&migration->replay, migration->setup.options->drain_s);
  }
  if (!pool_any_running(pool)) {
    loop_stop(&migration->loop);
  }
}

static void
on_all_ended(void *context)
{
  struct migration *migration = context;
  int64_t linger_s = migration->setup.options->error_linger_s;
  if (migration->failed && migration->control.port && !migration->interrupted && linger_s != 0) {
    migration->linger_until_ms = linger_s < 0 ? INT64_MAX : clock_ms() + linger_s * 1000;
    log_error("%s; the status port goes on answering until a signal, or for --errorLingerSeconds",
              migration->error.text);
  } else {
    loop_stop(&migration->loop);
  }
}

/* Once a second. */
static void
on_tick(uv_timer_t *timer)
{
  struct migration *migration = timer->data;
  struct pool *pool = &migration->pool;
  struct error error;
  throttle_tick(&migration->throttle, pool->copied_bytes, pool->copied_documents, clock_ms());
  pool_set_rate(pool, throttle_rate(&migration->throttle));
  pool_tick(pool);
  steer_tick(&migration->steer);
  replay_tick(&migration->replay);
  if (!copy_keep(&migration->copy, &migration->checkpoint, &error)) {
    fail(migration, &error);
  }
  if (!pool->stopping) {
    hand_off_if_copied(migration); /* a plan without tasks is finished from the start */
  }
  struct status status = status_of(migration);
  display_tick(&migration->display, &status);
  if (migration->linger_until_ms > 0 && clock_ms() >= migration->linger_until_ms) {
    loop_stop(&migration->loop);
  }
}

/* Phases 2 to 5: the children work, the loop listens. */
static bool
run(struct migration *migration, struct error *error)
{
  struct pool *pool = &migration->pool;
  if (!loop_init(&migration->loop, on_tick, on_signal, migration, error)) {
    return false;
  }
  migration->replay = (struct replay){.pool = pool, .checkpoint = &migration->checkpoint};
  migration->steer = (struct steer){.pool = pool, .replay = &migration->replay, .checkpoint = &migration->checkpoint};
  *pool = (struct pool){
    .loop = &migration->loop.uv,
    .plan = migration->resumed ? NULL : &migration->copy.plan,
    .source_uri = migration->setup.source_uri,
    .target_uri = migration->setup.target_uri,
    .settings = &migration->setup.settings,
    .rate = throttle_rate(&migration->throttle),
    .events = {on_task_done, on_refused, on_applier_message, on_applier_ended, fail, on_all_ended, migration}};
  migration->answers = (struct answers){
    .throttle = &migration->throttle, .steer = &migration->steer, .status = status_of, .context = migration};
  exchange_open(&migration->control.exchange, &migration->loop.uv, answers_make, &migration->answers);
  progress_init(&migration->display.progress);
  if (!begin_copy(migration, error)) {
    fail(migration, error);
  }
  if (pool_any_running(pool)) {
    loop_run(&migration->loop);
  }
  progress_end(&migration->display.progress);
  exchange_close(&migration->control.exchange);
  loop_close(&migration->loop);
  free(pool->workers);
  return true;
}

/* Phase 6, finish: what the exit status says, in words, once. */
static int
finish(struct migration *migration)
{
  struct error error; /* of copy_keep it does not count: those ranges are copied again */
  struct error refused = {.kind = ERROR_NONE};
  int64_t refusals = 0;
  const struct tail *tail = &migration->replay.tail;
  copy_keep(&migration->copy, &migration->checkpoint, &error);
  steer_end(&migration->steer);
  if (!migration->failed && ((tail->over && !bookmark_mark_clean(&migration->checkpoint, true, &error)) ||
                             !tail_judge_end(tail, clock_ms(), &error))) {
    set_failed(migration, &error);
  }
  refusals_count(&migration->checkpoint, &refusals, &error);
  refusals_judge(&migration->checkpoint, &refused);
  struct error end = migration->failed ? migration->error : refused;
  struct status status = status_of(migration);
  outcome_tell(&migration->display.phases, &status, refusals, end.kind);
  if (!migration->failed) {
    log_always("stopped: everything up to ts=%u.%u is on the target applied=%lld", OPTIME_SECONDS(tail->bookmark),
               OPTIME_INCREMENT(tail->bookmark), (long long)tail->entries);
  }
  if (end.kind != ERROR_NONE) {
    log_line(migration->failed ? LOG_ERROR : LOG_WARN, "%s", end.text);
  }
  return error_exit_status(end.kind);
}

int
migrate_run(const struct options *options)
{
  struct migration *migration = memory_new(sizeof *migration);
  struct error error = {.kind = ERROR_NONE};
  int status;
  if (prepare(migration, options, &error) && run(migration, &error)) {
    status = finish(migration);
  } else {
    log_error("%s", error.text);
    status = error_exit_status(error.kind);
  }
  control_close(&migration->control);
  answers_clear(&migration->answers);
  checkpoint_close(&migration->checkpoint);
  copy_clear(&migration->copy);
  setup_clear(&migration->setup);
  free(migration);
  return status;
}
