#include "coordinator/cutover.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "coordinator/cutover/obstacles.h"
#include "coordinator/state/bookmark.h"
#include "coordinator/state/phase_record.h"
#include "coordinator/state/refusals.h"
#include "source/oplog/oplog.h"

#define TICK_MS 50
#define WRITERS_MS 2000 /* between two questions who writes, which take a second each */
#define WRITTEN_MS 300  /* a write came so short a while ago that more may follow */
#define AGAIN_MS 1000   /* before something is asked for again that did not work */
#define DEATHS_MOST 3
#define VERIFY_AGAIN_MS 100
#define GRACE_MS 10000 /* for a question that is under way when the time is over */
#define LAST_LOOK_MS 30000
#define SHOW_MS 2000     /* how long a run that is finished waits for somebody to ask, so that a page can tell of it */
#define RELEASE_MS 60000 /* how long it is tried to let the source write again */
#define DRAIN_LEAST_S 30 /* the end is reached already; a server may be away for a moment */

#define UNBLOCK "db.adminCommand({setUserWriteBlockMode: 1, global: false}) lets them go"

static const char *const texts[] = {
#define STEP(name, text) text,
#include "coordinator/cutover/steps.def"
#undef STEP
};

static void enter(struct cutover *cutover, enum cutover_step step);

static int64_t
since_begin_ms(const struct cutover *cutover)
{
  return clock_ms() - cutover->began_ms;
}

static bool
is_late(const struct cutover *cutover)
{
  return cutover->request.max_downtime_s > 0 && since_begin_ms(cutover) >= 1000 * cutover->request.max_downtime_s;
}

/* What is left of the time that comparing may take. */
static int64_t
compare_ms(const struct cutover *cutover)
{
  int64_t left_ms = cutover->request.compare_s * 1000;
  if (cutover->request.max_downtime_s > 0 && !cutover->request.rehearse) {
    int64_t whole_ms = cutover->request.max_downtime_s * 1000 - since_begin_ms(cutover);
    left_ms = whole_ms < left_ms ? whole_ms : left_ms;
  }
  return left_ms > 0 ? left_ms : 1;
}

/* The record is on the disk before anything happens that it tells of. */
static bool
note(struct cutover *cutover, enum cutover_record_step step, struct error *error)
{
  struct cutover_record record = {.step = step, .blocked = cutover->ours};
  return cutover->request.rehearse || cutover_record_put(cutover->checkpoint, &record, error);
}

/* The applier reports more often, or as usual again. */
static void
hurry(struct cutover *cutover, bool on)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_BOOL(&message, "hurry", on);
  pool_tell_applier(cutover->pool, MESSAGE_HURRY, &message);
  bson_destroy(&message);
}

/* It is over without an end of the migration, which goes on tailing. */
static void
rest(struct cutover *cutover)
{
  struct error error;
  cutover->step = CUTOVER_OFF;
  cutover->questions.open = 0;
  uv_timer_stop(&cutover->timer);
  pool_stop_helper(cutover->pool);
  hurry(cutover, false);
  beside_hurry(cutover->verification, false);
  if (!note(cutover, CUTOVER_RECORD_NONE, &error)) {
    log_warn("%s", error.text);
  }
}

/* Keeps the report of a cut-over that did not finish, or of a rehearsal. */
static void
keep_report(struct cutover *cutover)
{
  struct error error;
  bson_t refused;
  bson_t document;
  bson_t phases = BSON_INITIALIZER;
  bson_t verification;
  bool listed = refusals_list(cutover->checkpoint, &refused, &error);
  phase_record_put(cutover->phases, &phases);
  beside_report(cutover->verification, UINT32_MAX, &verification);
  bool well = cutover->result.kind == ERROR_NONE;
  struct cutover_outcome outcome = {.rehearsal = cutover->request.rehearse,
                                    .why = well ? NULL : cutover->result.text,
                                    .exit_status = error_exit_status(cutover->result.kind),
                                    .refused = &refused,
                                    .verification = &verification,
                                    .phases = &phases};
  cutover_report_make(cutover->report, &outcome, &document);
  if (!listed || !checkpoint_put(cutover->checkpoint, "report", &document, &error)) {
    log_warn("%s", error.text);
  }
  bson_destroy(&document);
  bson_destroy(&refused);
  bson_destroy(&verification);
  bson_destroy(&phases);
}

