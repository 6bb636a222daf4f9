#include "coordinator/auto_workers.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/machine.h"
#include "coordinator/check/check.h"

#define WORKER_BYTES (INT64_C(100) << 20) /* the most that a worker takes */
#define WORKER_PROCESSES 4                /* itself and its threads */
#define MOST_FOR_MS 10000
#define BUILD_MS 3000      /* one that waits for an index build for so long does not copy */
#define LIMIT_REACHED 0.85 /* from this part of a limit on, the limit is the pace */

static int64_t
least(int64_t one, int64_t other)
{
  return one < other ? one : other;
}

/* The workers take no more than half of what the machine had free at the start, nor of what it has free now. */
static int
most_now(const struct auto_workers *automatic)
{
  int running = automatic->pool->workers_wanted;
  int64_t most = check_workers_most();
  int64_t memory = machine_free_memory();
  if (automatic->memory_at_start >= 0) {
    most = least(most, automatic->memory_at_start / 2 / WORKER_BYTES);
  }
  if (memory >= 0) {
    most = least(most, running + memory / 2 / WORKER_BYTES);
  }
  int64_t processes = machine_free_processes() / 2 / WORKER_PROCESSES;
  most = least(most, processes > most ? most : running + processes);
  return most < 1 ? 1 : (int)most;
}

void
auto_workers_begin(struct auto_workers *automatic, int number)
{
  workers_init(&automatic->workers, number);
  automatic->memory_at_start = machine_free_memory();
  automatic->most = most_now(automatic);
  if (number == 0 && automatic->workers.wanted > automatic->most) {
    workers_could_not(&automatic->workers, automatic->most, clock_ms());
  }
}

static bool
is_at(double measured, double limit)
{
  return limit > 0 && measured >= LIMIT_REACHED * limit;
}

static bool
is_held(const struct auto_workers *automatic)
{
  const struct throttle *throttle = automatic->throttle;
  struct rate measured = throttle_measured(throttle);
  return automatic->pool->paused || throttle->brake.bytes_per_s > 0 ||
         is_at(measured.bytes_per_s, throttle->most.bytes_per_s) ||
         is_at(measured.documents_per_s, throttle->most.documents_per_s);
}

/* What each worker is at. */
static void
count(const struct pool *pool, struct workers_look *look)
{
  size_t lent = 0;
  for (int i = 0; i < pool->worker_count; i++) {
    const struct child *child = &pool->workers[i];
    bool has_task = child->running && child->task >= 0;
    bool builds = has_task && pool->plan->tasks[child->task].kind == PLAN_INDEX;
    bool waits = builds && look->now_ms - child->lent_ms > BUILD_MS;
    lent += has_task;
    if (child->running && child->leaving) {
      look->leaving += has_task && !builds;
    } else if (child->running) {
      look->builders += waits;
      look->busy += has_task && !waits;
      look->idle += child->ready && !has_task && child->pause_ms == 0;
    }
  }
  const struct plan *plan = pool->plan;
  int64_t free_builds = plan->builds_at_once > plan->long_lent ? plan->builds_at_once - plan->long_lent : 0;
  look->builds_most = plan->builds_at_once;
  look->builds_begin = (int)least(plan->long_waiting, free_builds);
  look->pending = (int64_t)(plan->task_count - plan->done - lent) - plan->long_waiting + look->builds_begin;
}

static void
change(struct auto_workers *automatic, int before, int64_t now_ms)
{
  struct workers *workers = &automatic->workers;
  struct error error;
  automatic->pool->leave_at_ease = true;
  if (!pool_set_workers(automatic->pool, workers_total(workers), &error)) {
    log_warn("no more workers could be started: %s", error.text);
    workers_could_not(workers, automatic->pool->workers_wanted, now_ms);
  }
  log_info("workers=%d before=%d mb_per_s=%.1f why=%s", workers_total(workers), before,
           throttle_measured(automatic->throttle).bytes_per_s / 1e6, log_value("%s", workers_why_text(workers->why)));
}

void
auto_workers_tick(struct auto_workers *automatic)
{
  struct pool *pool = automatic->pool;
  struct workers *workers = &automatic->workers;
  int64_t now_ms = clock_ms();
  if (workers->fixed || !pool->plan || pool->stopping || plan_finished(pool->plan)) {
    return;
  }
  if (now_ms >= automatic->most_until_ms) {
    automatic->most = most_now(automatic);
    automatic->most_until_ms = now_ms + MOST_FOR_MS;
  }
  struct workers_look look = {.now_ms = now_ms,
                              .bytes = pool->copied_bytes,
                              .documents = pool->copied_documents,
                              .held = is_held(automatic),
                              .most = automatic->most,
                              .loads = automatic->throttle->brake.now,
                              .processors =
                                automatic->beside_server ? machine_processor_time() : (struct processor_time){0}};
  int before = workers_total(workers);
  count(pool, &look);
  if (workers_take(workers, &look)) {
    change(automatic, before, now_ms);
  }
}
