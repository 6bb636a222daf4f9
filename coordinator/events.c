#include "base/clock.h"
#include "base/log.h"
#include "coordinator/migration.h"
#include "coordinator/state/phase_record.h"
#include "coordinator/state/refusals.h"

#define HURRY_MS 1000 /* asked twice */

bool
migration_any_running(const struct migration *migration)
{
  return pool_any_running(&migration->pool) || beside_any_running(&migration->verification);
}

struct status
migration_status(const void *context)
{
  const struct migration *migration = context;
  const struct replay *replay = &migration->replay;
  return (struct status){.plan = &migration->copy.plan,
                         .pool = &migration->pool,
                         .tail = &replay->tail,
                         .window = &migration->window,
                         .throttle = &migration->throttle,
                         .workers = &migration->steer.automatic.workers,
                         .measure = &migration->display.measure,
                         .phases = &migration->display.phases,
                         .verification = migration->verification.wanted ? &migration->verification.view : NULL,
                         .error = migration->failed ? &migration->error : NULL,
                         .paused_since_ms = migration->steer.paused ? migration->steer.since_ms : 0,
                         .drain_until_ms = replay->drain_until_ms,
                         .now_ms = clock_ms(),
                         .refused = migration->refused,
                         .resumed = migration->resumed,
                         .handed_off = replay->handed_off,
                         .stopping = migration->pool.stopping};
}

void
migration_set_failed(struct migration *migration, const struct error *error)
{
  if (!migration->failed) {
    migration->failed = true;
    migration->error = *error;
  }
}

void
migration_fail(void *context, const struct error *error)
{
  struct migration *migration = context;
  migration_set_failed(migration, error);
  if (!cutover_stop(&migration->cutover, error)) {
    pool_stop(&migration->pool);
  }
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
    migration_fail(migration, &error);
  }
}

void
events_begun(struct migration *migration)
{
  hand_off_if_copied(migration);
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
  if (!refusals_take(&migration->checkpoint, document, &error) ||
      !refusals_count(&migration->checkpoint, &migration->refused, &error)) {
    migration_fail(migration, &error);
  }
  beside_refused(&migration->verification);
}

static uint64_t
bookmark_of(const bson_t *applied)
{
  bson_t bookmark;
  struct error absent;
  return message_document(applied, "bookmark", &bookmark, &absent) ? message_timestamp(&bookmark, "ts") : 0;
}

/* Phase 4, follow: what the applier says. It watches during the copy, then replays, then tails. */
static void
on_applier_message(void *context, enum message_type type, const bson_t *message)
{
  struct migration *migration = context;
  struct error error;
  if (type == MESSAGE_TOUCHED) {
    beside_take_touched(&migration->verification, message);
    return;
  }
  if (type == MESSAGE_APPLIED) {
    beside_keep(&migration->verification, bookmark_of(message));
  }
  bool ok = replay_take(&migration->replay, type, message, &error);
  if (ok && type == MESSAGE_APPLIED) {
    beside_reached(&migration->verification);
  }
  if (ok && type == MESSAGE_WINDOW) {
    ok = copy_state_take_mark(&migration->checkpoint, message, &error) &&
         window_take(&migration->window, message, clock_ms(), &error);
    struct status status = migration_status(migration);
    window_warn(&migration->window, status_copy_needs_s(&status), status.paused_since_ms != 0, clock_ms());
  } else if (type == MESSAGE_LOAD) {
    throttle_take_load(&migration->throttle, message, clock_ms());
    pool_set_rate(&migration->pool, throttle_rate(&migration->throttle));
  } else if (type == MESSAGE_REFUSED) {
    on_refused(migration, message);
  }
  if (!ok) {
    migration_fail(migration, &error);
  }
  struct status now = migration_status(migration);
  display_phase(&migration->display, &now);
}

static void
on_applier_ended(void *context, const struct child *applier)
{
  struct migration *migration = context;
  struct error error;
  if (!replay_applier_ended(&migration->replay, applier, &error)) {
    migration_fail(migration, &error);
  }
}

static void
on_helper_message(void *context, enum message_type type, const bson_t *message)
{
  struct migration *migration = context;
  cutover_take(&migration->cutover, type, message);
}

static void
on_helper_ended(void *context, const struct child *helper)
{
  struct migration *migration = context;
  cutover_worker_ended(&migration->cutover, helper);
}

/* Phase 5, stop: asked to by a signal. A second one does not wait. */
void
events_on_signal(uv_signal_t *handle, int number)
{
  struct migration *migration = handle->data;
  struct pool *pool = &migration->pool;
  bool again = migration->interrupted;
  migration->interrupted = true;
  if (again) {
    pool_hurry(pool, HURRY_MS);
  } else {
    log_info("stopping signal=%s", signals_name(number));
    supervise_stopping(&migration->supervision);
    if (!cutover_stop(&migration->cutover, NULL)) {
      replay_stop(&migration->replay, migration->setup.options->drain_s);
    }
  }
  if (!migration_any_running(migration)) {
    loop_stop(&migration->loop);
  }
}

void
events_repair(void *context, const bson_t *message)
{
  struct migration *migration = context;
  pool_tell_applier(&migration->pool, MESSAGE_REPAIR, message);
}

/* The migration's pool and the verification's have nobody left. */
void
events_all_ended(void *context)
{
  struct migration *migration = context;
  if (!migration->pool.stopping && pool_any_running(&migration->pool)) { /* only the verification has ended */
    return;
  }
  beside_stop(&migration->verification);
  if (migration_any_running(migration)) {
    return;
  }
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
void
events_on_tick(uv_timer_t *timer)
{
  struct migration *migration = timer->data;
  struct pool *pool = &migration->pool;
  struct error error;
  throttle_tick(&migration->throttle, pool->copied_bytes, pool->copied_documents, clock_ms());
  pool_set_rate(pool, throttle_rate(&migration->throttle));
  pool_tick(pool);
  steer_tick(&migration->steer);
  replay_tick(&migration->replay);
  if (!copy_keep(&migration->copy, &migration->checkpoint, &error) ||
      !phase_record_keep(&migration->checkpoint, &migration->display.phases, &error)) {
    migration_fail(migration, &error);
  }
  if (!pool->stopping) {
    beside_pause(&migration->verification, migration->steer.paused);
    beside_tick(&migration->verification);
  } else {
    beside_stop(&migration->verification);
  }
  struct status status = migration_status(migration);
  if (cutover_tick(&migration->cutover, migration->setup.options, &status)) {
    replay_stop(&migration->replay, migration->failed ? 0 : migration->setup.options->drain_s);
  }
  display_tick(&migration->display, &status);
  supervise_tick(&migration->supervision, &status);
  if (migration->linger_until_ms > 0 && clock_ms() >= migration->linger_until_ms) {
    loop_stop(&migration->loop);
  }
}

struct pool_events
events_of_pool(struct migration *migration)
{
  return (struct pool_events){.task_done = on_task_done,
                              .refused = on_refused,
                              .applier_message = on_applier_message,
                              .applier_ended = on_applier_ended,
                              .helper_message = on_helper_message,
                              .helper_ended = on_helper_ended,
                              .failed = migration_fail,
                              .all_ended = events_all_ended,
                              .context = migration};
}