/* The migration goes on tailing; the source may write again. */
static void
give_up(struct cutover *cutover, const struct error *error)
{
  cutover->result = *error;
  cutover->told = true;
  log_warn("the cut-over gave up, and the migration goes on tailing: %s", error->text);
  keep_report(cutover);
  if (!cutover->ours) {
    rest(cutover);
    return;
  }
  if (cutover->questions.open) { /* whoever works at it may be held up for long; another worker goes on */
    cutover->questions.open = 0;
    pool_stop_helper(cutover->pool);
  }
  struct error none;
  if (!pool_start_helper(cutover->pool, &none)) {
    log_warn("%s", none.text);
  }
  enter(cutover, CUTOVER_UNBLOCKING);
}

/* Nothing was wrong with it, but it is no cut-over: a rehearsal ends, or the run that began it has died. */
static void
end_rehearsal(struct cutover *cutover)
{
  const struct tail *tail = &cutover->replay->tail;
  cutover->report->last = cutover->end;
  cutover->report->written = tail->last_write;
  cutover->report->quiet_ms = since_begin_ms(cutover) + (cutover->request.block ? 0 : cutover->request.idle_s * 1000);
  error_set(&cutover->result, ERROR_NONE, "the rehearsal is over: the downtime would have been about %.1f s",
            (double)cutover->report->quiet_ms / 1000);
  cutover->told = true;
  log_info("%s", cutover->result.text);
  keep_report(cutover);
  rest(cutover);
}

/* Nobody writes, as far as the replay knows. With a block that is so by itself. */
static bool
is_quiet(const struct cutover *cutover)
{
  const struct cutover_request *request = &cutover->request;
  return request->block || request->rehearse ||
         tail_quiet_ms(&cutover->replay->tail, clock_ms()) >= request->idle_s * 1000;
}

static void
wait_for_quiet(struct cutover *cutover)
{
  if (is_quiet(cutover)) {
    questions_source_end(&cutover->questions);
  } else if (clock_ms() - cutover->writers_ms >= WRITERS_MS &&
             tail_quiet_ms(&cutover->replay->tail, clock_ms()) < WRITTEN_MS) {
    questions_writers(&cutover->questions, 0);
    cutover->writers_ms = clock_ms();
  }
}

/*
 * Notes a step in the bookmark file. 0: not now, as something is being written to the file that may still be undone; -1
 * on error.
 */
static int
note_now(struct cutover *cutover, enum cutover_record_step step, struct error *error)
{
  if (checkpoint_is_open(cutover->checkpoint)) {
    return 0;
  }
  return note(cutover, step, error) ? 1 : -1;
}

/* Does what the step is about, or asks for it. What could not be done yet is due again with the next tick. */
static bool
do_step(struct cutover *cutover, struct error *error)
{
  int noted;
  int64_t drain_s = cutover->request.max_downtime_s - since_begin_ms(cutover) / 1000;
  switch (cutover->step) {
  case CUTOVER_ASKING:
    questions_block(&cutover->questions, true, true, cutover->ours);
    return true;
  case CUTOVER_BLOCKING:
    cutover->ours = true; /* as soon as it is asked for, for all that a crash would leave */
    noted = note_now(cutover, CUTOVER_RECORD_BEGUN, error);
    if (noted == 1) {
      fault_point("cutover-blocking");
      questions_block(&cutover->questions, true, false, cutover->ours);
    }
    return noted >= 0;
  case CUTOVER_WAITING:
    wait_for_quiet(cutover);
    return true;
  case CUTOVER_COMPARING:
    fault_point("cutover-reached");
    return questions_compare(&cutover->questions, compare_ms(cutover), error);
  case CUTOVER_ENDING:
    fault_point("cutover-compared");
    noted = cutover->replay->tail.drain_ms ? 0 : note_now(cutover, CUTOVER_RECORD_ENDING, error);
    if (noted == 1) {
      fault_point("cutover-ending");
      replay_stop(cutover->replay, drain_s > DRAIN_LEAST_S ? drain_s : DRAIN_LEAST_S);
    }
    return noted >= 0;
  case CUTOVER_LOOKING:
    fault_point("cutover-over");
    questions_writers(&cutover->questions, cutover->replay->tail.goal);
    return true;
  case CUTOVER_UNBLOCKING:
    fault_point("cutover-unblocking");
    questions_block(&cutover->questions, false, false, cutover->ours);
    return true;
  default:
    return true;
  }
}

