#include "coordinator/verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/measure/eta.h"
#include "coordinator/options/uri.h"
#include "coordinator/pace/throttle.h"
#include "coordinator/report/report_file.h"
#include "coordinator/run/loop.h"
#include "coordinator/run/pool.h"
#include "coordinator/verify/migration_excuses.h"
#include "coordinator/verify/moves.h"
#include "coordinator/verify/repair.h"
#include "coordinator/verify/report.h"
#include "coordinator/verify/resume.h"

#define TELL_MS 5000
#define HURRY_MS 1000 /* asked to stop twice */
#define HELPERS_MOST 5
#define DEFINITIONS_MS (1000LL * 3600 * 24 * 365) /* nobody waits for an end of it */

/* The question about the definitions. */
enum asking { NOT_ASKED, ASKED, ANSWERED };

struct verification {
  const struct options *options;
  struct selection selection;
  bson_t settings;
  char *uris[COMPARISON_SIDES]; /* with their secrets */
  struct throttle throttle;
  struct signer *signer; /* NULL: the report is not signed */
  struct pairs pairs;
  struct migration_excuses excuses; /* of --bookmarkFile */
  struct resume resume;             /* of --resumeFolder */
  struct plan plan;
  struct results results;
  struct pool pool;
  struct loop loop;
  enum asking definitions;
  int helpers_lost;
  bool moved; /* a side was written to while it was compared, or may have been */
  bool interrupted;
  bool failed;
  struct error error; /* the first one */
  int64_t began_ms;
  int64_t began_unix_ms;
  int64_t told_ms;
};

static void
fail(void *context, const struct error *error)
{
  struct verification *verification = context;
  if (!verification->failed) {
    verification->failed = true;
    verification->error = *error;
  }
  pool_stop(&verification->pool);
}

static void
end_if_done(struct verification *verification)
{
  if (plan_finished(&verification->plan) && verification->definitions == ANSWERED) {
    pool_stop(&verification->pool);
  }
}

static void
on_task_done(void *context, int64_t number, const bson_t *document)
{
  struct verification *verification = context;
  struct plan_task *task = &verification->plan.tasks[number];
  task->documents = message_number(document, "documents", 0);
  task->bytes = message_number(document, "bytes", 0);
  results_take_range(&verification->results, task->collection, document);
  struct error error;
  if (!resume_keep(&verification->resume, &verification->plan, number, document, &error)) {
    fail(verification, &error);
    return;
  }
  end_if_done(verification);
}

/* What stands in the way of one collection does not end the comparison of the others: it may be a view by now. */
static bool
on_task_failed(void *context, int64_t number, const struct error *why)
{
  struct verification *verification = context;
  if ((why->kind != ERROR_SOURCE && why->kind != ERROR_TARGET) || verification->plan.repairs) {
    return false;
  }
  log_warn("%s; the rest is compared", why->text);
  results_take_unread(&verification->results, verification->plan.tasks[number].collection, why->text);
  return true; /* the next tick sees whether it was the last one */
}

/* A question that failed for what may pass is asked again by the next tick. */
static void
take_failure(struct verification *verification, const bson_t *message)
{
  struct error error;
  message_get_error(message, &error);
  if (!message_flag(message, "retry")) {
    fail(verification, &error);
    return;
  }
  log_warn("%s; this is tried again", error.text);
  verification->definitions = NOT_ASKED;
  results_forget_definitions(&verification->results);
}

static void
on_helper_message(void *context, enum message_type type, const bson_t *message)
{
  struct verification *verification = context;
  if (type == MESSAGE_COMPARED) {
    results_take_definitions(&verification->results, message);
  } else if (type == MESSAGE_FAILED) {
    take_failure(verification, message);
  } else if (type == MESSAGE_DONE) {
    results_take_compared(&verification->results, message);
    verification->definitions = ANSWERED;
    end_if_done(verification);
  }
}

static void
on_helper_ended(void *context, const struct child *helper)
{
  struct verification *verification = context;
  struct error error;
  if (helper->failed) {
    error = helper->error;
  } else {
    error_set(&error, ERROR_CHILD, "a worker %s%s", helper->cause, child_mend(helper));
  }
  if (verification->pool.stopping) {
    return;
  }
  if (++verification->helpers_lost >= HELPERS_MOST || (helper->failed && !server_error_passes(&error))) {
    fail(verification, &error);
    return;
  }
  log_warn("%s; another worker compares the definitions", error.text);
  verification->definitions = NOT_ASKED;
  results_forget_definitions(&verification->results);
  if (!pool_start_helper(&verification->pool, &error)) {
    fail(verification, &error);
  }
}

static void
on_all_ended(void *context)
{
  struct verification *verification = context;
  loop_stop(&verification->loop);
}

