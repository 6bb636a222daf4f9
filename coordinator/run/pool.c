#include "coordinator/run/pool.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/run/task_message.h"
#include "server/failure.h"

#define STOP_MS 60000 /* the applier may wait for a majority of the target */
#define ATTEMPTS_MOST 5
#define INTERRUPTED_MOST 20 /* of a task whose operations the server breaks off, each tried ten times */
#define DEAD_STARTS_MOST 4
#define POOL_HELPER (POOL_WORKERS_MOST + 1) /* its number in the log */
#define PAUSE_LEAST_MS 500
#define PAUSE_MOST_MS 15000
#define LEAVE_MS 15000 /* so long a worker that leaves may take for its range */

static void on_message(void *context, struct child *child, enum message_type type, const bson_t *document);
static void on_ended(void *context, struct child *child);

static bool
start_child(struct pool *pool, struct child *child, const char *role, int index, struct error *error)
{
  struct child_events events = {on_message, on_ended, pool};
  bson_t setup = BSON_INITIALIZER;
  if (!child_start(child, pool->loop, role, index, &events, error)) {
    bson_destroy(&setup);
    return false;
  }
  BSON_APPEND_UTF8(&setup, "source", pool->source_uri);
  BSON_APPEND_UTF8(&setup, "target", pool->target_uri);
  BSON_APPEND_DOCUMENT(&setup, "settings", pool->settings);
  child_send(child, MESSAGE_SETUP, &setup);
  bson_destroy(&setup);
  return true;
}

static int
count_running(const struct pool *pool, bool leaving_too)
{
  int count = 0;
  for (int i = 0; i < pool->worker_count; i++) {
    count += pool->workers[i].running && (leaving_too || !pool->workers[i].leaving);
  }
  return count;
}

/* NULL: each place is taken; the next one that leaves makes room. */
static struct child *
free_place(struct pool *pool)
{
  int i = 0;
  while (i < pool->worker_count && pool->workers[i].running) {
    i++;
  }
  if (i == POOL_WORKERS_MOST) {
    return NULL;
  }
  pool->worker_count = i < pool->worker_count ? pool->worker_count : i + 1;
  return &pool->workers[i];
}

/* Starts what is missing. One that could not be started is not missed when it has ended. */
static bool
fill(struct pool *pool, struct error *error)
{
  for (int missing = pool->workers_wanted - count_running(pool, false); missing > 0; missing--) {
    struct child *place = free_place(pool);
    if (!place) {
      return true;
    }
    if (!start_child(pool, place, "worker", (int)(place - pool->workers) + 1, error)) {
      place->leaving = true;
      return false;
    }
  }
  return true;
}

bool
pool_start(struct pool *pool, int workers, struct error *error)
{
  pool->workers_wanted = pool->plan ? workers : 0;
  pool->workers = memory_new(sizeof *pool->workers * POOL_WORKERS_MOST);
  pool->timeout_ms = STOP_MS;
  bool applies = !pool->alone && (!pool->plan || !pool->plan->verifies);
  return (!applies || start_child(pool, &pool->applier, "applier", 0, error)) && fill(pool, error);
}

/* How fast it may copy, and whether it is to wait. What it was told last is not said again. */
static void
tell_pace(const struct pool *pool, struct child *child, struct rate rate)
{
  if (rate.bytes_per_s == child->told.bytes_per_s && rate.documents_per_s == child->told.documents_per_s &&
      pool->paused == child->told_pause) {
    return;
  }
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_DOUBLE(&message, "bytes_per_s", rate.bytes_per_s);
  BSON_APPEND_DOUBLE(&message, "documents_per_s", rate.documents_per_s);
  BSON_APPEND_BOOL(&message, "paused", pool->paused);
  child_send(child, MESSAGE_PACE, &message);
  bson_destroy(&message);
  child->told = rate;
  child->told_pause = pool->paused;
  child->was_paused = child->was_paused || pool->paused;
}