static void
proceed(struct cutover *cutover)
{
  struct error error;
  bool can = cutover->questions.open == 0 && pool_helper_ready(cutover->pool) && clock_ms() >= cutover->again_ms;
  if (can && !do_step(cutover, &error)) {
    give_up(cutover, &error);
  }
}

static void
enter(struct cutover *cutover, enum cutover_step step)
{
  int64_t now = clock_ms();
  if (cutover->step != CUTOVER_OFF) {
    cutover_report_step(cutover->report, texts[cutover->step], now - cutover->step_ms);
  }
  cutover->step = step;
  cutover->step_ms = now;
  cutover->again_ms = 0;
  log_info("cut-over: %s", texts[step]);
  proceed(cutover);
}

static void
take_source_end(struct cutover *cutover, const bson_t *done)
{
  bson_t end;
  struct error absent;
  cutover_report_set_open(cutover->report, done);
  if (message_number(done, "prepared", 0) > 0 && !cutover->request.rehearse) {
    snprintf(cutover->writers, sizeof cutover->writers, "a prepared transaction, which is to be committed or aborted");
    cutover->again_ms = clock_ms() + AGAIN_MS;
    return; /* it waits on */
  }
  if (message_document(done, "end", &end, &absent)) {
    cutover->end = message_timestamp(&end, "ts");
    enter(cutover, CUTOVER_REACHING);
  }
}

static void
take_compared(struct cutover *cutover, const bson_t *done)
{
  struct error error;
  int64_t different = message_number(done, "different", 0);
  cutover_report_set_compared(cutover->report, done);
  bool written = cutover->replay->tail.last_write > cutover->end;
  if (different > 0 && !(written && cutover->request.rehearse)) { /* while clients write, the numbers differ */
    error_set(&error, ERROR_DIFFERENT, "the target differs from the source in %lld namespaces; the report names each",
              (long long)different);
    give_up(cutover, &error);
  } else if (cutover->request.rehearse) {
    end_rehearsal(cutover);
  } else if (written) {
    log_info("cut-over: something was written to the source after ts=%u.%u; it waits again",
             OPTIME_SECONDS(cutover->end), OPTIME_INCREMENT(cutover->end));
    enter(cutover, CUTOVER_WAITING);
  } else {
    enter(cutover, CUTOVER_ENDING);
  }
}

/* Whether all that the target has by now was compared. Makes it go on, too, as a tick does. */
static bool
verified(struct cutover *cutover)
{
  if (cutover->verification->wanted) {
    beside_hurry(cutover->verification, true);
    beside_tick(cutover->verification);
  }
  return !cutover->verification->wanted || beside_through(cutover->verification, cutover->replay->tail.bookmark);
}

/* From the last write, as it was read from the oplog, until now. Of a source without any: from the begin. */
static int64_t
downtime_ms(const struct cutover *cutover)
{
  int64_t last_write_ms = cutover->replay->tail.last_write_ms;
  return last_write_ms > 0 ? clock_ms() - last_write_ms : since_begin_ms(cutover);
}

