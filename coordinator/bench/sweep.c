#include "coordinator/bench/sweep.h"

#include <string.h>

#define EQUAL 0.97         /* this part of the best is about as fast */
#define DEFAULT_BATCH_MB 4 /* as in options.def */
#define LARGEST_BATCH_MB 8
#define RANGES_A_WORKER 4 /* fewer would leave workers idle at the end */

static const double share_of_time[] = {[SWEEP_WORKERS] = 0.6, [SWEEP_RANGES] = 0.8, [SWEEP_BATCHES] = 1};

static bool
has(const struct sweep *sweep, struct sweep_setting setting)
{
  for (size_t i = 0; i < sweep->count; i++) {
    const struct sweep_setting *other = &sweep->points[i].setting;
    if (other->workers == setting.workers && other->range_mb == setting.range_mb &&
        other->batch_mb == setting.batch_mb) {
      return true;
    }
  }
  return false;
}

static void
add(struct sweep *sweep, struct sweep_setting setting)
{
  if (sweep->count < SWEEP_POINTS && !has(sweep, setting)) {
    sweep->points[sweep->count++] = (struct sweep_point){.stage = sweep->stage, .setting = setting};
  }
}

void
sweep_init(struct sweep *sweep, int most, int64_t data_mb, int64_t now_ms, int64_t budget_ms)
{
  *sweep = (struct sweep){.data_mb = data_mb, .began_ms = now_ms, .budget_ms = budget_ms};
  int64_t range_mb = data_mb / ((int64_t)RANGES_A_WORKER * most);
  range_mb = range_mb < 1 ? 1 : range_mb > 64 ? 64 : range_mb;
  for (int workers = 1; workers <= most; workers *= 2) {
    add(sweep, (struct sweep_setting){workers, range_mb, DEFAULT_BATCH_MB});
  }
}

/* The settings of the stage that begins, beside the best one so far. */
static void
add_stage(struct sweep *sweep)
{
  struct sweep_setting best = sweep_best(sweep)->setting;
  for (int64_t mb = 1; sweep->stage == SWEEP_RANGES && mb <= 64; mb *= 4) {
    if (mb * best.workers <= sweep->data_mb) { /* else some would have nothing to copy */
      add(sweep, (struct sweep_setting){best.workers, mb, best.batch_mb});
    }
  }
  for (int64_t mb = 1; sweep->stage == SWEEP_BATCHES && mb <= LARGEST_BATCH_MB; mb *= 2) {
    add(sweep, (struct sweep_setting){best.workers, best.range_mb, mb});
  }
}

/* The one of the stage that was measured least often. */
static struct sweep_point *
least_measured(struct sweep *sweep)
{
  struct sweep_point *found = NULL;
  for (size_t i = 0; i < sweep->count; i++) {
    struct sweep_point *point = &sweep->points[i];
    if (point->stage == sweep->stage && (!found || point->count < found->count)) {
      found = point;
    }
  }
  return found;
}

struct sweep_point *
sweep_next(struct sweep *sweep, int64_t now_ms)
{
  int64_t passed_ms = now_ms - sweep->began_ms;
  while (sweep->stage < SWEEP_OVER) {
    struct sweep_point *next = least_measured(sweep);
    bool late = (double)passed_ms > share_of_time[sweep->stage] * (double)sweep->budget_ms;
    bool over = passed_ms > sweep->budget_ms && sweep_best(sweep);
    if (next && next->count < SWEEP_ROUNDS && !over && !(late && next->count > 0)) {
      return next;
    }
    sweep->stage = over ? SWEEP_OVER : sweep->stage + 1;
    if (sweep->stage < SWEEP_OVER) {
      add_stage(sweep);
    }
  }
  return NULL;
}

void
sweep_add(struct sweep_point *point, const struct sweep_sample *sample)
{
  if (point->count < SWEEP_ROUNDS) {
    point->samples[point->count++] = *sample;
  }
}

static struct sweep_range
range_of(const struct sweep_point *point, size_t offset)
{
  double sorted[SWEEP_ROUNDS];
  for (int i = 0; i < point->count; i++) {
    double value;
    int at = i;
    memcpy(&value, (const char *)&point->samples[i] + offset, sizeof value);
    for (; at > 0 && sorted[at - 1] > value; at--) {
      sorted[at] = sorted[at - 1];
    }
    sorted[at] = value;
  }
  int count = point->count;
  if (count == 0) {
    return (struct sweep_range){0};
  }
  return (struct sweep_range){(sorted[(count - 1) / 2] + sorted[count / 2]) / 2, sorted[0], sorted[count - 1]};
}

struct sweep_range
sweep_copy(const struct sweep_point *point)
{
  return range_of(point, offsetof(struct sweep_sample, copy_per_s));
}

struct sweep_range
sweep_floor(const struct sweep_point *point)
{
  return range_of(point, offsetof(struct sweep_sample, floor_per_s));
}

struct sweep_range
sweep_processors(const struct sweep_point *point)
{
  return range_of(point, offsetof(struct sweep_sample, processors));
}

/* Fewer workers; else larger ranges, and then the default batches. */
static bool
is_cheaper(const struct sweep_setting *one, const struct sweep_setting *other)
{
  return one->workers != other->workers     ? one->workers < other->workers
         : one->range_mb != other->range_mb ? one->range_mb > other->range_mb
                                            : one->batch_mb == DEFAULT_BATCH_MB;
}

struct sweep_range
sweep_ratio(const struct sweep_point *point)
{
  struct sweep_point ratios = {.count = point->count};
  for (int i = 0; i < point->count; i++) {
    const struct sweep_sample *sample = &point->samples[i];
    ratios.samples[i].copy_per_s = sample->floor_per_s > 0 ? sample->copy_per_s / sample->floor_per_s : 0;
  }
  return sweep_copy(&ratios);
}

static bool
counts(const struct sweep_point *point, int workers)
{
  return point->count > 0 && (workers == 0 ? point->stage == SWEEP_WORKERS : point->setting.workers == workers);
}

/*
 * Numbers of workers are compared by their pace. What has the same number is compared by its part of the floor, which
 * was measured right before it: what else the servers do changes with time.
 */
static const struct sweep_point *
best_of(const struct sweep *sweep, int workers, struct sweep_range (*what)(const struct sweep_point *))
{
  const struct sweep_point *best = NULL;
  double most = 0;
  for (size_t i = 0; i < sweep->count; i++) {
    double middle = counts(&sweep->points[i], workers) ? what(&sweep->points[i]).middle : 0;
    most = middle > most ? middle : most;
  }
  for (size_t i = 0; i < sweep->count; i++) {
    const struct sweep_point *point = &sweep->points[i];
    if (counts(point, workers) && what(point).middle >= EQUAL * most &&
        (!best || is_cheaper(&point->setting, &best->setting))) {
      best = point;
    }
  }
  return best;
}

const struct sweep_point *
sweep_best(const struct sweep *sweep)
{
  const struct sweep_point *best = best_of(sweep, 0, sweep_copy);
  return best ? best_of(sweep, best->setting.workers, sweep_ratio) : NULL;
}