static struct rate
share(const struct pool *pool, int workers)
{
  return (struct rate){pool->rate.bytes_per_s / workers, pool->rate.documents_per_s / workers};
}

static bool
is_more(int64_t task)
{
  return task >= POOL_MORE;
}

/* NULL: the child has no task of the plan's. */
static struct plan_task *
task_of(const struct pool *pool, const struct child *child)
{
  return child->task >= 0 && !is_more(child->task) ? &pool->plan->tasks[child->task] : NULL;
}

static bool
copies(const struct pool *pool, const struct child *child)
{
  const struct plan_task *task = task_of(pool, child);
  return child->running && child->task >= 0 && (!task || task->kind == PLAN_COPY);
}

/* Each that copies has the same part; one that builds indexes would not read it. */
static void
share_rate(struct pool *pool)
{
  int copying = 0;
  for (int i = 0; i < pool->worker_count; i++) {
    copying += copies(pool, &pool->workers[i]);
  }
  for (int i = 0; i < pool->worker_count; i++) {
    if (copies(pool, &pool->workers[i])) {
      tell_pace(pool, &pool->workers[i], share(pool, copying));
    }
  }
}

void
pool_set_rate(struct pool *pool, struct rate rate)
{
  pool->rate = rate;
  share_rate(pool);
}

/* It must not begin without a limit; its true share follows. */
static void
note_lent(struct pool *pool, struct child *child, int64_t number, bool paced)
{
  if (paced) {
    tell_pace(pool, child, share(pool, count_running(pool, true)));
  }
  child->task = number;
  child->lent_ms = clock_ms();
  child->was_paused = false;
}

static void
lend_more(struct pool *pool, struct child *child)
{
  bson_t message = BSON_INITIALIZER;
  enum message_type type = MESSAGE_STOP;
  int64_t number = pool->more.lend ? pool->more.lend(pool->more.context, &type, &message) : -1;
  if (number >= 0) {
    BSON_APPEND_INT64(&message, "task", number);
    note_lent(pool, child, number, true);
    child_send(child, type, &message);
  }
  bson_destroy(&message);
}

static void
lend(struct pool *pool, struct child *child)
{
  if (pool->stopping || pool->paused || !pool->plan || !child->ready || child->leaving || child->task >= 0 ||
      clock_ms() < child->pause_until_ms) {
    return;
  }
  int64_t number = pool->held ? -1 : plan_lend(pool->plan);
  if (number < 0) {
    lend_more(pool, child);
    return;
  }
  const struct plan_task *task = &pool->plan->tasks[number];
  const struct plan_collection *collection = &pool->plan->collections[task->collection];
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_INT64(&message, "task", number);
  task_message_put(pool->plan, task, &message);
  note_lent(pool, child, number, task->kind == PLAN_COPY);
  log_debug("lent worker=%d task=%lld kind=%s ns=%s", child->index, (long long)number,
            task->kind != PLAN_COPY ? "index"
            : pool->plan->verifies  ? "verify"
                                    : "copy",
            log_value("%s.%s", collection->source->db, collection->source->name));
  enum message_type range = pool->plan->verifies ? MESSAGE_VERIFY : MESSAGE_COPY;
  child_send(child, task->kind == PLAN_COPY ? range : MESSAGE_INDEX, &message);
  bson_destroy(&message);
}

static void
lend_all(struct pool *pool)
{
  for (int i = 0; i < pool->worker_count; i++) {
    if (pool->workers[i].running) {
      lend(pool, &pool->workers[i]);
    }
  }
  share_rate(pool);
}

void
pool_pause(struct pool *pool, bool paused)
{
  pool->paused = paused;
  lend_all(pool);
}

/* How often it was tried so far. */
static int
task_back(struct pool *pool, int64_t task)
{
  return is_more(task) ? pool->more.back(pool->more.context, task) : plan_task_back(pool->plan, task);
}