/* The report and the record, as one. From here on the migration is finished. */
static bool
conclude(struct cutover *cutover, struct error *error)
{
  struct cutover_record record = {.step = CUTOVER_RECORD_FINISHED, .blocked = cutover->ours};
  const struct tail *tail = &cutover->replay->tail;
  bson_t refused;
  bson_t document;
  cutover->report->last = tail->bookmark;
  cutover->report->written = tail->last_write;
  cutover->report->quiet_ms = downtime_ms(cutover);
  bool ok = refusals_list(cutover->checkpoint, &refused, error);
  error_set(&cutover->result, bson_empty(&refused) ? ERROR_NONE : ERROR_INCOMPLETE, "finished");
  bson_t phases = BSON_INITIALIZER;
  bson_t verification;
  phase_record_put(cutover->phases, &phases);
  beside_report(cutover->verification, UINT32_MAX, &verification);
  struct cutover_outcome outcome = {.finished = true,
                                    .exit_status = error_exit_status(cutover->result.kind),
                                    .refused = &refused,
                                    .verification = &verification,
                                    .phases = &phases};
  cutover_report_make(cutover->report, &outcome, &document);
  fault_point("cutover-reported");
  ok = ok && cutover_record_end(cutover->checkpoint, &record, &document, error);
  fault_point("cutover-finished");
  if (ok) {
    struct error unwritten;
    cutover_report_save(&document, cutover->bookmark, cutover->signer);
    if (cutover->report_file && !report_file_write(&document, cutover->report_file, cutover->signer, &unwritten)) {
      log_warn("%s; the bookmark file has it, too", unwritten.text);
    }
  }
  bson_destroy(&document);
  bson_destroy(&refused);
  bson_destroy(&verification);
  bson_destroy(&phases);
  return ok;
}

static void fail_at_the_end(struct cutover *cutover, const struct error *error);

static void
take_last_look(struct cutover *cutover, const bson_t *done)
{
  struct error error;
  if (questions_any_write(done)) {
    questions_writers_text(done, cutover->writers, sizeof cutover->writers);
    error_set(&error, ERROR_BEHIND,
              "something was written to the source after the end of the cut-over, in %s; stop the writers, and start "
              "again with the same options to go on",
              cutover->writers);
    fail_at_the_end(cutover, &error);
    return;
  }
  if (!cutover->request.rehearse && !verified(cutover)) { /* what was written between the comparison and the end */
    cutover->again_ms = clock_ms() + VERIFY_AGAIN_MS;
    return;
  }
  if (cutover->verification->wanted && cutover->verification->view.different > 0) {
    error_set(&error, ERROR_DIFFERENT, "the verification found %lld documents that differ; the report names them",
              (long long)cutover->verification->view.different);
    fail_at_the_end(cutover, &error);
    return;
  }
  enter(cutover, CUTOVER_FINISHED);
  if (conclude(cutover, &error)) {
    cutover->told = true;
  } else {
    fail_at_the_end(cutover, &error);
  }
}

static void
take_unblocked(struct cutover *cutover, const bson_t *done)
{
  (void)done;
  cutover->ours = false;
  log_info("the source may write again");
  rest(cutover);
}

static void
take_done(struct cutover *cutover, const bson_t *done)
{
  switch (cutover->step) {
  case CUTOVER_ASKING:
    enter(cutover, cutover->request.rehearse ? CUTOVER_WAITING : CUTOVER_BLOCKING);
    break;
  case CUTOVER_BLOCKING:
    cutover->ours = message_flag(done, "changed") || !message_flag(done, "already");
    cutover->report->blocked = true;
    fault_point("cutover-blocked");
    enter(cutover, CUTOVER_WAITING);
    break;
  case CUTOVER_WAITING:
    if (bson_has_field(done, "end")) {
      take_source_end(cutover, done);
    } else {
      questions_writers_text(done, cutover->writers, sizeof cutover->writers);
    }
    break;
  case CUTOVER_COMPARING:
    take_compared(cutover, done);
    break;
  case CUTOVER_LOOKING:
    take_last_look(cutover, done);
    break;
  case CUTOVER_UNBLOCKING:
    take_unblocked(cutover, done);
    break;
  default:
    break;
  }
}

/* The source could not be asked to let the writes go. */
static void
leave_blocked(struct cutover *cutover, const struct error *error)
{
  log_error("%s; the writes of the source may still be blocked: " UNBLOCK, error->text);
  cutover->step = CUTOVER_OFF;
  cutover->questions.open = 0;
  uv_timer_stop(&cutover->timer);
  pool_stop_helper(cutover->pool); /* the record stays: the next start tries again */
}

