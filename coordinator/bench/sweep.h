/*
 * What a bench measures, and in which order: numbers of workers first, then sizes of ranges, then sizes of batches, the
 * latter with the best found before. Each setting is measured again and again while there is time. Pure.
 */
#ifndef FERRY_COORDINATOR_BENCH_SWEEP_H
#define FERRY_COORDINATOR_BENCH_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWEEP_ROUNDS 3 /* measurements of a setting at most */
#define SWEEP_POINTS 24

enum sweep_stage { SWEEP_WORKERS, SWEEP_RANGES, SWEEP_BATCHES, SWEEP_OVER };

struct sweep_setting {
  int workers;
  int64_t range_mb;
  int64_t batch_mb;
};

/* A copy, and the floor right before it. */
struct sweep_sample {
  double copy_per_s; /* bytes */
  double floor_per_s;
  double processors; /* that the tool kept busy: its CPU time over the time that passed */
};

struct sweep_point {
  enum sweep_stage stage;
  struct sweep_setting setting;
  struct sweep_sample samples[SWEEP_ROUNDS];
  int count;
};

struct sweep {
  enum sweep_stage stage;
  struct sweep_point points[SWEEP_POINTS];
  size_t count;
  int64_t data_mb;
  int64_t began_ms;
  int64_t budget_ms;
};

/* `most`: of workers. `data_mb`: what is copied each time. */
void sweep_init(struct sweep *sweep, int most, int64_t data_mb, int64_t now_ms, int64_t budget_ms);
/* The next to be measured; NULL: the time is over, or all is measured. */
struct sweep_point *sweep_next(struct sweep *sweep, int64_t now_ms);
void sweep_add(struct sweep_point *point, const struct sweep_sample *sample);

/* Of a point's samples: the middle one, the least and the most. */
struct sweep_range {
  double middle;
  double least;
  double most;
};
struct sweep_range sweep_copy(const struct sweep_point *point);
struct sweep_range sweep_floor(const struct sweep_point *point);
/* Of the floor that was measured right before. */
struct sweep_range sweep_ratio(const struct sweep_point *point);
struct sweep_range sweep_processors(const struct sweep_point *point);

/* The best of what was measured. Of settings that are about as fast, the cheaper one. NULL: nothing was. */
const struct sweep_point *sweep_best(const struct sweep *sweep);

#endif