static void
task_failed(struct pool *pool, int64_t task, const struct error *error)
{
  const struct pool_events *events = &pool->events;
  if (!events->task_failed || !events->task_failed(events->context, task, error)) {
    events->failed(events->context, error);
  } else if (!is_more(task)) {
    plan_task_done(pool->plan, task);
  }
}

/* A task is pending again; too many attempts are a failure of it. */
static void
give_back(struct pool *pool, struct child *child, const struct error *why)
{
  int64_t task = child->task;
  child->task = -1;
  if (task < 0 || !pool->plan) {
    return;
  }
  int most = failure_interrupted(why) ? INTERRUPTED_MOST : ATTEMPTS_MOST;
  if (task_back(pool, task) >= most && !pool->stopping) {
    struct error error = *why;
    error_wrap(&error, "gave up after %d attempts", most);
    task_failed(pool, task, &error);
  }
}

/* The same, for what is no failure of the task. The next attempt still knows that there was one before. */
static void
take_back(struct pool *pool, struct child *child)
{
  struct plan_task *task = task_of(pool, child);
  task_back(pool, child->task);
  if (task) {
    task->attempts = 1;
  }
  child->task = -1;
}

static void
on_worker_failure(struct pool *pool, struct child *child, const bson_t *document)
{
  struct error error;
  message_get_error(document, &error);
  if (child->task < 0 || message_number(document, "task", -1) < 0) { /* the worker as such, and it ends now */
    child->failed = true;
    child->error = error;
    return;
  }
  if (!message_flag(document, "retry")) {
    int64_t task = child->task;
    child->task = -1;
    task_failed(pool, task, &error);
    return;
  }
  if (child->was_paused) { /* a server ends cursors and connections that are idle for long */
    log_info("worker %d: after the pause its range is copied again: %s", child->index, error.text);
    take_back(pool, child);
    return;
  }
  if (child->pause_ms == 0) { /* said once, until it works again */
    log_warn("%s %d: %s; this is tried again", child->role, child->index, error.text);
  } else {
    log_debug("worker %d: %s; this is tried again after_ms=%lld", child->index, error.text, (long long)child->pause_ms);
  }
  bool passes = server_error_passes(&error);
  if (!passes || failure_interrupted(&error)) {
    give_back(pool, child, &error);
  } else { /* a server that is away for an hour is waited for; only its own task tells when it is back */
    take_back(pool, child);
  }
  if (!passes) {
    return;
  }
  child->pause_ms = child->pause_ms == 0 ? PAUSE_LEAST_MS : child->pause_ms * 2;
  child->pause_ms = child->pause_ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : child->pause_ms;
  child->pause_until_ms = clock_ms() + child->pause_ms;
}

/* Of all attempts: what is copied again counts again. */
static void
count_copied(struct pool *pool, const struct plan_task *task, const bson_t *document)
{
  int64_t documents = message_number(document, "documents", 0) - task->documents;
  int64_t bytes = message_number(document, "bytes", 0) - task->bytes;
  pool->copied_documents += documents > 0 ? documents : 0;
  pool->copied_bytes += bytes > 0 ? bytes : 0;
}

static void
take_progress(struct pool *pool, int64_t number, const bson_t *document)
{
  struct plan *plan = pool->plan;
  struct plan_task *task = &plan->tasks[number];
  if (task->kind == PLAN_INDEX) {
    build_steps_take(&plan->collections[task->collection].build, message_number(document, "built", 0),
                     message_number(document, "total", 0));
  } else {
    count_copied(pool, task, document);
    task->documents = message_number(document, "documents", 0);
    task->bytes = message_number(document, "bytes", 0);
  }
}