/* The run ends without a cut-over, as what it found after the end is not good, or not known. */
static void
fail_at_the_end(struct cutover *cutover, const struct error *error)
{
  cutover->result = *error;
  cutover->told = cutover->final = true;
  cutover->step = CUTOVER_OFF;
  keep_report(cutover);
  pool_hurry(cutover->pool, REPLAY_LEAVE_MS);
}

/* Whether a question that failed for a reason that passes is asked again. */
static bool
may_retry(const struct cutover *cutover)
{
  int64_t step_ms = clock_ms() - cutover->step_ms;
  return cutover->step == CUTOVER_UNBLOCKING ? step_ms < RELEASE_MS
         : cutover->step == CUTOVER_LOOKING  ? step_ms < LAST_LOOK_MS
                                             : !is_late(cutover);
}

static void
take_failed(struct cutover *cutover, const bson_t *message)
{
  struct error error;
  message_get_error(message, &error);
  if (message_flag(message, "retry") && may_retry(cutover)) {
    cutover->again_ms = clock_ms() + AGAIN_MS;
  } else if (cutover->step == CUTOVER_UNBLOCKING) {
    leave_blocked(cutover, &error);
  } else if (cutover->step == CUTOVER_LOOKING) {
    fail_at_the_end(cutover, &error);
  } else {
    if (cutover->step == CUTOVER_ASKING || cutover->step == CUTOVER_BLOCKING) {
      error.kind = ERROR_NOT_READY; /* the source said no, so nothing was changed */
      cutover->ours = false;
    }
    give_up(cutover, &error);
  }
}

void
cutover_take(struct cutover *cutover, enum message_type type, const bson_t *message)
{
  bool mine = questions_is_answer(&cutover->questions, message);
  if (type == MESSAGE_COMPARED && mine) {
    cutover_report_add_namespaces(cutover->report, cutover->checkpoint, message);
  } else if (type == MESSAGE_DONE && mine) {
    cutover->questions.open = 0;
    take_done(cutover, message);
  } else if (type == MESSAGE_FAILED && mine) {
    cutover->questions.open = 0;
    take_failed(cutover, message);
  }
}

static void
give_up_waiting(struct cutover *cutover)
{
  struct error error;
  error_set(&error, ERROR_GAVE_UP, "%s for %lld s%s%s",
            cutover->step == CUTOVER_WAITING     ? "the source was written to"
            : cutover->step == CUTOVER_VERIFYING ? "the verification was not through"
                                                 : "the target did not reach the end",
            (long long)cutover->request.max_downtime_s, cutover->writers[0] ? "; who writes: " : "", cutover->writers);
  give_up(cutover, &error);
}

/* What takes too long: the whole of it, or a question to a server that hangs. */
static bool
is_over(const struct cutover *cutover)
{
  int64_t grace_ms = cutover->questions.open && cutover->step != CUTOVER_WAITING ? GRACE_MS : 0;
  return cutover->step < CUTOVER_ENDING && cutover->request.max_downtime_s > 0 &&
         since_begin_ms(cutover) >= 1000 * cutover->request.max_downtime_s + grace_ms;
}

/* A rehearsal may go on under writes, which always leave something to compare. */
static bool
waits_for_verification(const struct cutover *cutover)
{
  return cutover->verification->wanted && !cutover->request.rehearse;
}

static void
look_at_verification(struct cutover *cutover)
{
  struct error error;
  const struct verify_view *view = &cutover->verification->view;
  bool through = verified(cutover);
  if (view->state == VERIFY_FAILED) {
    error_set(&error, ERROR_CHILD, "the verification failed: %s", view->error);
    give_up(cutover, &error);
  } else if (through && view->different > 0) {
    error_set(&error, ERROR_DIFFERENT, "the verification found %lld documents that differ; the report names them",
              (long long)view->different);
    give_up(cutover, &error);
  } else if (through) {
    enter(cutover, CUTOVER_COMPARING);
  }
}

