#include "coordinator/migrate.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/memory.h"
#include "coordinator/migration.h"
#include "coordinator/report/outcome.h"
#include "coordinator/state/bookmark.h"
#include "coordinator/state/phase_record.h"
#include "coordinator/state/refusals.h"
#include "source/oplog/oplog.h"

static void
tell_phase(void *context, const char *text)
{
  struct migration *migration = context;
  exchange_set_phase(&migration->control.exchange, text);
  supervise_phase(text);
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
  cutover_report_init(&migration->report);
  migration->display.phases.told = tell_phase;
  migration->display.phases.context = migration;
  supervise_begin(&migration->supervision, options);
  throttle_init(&migration->throttle);
  if (options->sign_key && !(migration->signer = signer_read(options->sign_key, options->sign_key_password, error))) {
    return false;
  }
  if (options->repair && !options->verify) {
    return error_set(error, ERROR_USAGE, "--repair goes with --verify, or with 'mongoferry verify'");
  }
  if (!setup_init(&migration->setup, options, error) || !throttle_read_options(&migration->throttle, options, error) ||
      !control_open(&migration->control, &place, error) || !start_prepare(&start, &migration->copy.plan, error)) {
    return false;
  }
  migration->resumed = start.resumed;
  cutover_report_sides(&migration->report, &migration->setup.servers.source_hello,
                       &migration->setup.servers.target_hello);
  throttle_begin(&migration->throttle, options, &start.load);
  migration->verification = (struct beside){.wanted = options->verify,
                                            .options = options,
                                            .selection = &migration->setup.selection,
                                            .checkpoint = &migration->checkpoint,
                                            .throttle = &migration->throttle,
                                            .tail = &migration->replay.tail,
                                            .source_uri = migration->setup.source_uri,
                                            .target_uri = migration->setup.target_uri,
                                            .repair = events_repair,
                                            .all_ended = events_all_ended,
                                            .context = migration};
  return beside_open(&migration->verification, error);
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
         pool_start(&migration->pool, workers_total(&migration->steer.automatic.workers), error) &&
         (migration->resumed ? replay_resume(&migration->replay, error) : replay_watch(&migration->replay, error)) &&
         cutover_begin_run(&migration->cutover, &migration->loop.uv, error) &&
         refusals_count(&migration->checkpoint, &migration->refused, error);
}

static bool
is_beside_server(const struct servers *servers)
{
  return machine_has_host(servers->source_hello.primary) || machine_has_host(servers->target_hello.primary);
}

/* Phases 2 to 5: the children work, the loop listens. */
static bool
run(struct migration *migration, struct error *error)
{
  struct pool *pool = &migration->pool;
  if (!loop_init(&migration->loop, events_on_tick, events_on_signal, migration, error)) {
    return false;
  }
  migration->replay = (struct replay){.pool = pool, .checkpoint = &migration->checkpoint};
  migration->cutover = (struct cutover){.pool = pool,
                                        .checkpoint = &migration->checkpoint,
                                        .replay = &migration->replay,
                                        .questions = {.pool = pool, .checkpoint = &migration->checkpoint},
                                        .report = &migration->report,
                                        .phases = &migration->display.phases,
                                        .verification = &migration->verification,
                                        .bookmark = options_bookmark(migration->setup.options),
                                        .report_file = migration->setup.options->report,
                                        .signer = migration->signer,
                                        .usual_downtime_s = migration->setup.options->max_downtime_s};
  migration->verification.loop = &migration->loop.uv;
  migration->replay.over = cutover_replay_over;
  migration->replay.over_context = &migration->cutover;
  migration->steer = (struct steer){.pool = pool,
                                    .replay = &migration->replay,
                                    .checkpoint = &migration->checkpoint,
                                    .automatic = {.pool = pool,
                                                  .throttle = &migration->throttle,
                                                  .beside_server = is_beside_server(&migration->setup.servers)},
                                    .builds = {.pool = pool, .throttle = &migration->throttle},
                                    .verifiers = &migration->verification.pool};
  *pool = (struct pool){.loop = &migration->loop.uv,
                        .plan = migration->resumed ? NULL : &migration->copy.plan,
                        .source_uri = migration->setup.source_uri,
                        .target_uri = migration->setup.target_uri,
                        .settings = &migration->setup.settings,
                        .rate = throttle_rate(&migration->throttle),
                        .events = events_of_pool(migration)};
  migration->answers = (struct answers){.throttle = &migration->throttle,
                                        .steer = &migration->steer,
                                        .cutover = &migration->cutover,
                                        .status = migration_status,
                                        .context = migration};
  exchange_open(&migration->control.exchange, &migration->loop.uv, answers_make, &migration->answers);
  progress_init(&migration->display.progress);
  auto_workers_begin(&migration->steer.automatic, (int)migration->setup.options->workers);
  build_count_init(&migration->steer.builds.count);
  if (begin_copy(migration, error)) {
    events_begun(migration);
  } else {
    migration_fail(migration, error);
  }
  if (migration_any_running(migration)) {
    loop_run(&migration->loop);
  }
  supervise_stopping(&migration->supervision);
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
  const struct tail *tail = &migration->replay.tail;
  copy_keep(&migration->copy, &migration->checkpoint, &error);
  phase_record_keep(&migration->checkpoint, &migration->display.phases, &error);
  steer_end(&migration->steer);
  if (!migration->failed &&
      ((tail->over && !bookmark_mark_clean(&migration->checkpoint, true, &error)) ||
       !tail_judge_end(tail, clock_ms(), &error) || !cutover_end_run(&migration->cutover, &error))) {
    migration_set_failed(migration, &error);
  }
  refusals_judge(&migration->checkpoint, &refused);
  struct error end = migration->failed ? migration->error : refused;
  struct status status = migration_status(migration);
  outcome_tell(&migration->display.phases, &status, status.refused, end.kind);
  if (!migration->failed) {
    log_always("stopped: everything up to ts=%u.%u is on the target applied=%lld", OPTIME_SECONDS(tail->bookmark),
               OPTIME_INCREMENT(tail->bookmark), (long long)tail->entries);
  }
  if (end.kind != ERROR_NONE) {
    log_line(migration->failed ? LOG_ERROR : LOG_WARN, "%s", end.text);
  }
  supervise_end(&end);
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
    supervise_end(&error);
    status = error_exit_status(error.kind);
  }
  bool finished = migration->cutover.step == CUTOVER_FINISHED;
  control_close(&migration->control);
  answers_clear(&migration->answers);
  beside_close(&migration->verification);
  if (finished && options->verify) {
    beside_remove(options_bookmark(options));
  }
  checkpoint_close(&migration->checkpoint);
  cutover_report_clear(&migration->report);
  signer_free(migration->signer);
  copy_clear(&migration->copy);
  setup_clear(&migration->setup);
  free(migration);
  return status;
}