static void
take_done(struct pool *pool, struct child *child, const bson_t *document)
{
  int64_t number = child->task;
  child->task = -1;
  log_debug("done worker=%d task=%lld documents=%lld bytes=%lld", child->index, (long long)number,
            (long long)message_number(document, "documents", 0), (long long)message_number(document, "bytes", 0));
  if (child->pause_ms > 0) {
    log_info("%s %d: goes on", child->role, child->index);
    child->pause_ms = 0;
  }
  if (is_more(number)) {
    pool->more.done(pool->more.context, number, document);
    return;
  }
  if (pool->plan->tasks[number].kind == PLAN_COPY) {
    count_copied(pool, &pool->plan->tasks[number], document);
  }
  plan_task_done(pool->plan, number);
  pool->events.task_done(pool->events.context, number, document);
  int64_t index = message_flag(document, "indexed") ? plan_index_task(pool->plan, number) : -1;
  if (index >= 0 && pool->plan->tasks[index].state == PLAN_PENDING) {
    plan_task_was_done(pool->plan, index);
    pool->events.task_done(pool->events.context, index, document);
  }
}

static void
on_worker_message(struct pool *pool, struct child *child, enum message_type type, const bson_t *document)
{
  int64_t number = message_number(document, "task", -1);
  bool mine = number >= 0 && number == child->task;
  if (type == MESSAGE_READY) {
    child->ready = true;
    pool->dead_starts = 0;
  } else if (type == MESSAGE_PROGRESS && mine && !is_more(number)) {
    take_progress(pool, number, document);
  } else if (type == MESSAGE_DONE && mine) {
    take_done(pool, child, document);
  } else if (type == MESSAGE_UNEQUAL && mine) {
    pool->events.task_part(pool->events.context, number, document);
  } else if (type == MESSAGE_REFUSED) {
    pool->events.refused(pool->events.context, document);
  } else if (type == MESSAGE_FAILED) {
    on_worker_failure(pool, child, document);
  }
  if (type != MESSAGE_PROGRESS) {
    lend_all(pool);
  }
}

/* What concerns a task is an answer; the rest says that the process cannot go on. */
static void
on_helper_message(struct pool *pool, enum message_type type, const bson_t *document)
{
  if (type == MESSAGE_FAILED && message_number(document, "task", -1) < 0) {
    pool->helper.failed = true;
    message_get_error(document, &pool->helper.error);
  } else {
    pool->events.helper_message(pool->events.context, type, document);
  }
}

static void
on_message(void *context, struct child *child, enum message_type type, const bson_t *document)
{
  struct pool *pool = context;
  measures_take(document, &child->measures);
  if (type == MESSAGE_READY && (child == &pool->applier || child == &pool->helper)) {
    child->ready = true;
  } else if (child == &pool->helper) {
    on_helper_message(pool, type, document);
  } else if (child != &pool->applier) {
    on_worker_message(pool, child, type, document);
  } else if (type == MESSAGE_FAILED) {
    child->failed = true;
    message_get_error(document, &child->error);
  } else {
    pool->events.applier_message(pool->events.context, type, document);
  }
}

/* Of what its task is, for people; the caller's. */
static char *
subject_of(const struct pool *pool, const struct child *child)
{
  const struct plan_task *task = task_of(pool, child);
  if (!task) {
    return memory_string("documents that are compared again");
  }
  const struct collection *collection = pool->plan->collections[task->collection].source;
  return memory_string(log_value("%s.%s", collection->db, collection->name));
}

/* A worker that died. */
static void
take_death(struct pool *pool, struct child *child)
{
  struct error why;
  if (child->failed) {
    why = child->error;
  } else {
    error_set(&why, ERROR_CHILD, "worker %d %s%s", child->index, child->cause[0] ? child->cause : "ended by itself",
              child_mend(child));
  }
  if (child->task >= 0) {
    char *subject = subject_of(pool, child);
    log_warn("worker %d %s; another worker will do its task, of %s", child->index,
             child->failed ? child->error.text : child->cause, subject);
    free(subject);
  }
  pool->dead_starts += !child->ready;
  give_back(pool, child, &why);
  if (pool->dead_starts >= DEAD_STARTS_MOST && !pool->stopping) {
    pool->events.failed(pool->events.context, &why);
  }
}