static void
ask_definitions(struct verification *verification)
{
  if (verification->definitions != NOT_ASKED || !pool_helper_ready(&verification->pool)) {
    return;
  }
  migration_excuses_send(&verification->excuses, &verification->pool);
  bson_t *message = BCON_NEW("task", BCON_INT64(0), "time_ms", BCON_INT64(DEFINITIONS_MS), "definitions_only",
                             BCON_BOOL(true), "ttl_deferred", BCON_BOOL(verification->excuses.ttl_deferred));
  pool_ask_helper(&verification->pool, MESSAGE_COMPARE, message);
  bson_destroy(message);
  verification->definitions = ASKED;
}

static void
tell(struct verification *verification)
{
  struct plan_total total = plan_total(&verification->plan);
  int64_t passed_ms = clock_ms() - verification->began_ms;
  double seconds = (double)(passed_ms > 0 ? passed_ms : 1) / 1000;
  struct eta_copy rest = {
    .left_bytes = total.expected - total.bytes, .copied_bytes = total.bytes, .copied_ms = passed_ms};
  int64_t left_s = eta_copy_s(&rest);
  char eta[32] = "";
  if (left_s >= 0) {
    snprintf(eta, sizeof eta, " eta_s=%lld", (long long)left_s);
  }
  log_info("comparing documents=%lld mb=%.1f of_mb=%.1f docs_per_s=%.0f mb_per_s=%.1f ranges=%zu/%zu different=%lld%s",
           (long long)total.documents, (double)total.bytes / 1e6, (double)total.expected / 1e6,
           (double)total.documents / seconds, (double)total.bytes / 1e6 / seconds, verification->plan.done,
           verification->plan.task_count, (long long)results_differences(&verification->results), eta);
}

static void
on_tick(uv_timer_t *timer)
{
  struct verification *verification = timer->data;
  struct error error;
  pool_tick(&verification->pool);
  if (!resume_sync(&verification->resume, &error)) {
    fail(verification, &error);
  }
  if (verification->pool.stopping) {
    return;
  }
  ask_definitions(verification);
  end_if_done(verification); /* a plan without tasks is finished from the start */
  if (clock_ms() - verification->told_ms >= TELL_MS) {
    verification->told_ms = clock_ms();
    tell(verification);
  }
}

/* A second signal does not wait. */
static void
on_signal(uv_signal_t *handle, int number)
{
  struct verification *verification = handle->data;
  struct pool *pool = &verification->pool;
  if (verification->interrupted) {
    pool_hurry(pool, HURRY_MS);
  } else {
    log_info("stopping signal=%s", signals_name(number));
    pool_stop(pool);
  }
  verification->interrupted = true;
  if (!pool_any_running(pool)) {
    loop_stop(&verification->loop);
  }
}

/* Of the workers. */
static void
make_settings(struct verification *verification, bool read_only)
{
  const struct options *options = verification->options;
  bson_reinit(&verification->settings);
  options_settings(options, &verification->selection, &verification->settings);
  BSON_APPEND_BOOL(&verification->settings, "readOnly", read_only);
  BSON_APPEND_BOOL(&verification->settings, "showValues", options->show_values);
}

/* What the options say, and what follows before the first connection. */
static bool
read_options(struct verification *verification, struct error *error)
{
  const struct options *options = verification->options;
  throttle_init(&verification->throttle);
  if (options->sign_key &&
      !(verification->signer = signer_read(options->sign_key, options->sign_key_password, error))) {
    return false;
  }
  if (!options_select(options, &verification->selection, error) ||
      !throttle_read_options(&verification->throttle, options, error)) {
    return false;
  }
  make_settings(verification, true);
  verification->uris[SOURCE_SIDE] = uri_make(options, URI_SOURCE, error);
  verification->uris[TARGET_SIDE] = verification->uris[SOURCE_SIDE] ? uri_make(options, URI_TARGET, error) : NULL;
  return verification->uris[TARGET_SIDE] != NULL;
}

static bool
prepare(struct verification *verification, struct error *error)
{
  if (!read_options(verification, error)) {
    return false;
  }
  const char *folder = verification->options->resume_folder;
  if (folder && !resume_open(&verification->resume, folder, error)) {
    return false;
  }
  verification->pairs = (struct pairs){.options = verification->options,
                                       .resume = folder ? &verification->resume : NULL,
                                       .selection = &verification->selection,
                                       .uris = {verification->uris[SOURCE_SIDE], verification->uris[TARGET_SIDE]}};
  if (!pairs_prepare(&verification->pairs, &verification->plan, error)) {
    return false;
  }
  const struct server_hello *hellos = verification->pairs.hellos;
  log_info("source version=%s; target version=%s; comparing collections=%zu ranges=%zu",
           log_value("%s", hellos[SOURCE_SIDE].version), log_value("%s", hellos[TARGET_SIDE].version),
           verification->plan.collection_count, verification->plan.task_count);
  results_init(&verification->results, &verification->plan);
  const char *bookmark = verification->options->bookmark_file;
  return (!bookmark ||
          migration_excuses_read(&verification->excuses, bookmark, &verification->pairs, &verification->plan, error)) &&
         resume_begin(&verification->resume, &verification->pairs, &verification->plan, &verification->results,
                      &verification->began_unix_ms, error);
}