static void
on_tick(uv_timer_t *timer)
{
  struct cutover *cutover = timer->data;
  const struct tail *tail = &cutover->replay->tail;
  struct error error;
  if (cutover->step == CUTOVER_FINISHED) {
    if (cutover->shown || cutover->by_itself || clock_ms() - cutover->step_ms > SHOW_MS) {
      pool_hurry(cutover->pool, REPLAY_LEAVE_MS);
      uv_timer_stop(timer);
    }
  } else if (cutover->step == CUTOVER_OFF) {
    return;
  } else if (is_over(cutover)) {
    give_up_waiting(cutover);
  } else if (cutover->step == CUTOVER_LOOKING && clock_ms() - cutover->step_ms > LAST_LOOK_MS) {
    error_set(&error, ERROR_SOURCE,
              "the source does not answer whether a write came after the end; start again with the "
              "same options to go on");
    fail_at_the_end(cutover, &error);
  } else if (cutover->step == CUTOVER_REACHING) {
    if (tail->bookmark >= cutover->end) {
      enter(cutover, waits_for_verification(cutover) ? CUTOVER_VERIFYING : CUTOVER_COMPARING);
    }
  } else if (cutover->step == CUTOVER_VERIFYING) {
    look_at_verification(cutover);
  } else {
    proceed(cutover);
  }
}

void
cutover_worker_ended(struct cutover *cutover, const struct child *worker)
{
  struct error error;
  if (cutover->step == CUTOVER_OFF || cutover->step == CUTOVER_FINISHED || cutover->pool->stopping) {
    return;
  }
  log_warn("the worker of the cut-over %s; another one goes on", worker->failed     ? worker->error.text
                                                                 : worker->cause[0] ? worker->cause
                                                                                    : "ended by itself");
  cutover->questions.open = 0; /* the next tick asks again */
  if (++cutover->deaths < DEATHS_MOST && pool_start_helper(cutover->pool, &error)) {
    return;
  }
  error_set(&error, ERROR_CHILD, "the worker of the cut-over failed too often");
  if (cutover->step == CUTOVER_UNBLOCKING) {
    leave_blocked(cutover, &error);
  } else if (cutover->step == CUTOVER_LOOKING || cutover->step == CUTOVER_ENDING) {
    fail_at_the_end(cutover, &error);
  } else {
    give_up(cutover, &error);
  }
}

bool
cutover_replay_over(void *context)
{
  struct cutover *cutover = context;
  if (cutover->step != CUTOVER_ENDING) {
    return false;
  }
  enter(cutover, CUTOVER_LOOKING);
  return true;
}

bool
cutover_begin_run(struct cutover *cutover, uv_loop_t *loop, struct error *error)
{
  struct cutover_record record;
  uv_timer_init(loop, &cutover->timer);
  cutover->timer.data = cutover;
  if (!cutover_record_get(cutover->checkpoint, &record, error)) {
    return false;
  }
  if (record.step == CUTOVER_RECORD_NONE) {
    return true;
  }
  log_warn("a cut-over of an earlier run was cut short: the migration goes on tailing");
  cutover->ours = record.blocked;
  if (!record.blocked) {
    return note(cutover, CUTOVER_RECORD_NONE, error);
  }
  if (!pool_start_helper(cutover->pool, error)) {
    return false;
  }
  cutover->began_ms = clock_ms();
  uv_timer_start(&cutover->timer, on_tick, TICK_MS, TICK_MS);
  enter(cutover, CUTOVER_UNBLOCKING);
  return true;
}

bool
cutover_start(struct cutover *cutover, const struct cutover_request *request, const struct status *status,
              bson_t *obstacles, struct error *error)
{
  bson_init(obstacles);
  if (cutover->step != CUTOVER_OFF) {
    return error_set(error, ERROR_NOT_READY, "a cut-over is under way already: %s", texts[cutover->step]);
  }
  struct obstacles_limits limits = {.lag_s = request->max_downtime_s, .accept_refused = request->accept_refused};
  if (!obstacles_find(status, &limits, obstacles)) {
    return error_set(error, ERROR_NOT_READY, "nothing was begun, as something stands in the way");
  }
  cutover->request = *request;
  cutover->told = cutover->by_itself = false;
  cutover->deaths = 0;
  cutover->writers[0] = 0;
  cutover->began_ms = clock_ms();
  cutover_report_reset(cutover->report);
  if (!bookmark_read_start(cutover->checkpoint, &cutover->report->first, error) ||
      !note(cutover, CUTOVER_RECORD_BEGUN, error) || !pool_start_helper(cutover->pool, error)) {
    return false;
  }
  uv_timer_start(&cutover->timer, on_tick, TICK_MS, TICK_MS);
  hurry(cutover, true);
  fault_point("cutover-begun");
  enter(cutover, request->block ? CUTOVER_ASKING : CUTOVER_WAITING);
  return true;
}