/* However it ended, that is no failure. */
static void
take_leave(struct pool *pool, struct child *child)
{
  if (child->task < 0) {
    return;
  }
  char *subject = subject_of(pool, child);
  log_info("worker %d left; another worker does its task again, of %s", child->index, subject);
  free(subject);
  take_back(pool, child);
}

static void
worker_ended(struct pool *pool, struct child *child)
{
  struct error error;
  if (child->leaving) {
    take_leave(pool, child);
  } else {
    take_death(pool, child);
  }
  if (!pool->stopping && !fill(pool, &error)) {
    pool->events.failed(pool->events.context, &error);
  }
  lend_all(pool);
}

static void
helper_ended(struct pool *pool)
{
  struct error error;
  bool again = pool->helper.leaving && pool->helper_wanted && !pool->stopping;
  if (!pool->helper.leaving) {
    pool->events.helper_ended(pool->events.context, &pool->helper);
  } else if (again && !pool_start_helper(pool, &error)) {
    pool->events.failed(pool->events.context, &error);
  }
}

/* Workers have nothing to do any more. */
static bool
is_over(const struct pool *pool)
{
  return plan_finished(pool->plan) && !pool->more.lend;
}

static void
on_ended(void *context, struct child *child)
{
  struct pool *pool = context;
  measures_sum(child == &pool->applier ? &pool->gone_appliers : &pool->gone, &child->measures);
  child->measures = (struct measures){0};
  bool wanted = pool->stopping || !pool->plan || is_over(pool);
  if (child == &pool->applier) {
    pool->events.applier_ended(pool->events.context, child);
  } else if (child == &pool->helper) {
    helper_ended(pool);
  } else if (!wanted) {
    worker_ended(pool, child);
  }
  if (!pool_any_running(pool)) {
    pool->events.all_ended(pool->events.context);
  }
}

void
pool_tell_applier(struct pool *pool, enum message_type type, const bson_t *document)
{
  child_send(&pool->applier, type, document);
}

static void
send_word(struct child *child, enum message_type type)
{
  bson_t nothing = BSON_INITIALIZER;
  child_send(child, type, &nothing);
  bson_destroy(&nothing);
}

void
pool_confirm(struct pool *pool)
{
  send_word(&pool->applier, MESSAGE_CONFIRMED);
}

bool
pool_restart_applier(struct pool *pool, struct error *error)
{
  return start_child(pool, &pool->applier, "applier", 0, error);
}

static void
stop_child(struct child *child)
{
  send_word(child, MESSAGE_STOP);
}

/*
 * Who loses least by leaving: one without a task, then one that waits for an index build, which needs no worker, then
 * one that has copied little of its range.
 */
static int64_t
loss(const struct pool *pool, const struct child *child)
{
  if (child->task < 0) {
    return -2;
  }
  const struct plan_task *task = task_of(pool, child);
  return !task ? 0 : task->kind == PLAN_INDEX ? -1 : task->bytes;
}

static struct child *
who_leaves(const struct pool *pool)
{
  struct child *found = NULL;
  for (int i = pool->worker_count - 1; i >= 0; i--) {
    struct child *child = &pool->workers[i];
    if (child->running && !child->leaving && (!found || loss(pool, child) < loss(pool, found))) {
      found = child;
    }
  }
  return found;
}

bool
pool_set_workers(struct pool *pool, int workers, struct error *error)
{
  if (workers < 1 || workers > POOL_WORKERS_MOST) {
    return error_set(error, ERROR_USAGE, "there are 1 to %d workers, not %d", POOL_WORKERS_MOST, workers);
  }
  if (!pool->workers || pool->stopping || !pool->plan || is_over(pool)) {
    return error_set(error, ERROR_USAGE, "only the copy has workers, and %s",
                     pool->workers ? "it is over" : "it has not begun yet");
  }
  pool->workers_wanted = workers;
  for (int more = count_running(pool, false) - workers; more > 0; more--) {
    struct child *child = who_leaves(pool);
    child->leaving = true;
    child->leave_ms = clock_ms();
    stop_child(child);
  }
  bool ok = fill(pool, error);
  if (!ok) {
    pool->workers_wanted = count_running(pool, false);
  }
  share_rate(pool);
  return ok;
}