static bool
run(struct verification *verification, struct error *error)
{
  if (!loop_init(&verification->loop, on_tick, on_signal, verification, error)) {
    return false;
  }
  struct pool *pool = &verification->pool;
  *pool = (struct pool){.loop = &verification->loop.uv,
                        .plan = &verification->plan,
                        .source_uri = verification->uris[SOURCE_SIDE],
                        .target_uri = verification->uris[TARGET_SIDE],
                        .settings = &verification->settings,
                        .rate = throttle_rate(&verification->throttle),
                        .events = {.task_done = on_task_done,
                                   .task_failed = on_task_failed,
                                   .helper_message = on_helper_message,
                                   .helper_ended = on_helper_ended,
                                   .failed = fail,
                                   .all_ended = on_all_ended,
                                   .context = verification}};
  verification->began_ms = verification->told_ms = clock_ms();
  if (!pool_start(pool, options_workers(verification->options), error) || !pool_start_helper(pool, error)) {
    fail(verification, error);
  }
  if (pool_any_running(pool)) {
    loop_run(&verification->loop);
  }
  loop_close(&verification->loop);
  free(pool->workers);
  if (verification->failed) {
    *error = verification->error;
    return false;
  }
  if (!resume_sync(&verification->resume, error)) {
    return false;
  }
  return !verification->interrupted ||
         error_set(error, ERROR_INTERRUPTED, "stopped by a signal before everything was compared");
}

static void
print(const bson_t *document, bool json)
{
  if (json) {
    char *text = report_json(document);
    puts(text ? text : "{}");
    bson_free(text);
  } else {
    report_print(document, stdout);
  }
  fflush(stdout);
}

/* Whether a side was written to while it was read, or may have been. */
static bool
may_have_moved(const struct verification *verification, int side)
{
  struct error unknown;
  const struct results *results = &verification->results;
  return results->from[side] != results->to[side] &&
         moves_any(side == SOURCE_SIDE ? ERROR_SOURCE : ERROR_TARGET, verification->uris[side], results->from[side],
                   results->to[side], &unknown) != 0;
}

/* Differences that cannot be repaired stay in the report. */
static bool
repair(struct verification *verification, struct error *error)
{
  struct error why;
  const struct options *options = verification->options;
  verification->moved = may_have_moved(verification, SOURCE_SIDE) || may_have_moved(verification, TARGET_SIDE);
  if (!options->repair || results_differences(&verification->results) == 0) {
    return true;
  }
  if (!repair_may_begin(&verification->pairs, &verification->results, options->bookmark_file, &why)) {
    log_warn("%s", why.text);
    return true;
  }
  if (repair_plan(&verification->plan, &verification->results) == 0) {
    return true;
  }
  verification->plan.repairs = true;
  make_settings(verification, false);
  return run(verification, error);
}

/* All was compared. */
static bool
conclude(struct verification *verification, struct error *error)
{
  bson_t document;
  struct report report = {.pairs = &verification->pairs,
                          .results = &verification->results,
                          .began_unix_ms = verification->began_unix_ms,
                          .ended_unix_ms = clock_unix_ms(),
                          .moved = verification->moved};
  enum error_kind kind = report_make(&report, &document);
  tell(verification);
  print(&document, verification->options->json);
  const char *file = verification->options->report;
  bool ok = !file || report_file_write(&document, file, verification->signer, error);
  bson_destroy(&document);
  ok = ok && resume_remove(&verification->resume, error);
  if (ok && kind != ERROR_NONE) {
    error_set(error, kind, "%s",
              kind == ERROR_DIFFERENT ? error_meaning(kind)
                                      : "not everything could be compared; the report says what, and why");
    ok = false;
  }
  return ok;
}

int
verify_run(const struct options *options)
{
  struct error error = {.kind = ERROR_NONE};
  struct verification *verification = memory_new(sizeof *verification);
  verification->options = options;
  verification->began_unix_ms = clock_unix_ms();
  bson_init(&verification->settings);
  bool ok = prepare(verification, &error) && run(verification, &error) && repair(verification, &error) &&
            conclude(verification, &error);
  if (!ok) {
    log_error("%s", error.text);
  }
  signer_free(verification->signer);
  resume_close(&verification->resume);
  results_clear(&verification->results);
  plan_clear(&verification->plan);
  migration_excuses_clear(&verification->excuses);
  pairs_clear(&verification->pairs);
  selection_clear(&verification->selection);
  memory_wipe(verification->uris[SOURCE_SIDE]);
  memory_wipe(verification->uris[TARGET_SIDE]);
  bson_destroy(&verification->settings);
  free(verification);
  return ok ? 0 : error_exit_status(error.kind);
}