bool
cutover_is_busy(const struct cutover *cutover)
{
  return cutover->step != CUTOVER_OFF && cutover->step != CUTOVER_FINISHED;
}

bool
cutover_stop(struct cutover *cutover, const struct error *why)
{
  struct error error;
  bool ends = cutover->step == CUTOVER_ENDING || cutover->step == CUTOVER_LOOKING;
  if (!cutover_is_busy(cutover) || (ends && !(why && cutover->ours))) {
    return false; /* those steps end the run anyway, and in time */
  }
  if (cutover->step != CUTOVER_UNBLOCKING) {
    error_set(&error, ERROR_GAVE_UP, "%s", why ? why->text : "the migration was stopped");
    give_up(cutover, &error);
  }
  cutover->stop_after = cutover_is_busy(cutover);
  return cutover->stop_after;
}

/* For a script that has stopped the writers: no limit, and what the target refused shows in the exit status. */
static void
start_by_itself(struct cutover *cutover, const struct options *options, const struct status *status)
{
  struct cutover_request request = {
    .compare_s = options->max_downtime_s, .idle_s = options->idle_s, .accept_refused = true};
  bson_t obstacles;
  struct error error;
  if (tail_quiet_ms(&cutover->replay->tail, clock_ms()) < options->idle_s * 1000) {
    return;
  }
  if (cutover_start(cutover, &request, status, &obstacles, &error)) {
    cutover->by_itself = true;
  } else if (error.kind != ERROR_NOT_READY) {
    log_warn("%s", error.text);
  }
  bson_destroy(&obstacles);
}

bool
cutover_tick(struct cutover *cutover, const struct options *options, const struct status *status)
{
  if (cutover_is_busy(cutover)) {
    return false;
  }
  bool failed = cutover->by_itself && cutover->told && cutover->result.kind == ERROR_DIFFERENT;
  if (cutover->stop_after || failed) {
    cutover->stop_after = cutover->by_itself = false;
    cutover->final = failed;
    return true;
  }
  if (options->exit_when_caught_up && cutover->step == CUTOVER_OFF && !status->stopping && !status->drain_until_ms) {
    start_by_itself(cutover, options, status);
  }
  return false;
}

bool
cutover_end_run(struct cutover *cutover, struct error *error)
{
  if (cutover->step != CUTOVER_FINISHED && cutover->ours) {
    log_error("the writes of the source are blocked, and the next start lets them go; or " UNBLOCK);
  }
  *error = cutover->result;
  return !cutover->final;
}

void
cutover_put(struct cutover *cutover, const struct status *status, bson_t *document)
{
  bson_t obstacles = BSON_INITIALIZER;
  struct obstacles_limits limits = {.lag_s = cutover->usual_downtime_s};
  bool ready = obstacles_find(status, &limits, &obstacles) && !cutover_is_busy(cutover);
  BSON_APPEND_BOOL(document, "ready", ready);
  BSON_APPEND_ARRAY(document, "obstacles", &obstacles);
  if (cutover->step != CUTOVER_OFF) {
    BSON_APPEND_UTF8(document, "step", texts[cutover->step]);
  }
  if (cutover->step == CUTOVER_WAITING && cutover->writers[0]) {
    BSON_APPEND_UTF8(document, "writers", cutover->writers);
  }
  BSON_APPEND_BOOL(document, "finished", cutover->step == CUTOVER_FINISHED);
  cutover->shown = cutover->step == CUTOVER_FINISHED;
  if (cutover->told) {
    BSON_APPEND_UTF8(document, "result", cutover->result.text);
    BSON_APPEND_INT32(document, "exitStatus", error_exit_status(cutover->result.kind));
  }
  bson_destroy(&obstacles);
}