/*
 * A build that runs on the server is waited for: the server would do it to the end anyway. A range that is paused has
 * no end to wait for.
 */
static void
hurry_leaving(struct pool *pool)
{
  for (int i = 0; i < pool->worker_count; i++) {
    struct child *child = &pool->workers[i];
    const struct plan_task *task = task_of(pool, child);
    bool builds = task && task->kind == PLAN_INDEX;
    bool late = clock_ms() - child->leave_ms > LEAVE_MS && !(child->task >= 0 && pool->leave_at_ease);
    if (child->running && child->leaving && !builds && (pool->paused || late)) {
      child_kill(child);
    }
  }
}

bool
pool_start_helper(struct pool *pool, struct error *error)
{
  struct child *helper = &pool->helper;
  pool->helper_wanted = true;
  if (helper->running) {
    return true;
  }
  helper->leaving = helper->failed = helper->ready = false;
  return start_child(pool, helper, "worker", POOL_HELPER, error);
}

bool
pool_helper_ready(const struct pool *pool)
{
  return pool->helper.running && pool->helper.ready && !pool->helper.leaving;
}

void
pool_ask_helper(struct pool *pool, enum message_type type, const bson_t *document)
{
  child_send(&pool->helper, type, document);
}

void
pool_stop_helper(struct pool *pool)
{
  pool->helper_wanted = false;
  pool->helper.leaving = true;
  child_kill(&pool->helper);
}

void
pool_stop_workers(struct pool *pool)
{
  for (int i = 0; i < pool->worker_count; i++) {
    stop_child(&pool->workers[i]);
  }
}

void
pool_stop(struct pool *pool)
{
  if (pool->stopping) {
    return;
  }
  pool->stopping = true;
  pool->stop_ms = clock_ms();
  stop_child(&pool->applier);
  pool_stop_helper(pool);
  for (int i = 0; i < pool->worker_count; i++) {
    stop_child(&pool->workers[i]);
    if (pool->workers[i].task >= 0) { /* a range that is cut short is copied again anyway */
      child_kill(&pool->workers[i]);
    }
  }
}

void
pool_drain(struct pool *pool)
{
  send_word(&pool->applier, MESSAGE_DRAIN);
}

void
pool_hurry(struct pool *pool, int64_t timeout_ms)
{
  pool_stop(pool);
  pool->timeout_ms = timeout_ms;
  pool->stop_ms = clock_ms();
}

void
pool_tick(struct pool *pool)
{
  if (!pool->stopping) {
    hurry_leaving(pool);
    lend_all(pool);
    return;
  }
  if (clock_ms() - pool->stop_ms > pool->timeout_ms) {
    child_kill(&pool->applier);
    for (int i = 0; i < pool->worker_count; i++) {
      child_kill(&pool->workers[i]);
    }
  }
}

bool
pool_any_running(const struct pool *pool)
{
  if (pool->applier.running || pool->helper.running) {
    return true;
  }
  for (int i = 0; i < pool->worker_count; i++) {
    if (pool->workers[i].running) {
      return true;
    }
  }
  return false;
}

bool
pool_any_lent(const struct pool *pool)
{
  for (int i = 0; i < pool->worker_count; i++) {
    if (pool->workers[i].running && task_of(pool, &pool->workers[i])) {
      return true;
    }
  }
  return false;
}

void
pool_measures(const struct pool *pool, struct measures *workers, struct measures *appliers)
{
  measures_sum(appliers, &pool->gone_appliers);
  measures_sum(appliers, &pool->applier.measures);
  measures_sum(workers, &pool->gone);
  for (int i = 0; i < pool->worker_count; i++) {
    measures_sum(workers, &pool->workers[i].measures);
  }
}
