#include "coordinator/auto_builds.h"

#include "base/clock.h"
#include "base/log.h"

/* What the workers' builds are at. */
static void
look_at_builds(const struct pool *pool, struct build_look *look)
{
  const struct plan *plan = pool->plan;
  look->built = plan->built_work;
  look->waiting = plan->long_waiting;
  for (int i = 0; i < pool->worker_count; i++) {
    const struct child *child = &pool->workers[i];
    bool builds = child->running && child->task >= 0 && plan->tasks[child->task].kind == PLAN_INDEX;
    if (!builds) {
      continue;
    }
    size_t collection = plan->tasks[child->task].collection;
    int64_t work = plan_build_work(plan, collection);
    look->built += plan_built_work(plan, collection);
    look->running += work >= BUILD_LONG;
    look->work += work >= BUILD_LONG ? work : 0;
  }
}

void
auto_builds_tick(struct auto_builds *builds, int most)
{
  struct pool *pool = builds->pool;
  int before = builds->count.wanted;
  if (!pool->plan || pool->stopping || plan_finished(pool->plan)) {
    return;
  }
  struct build_look look = {.now_ms = clock_ms(), .most = most, .target_ms = builds->throttle->brake.now.target_ms};
  look_at_builds(pool, &look);
  if (!build_count_take(&builds->count, &look)) {
    return;
  }
  pool->plan->builds_at_once = builds->count.wanted;
  log_info("long index builds at_once=%d before=%d running=%d waiting=%lld why=%s", builds->count.wanted, before,
           look.running, (long long)look.waiting, log_value("%s", build_why_text(builds->count.why)));
}
