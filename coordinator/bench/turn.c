#include "coordinator/bench/turn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/bench/scratch.h"
#include "coordinator/run/loop.h"
#include "coordinator/run/pool.h"
#include "ipc/message.h"

#define HURRY_MS 1000
#define STALL_MS 60000 /* a migration waits for its servers, a bench does not */

struct course {
  struct catalog catalog;
  struct plan plan;
  struct pool pool;
  struct loop loop;
  bson_t settings;
  int64_t ended_ms;
  int64_t moved_ms; /* when bytes were copied last: */
  int64_t moved_bytes;
  int64_t bytes;
  bool interrupted;
  bool failed;
  struct error error;
};

static bool
is_scratch(const void *context, const char *db, const char *coll)
{
  (void)context;
  return strcmp(db, SCRATCH_DB) == 0 && strcmp(coll, SCRATCH_COLL) == 0;
}

static void
fail(void *context, const struct error *error)
{
  struct course *course = context;
  if (!course->failed) {
    course->failed = true;
    course->error = *error;
  }
  pool_stop(&course->pool);
}

static void
on_task_done(void *context, int64_t task, const bson_t *document)
{
  struct course *course = context;
  (void)task;
  course->bytes += message_number(document, "bytes", 0);
  if (plan_finished(&course->plan)) {
    course->ended_ms = clock_ms();
    pool_stop(&course->pool);
  }
}

static void
on_refused(void *context, const bson_t *document)
{
  struct error error;
  (void)document;
  error_set(&error, ERROR_TARGET, "the target refused a scratch document");
  fail(context, &error);
}

static void
on_helper_message(void *context, enum message_type type, const bson_t *message)
{
  (void)context; /* there is no helper */
  (void)type;
  (void)message;
}

static void
on_child_ended(void *context, const struct child *child)
{
  (void)context; /* neither an applier nor a helper was started */
  (void)child;
}

static void
on_all_ended(void *context)
{
  struct course *course = context;
  loop_stop(&course->loop);
}

static void
on_tick(uv_timer_t *timer)
{
  struct course *course = timer->data;
  struct error error;
  int64_t now_ms = clock_ms();
  pool_tick(&course->pool);
  if (course->pool.copied_bytes != course->moved_bytes) {
    course->moved_bytes = course->pool.copied_bytes;
    course->moved_ms = now_ms;
  } else if (now_ms - course->moved_ms > STALL_MS) {
    error_set(&error, ERROR_TARGET, "nothing was copied for a minute: a server does not answer; see the last warning");
    fail(course, &error);
  }
}

static void
on_signal(uv_signal_t *handle, int number)
{
  struct course *course = handle->data;
  log_info("stopping signal=%s", signals_name(number));
  course->interrupted = true;
  pool_hurry(&course->pool, HURRY_MS);
}

static bool
make_plan(struct course *course, const struct turn *turn, struct error *error)
{
  struct reader reader;
  struct split_points points;
  if (!reader_open_side(&reader, ERROR_SOURCE, turn->source_uri, true, error)) {
    return false;
  }
  bool ok = catalog_read(&course->catalog, &reader, is_scratch, NULL, error) &&
            (course->catalog.count == 1 ||
             error_set(error, ERROR_SOURCE, "the scratch data on the source is gone: somebody removed it"));
  ok = ok && catalog_read_size(&course->catalog.collections[0], &reader, error) &&
       split_collection(&points, &reader, &course->catalog.collections[0], turn->setting.range_mb << 20, error);
  reader_close(&reader);
  if (ok) {
    plan_init(&course->plan, &course->catalog, 1);
    plan_set_points(&course->plan, 0, &points);
    plan_close(&course->plan);
  }
  return ok;
}

static void
put_settings(struct course *course, const struct turn *turn)
{
  struct options options = *turn->options; /* its texts stay the other's */
  struct selection nothing = {0};
  options.batch_mb = turn->setting.batch_mb;
  options_settings(&options, &nothing, &course->settings);
}

static double
cpu_s(void)
{
  struct rusage own;
  struct rusage children;
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
         (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec + children.ru_stime.tv_usec) /
           1e6;
}

static bool
copy(struct course *course, struct turn *turn, struct error *error)
{
  if (!loop_init(&course->loop, on_tick, on_signal, course, error)) {
    return false;
  }
  double cpu_before_s = cpu_s();
  int64_t began_ms = course->moved_ms = clock_ms();
  course->pool = (struct pool){.loop = &course->loop.uv,
                               .plan = &course->plan,
                               .source_uri = turn->source_uri,
                               .target_uri = turn->target_uri,
                               .settings = &course->settings,
                               .alone = true,
                               .events = {.task_done = on_task_done,
                                          .refused = on_refused,
                                          .applier_ended = on_child_ended,
                                          .helper_message = on_helper_message,
                                          .helper_ended = on_child_ended,
                                          .failed = fail,
                                          .all_ended = on_all_ended,
                                          .context = course}};
  if (!pool_start(&course->pool, turn->setting.workers, error)) {
    fail(course, error);
  }
  if (pool_any_running(&course->pool)) {
    loop_run(&course->loop);
  }
  loop_close(&course->loop);
  free(course->pool.workers);
  turn->seconds = (double)(course->ended_ms - began_ms) / 1000;
  turn->cpu_s = cpu_s() - cpu_before_s;
  turn->bytes = course->bytes;
  if (course->failed) {
    *error = course->error;
  }
  return !course->failed && (!course->interrupted || error_set(error, ERROR_INTERRUPTED, "stopped by a signal"));
}

bool
turn_run(struct turn *turn, struct error *error)
{
  struct course *course = memory_new(sizeof *course);
  bson_init(&course->settings);
  put_settings(course, turn);
  bool ok = make_plan(course, turn, error) && copy(course, turn, error);
  plan_clear(&course->plan);
  catalog_clear(&course->catalog);
  bson_destroy(&course->settings);
  free(course);
  return ok;
}
