#include "coordinator/bench/sweep.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/bench/chart.h"

/* Two servers that are none: how fast a copy is with this setting; each measurement takes two seconds. */
static double
speed(const struct sweep_setting *setting)
{
  double all = 20e6 * setting->workers > 60e6 ? 60e6 : 20e6 * setting->workers;
  return all * (setting->range_mb == 4 ? 1.2 : 1) * (setting->batch_mb == 8 ? 1.1 : setting->batch_mb == 4 ? 1 : 0.8);
}

static int
run(struct sweep *sweep, int64_t budget_ms)
{
  int64_t now_ms = 1000;
  int measured = 0;
  struct sweep_point *point;
  sweep_init(sweep, 8, 64, now_ms, budget_ms);
  while ((point = sweep_next(sweep, now_ms)) != NULL) {
    struct sweep_sample sample = {speed(&point->setting), 80e6, 0.25 * point->setting.workers};
    sweep_add(point, &sample);
    now_ms += 2000;
    measured++;
    cr_assert_leq(measured, 200);
  }
  return measured;
}

Test(sweep, finds_the_fastest_setting_with_the_fewest_workers)
{
  struct sweep sweep;
  run(&sweep, 3600000);
  const struct sweep_setting *best = &sweep_best(&sweep)->setting;
  cr_assert_eq(best->workers, 4);
  cr_assert_eq(best->range_mb, 4);
  cr_assert_eq(best->batch_mb, 8);
  for (size_t i = 0; i < sweep.count; i++) {
    cr_assert_eq(sweep.points[i].count, SWEEP_ROUNDS);
  }
}

Test(sweep, keeps_to_its_time_and_measures_something_in_any_case)
{
  struct sweep sweep;
  cr_assert_eq(run(&sweep, 0), 1);
  cr_assert_not_null(sweep_best(&sweep));
  int measured = run(&sweep, 20000);
  cr_assert_leq(measured, 12);
  cr_assert_geq(measured, 8);
}

Test(sweep, has_a_median_and_a_range)
{
  struct sweep_point point = {0};
  cr_assert_eq(sweep_copy(&point).middle, 0);
  static const double values[] = {30, 10, 20};
  for (int i = 0; i < 3; i++) {
    sweep_add(&point, &(struct sweep_sample){values[i], 40, 1});
  }
  struct sweep_range range = sweep_copy(&point);
  cr_assert_float_eq(range.middle, 20, 1e-9);
  cr_assert_float_eq(range.least, 10, 1e-9);
  cr_assert_float_eq(range.most, 30, 1e-9);
  cr_assert_float_eq(sweep_ratio(&point).middle, 0.5, 1e-9);
}

Test(sweep, chart_says_in_words_what_it_shows)
{
  struct sweep sweep;
  char *text = NULL;
  size_t size = 0;
  run(&sweep, 60000);
  FILE *out = open_memstream(&text, &size);
  chart_write(&sweep, out);
  fclose(out);
  cr_assert_not_null(strstr(text, "2 workers: 40.0 MB/s, floor 80.0 MB/s, 0.50 processors busy"), "%s", text);
  cr_assert_not_null(strstr(text, "prefers-color-scheme:dark"));
  cr_assert_null(strstr(text, "nan"));
  free(text);
  sweep_init(&sweep, 8, 64, 0, 0); /* nothing was measured */
  out = open_memstream(&text, &size);
  chart_write(&sweep, out);
  fclose(out);
  cr_assert_null(strstr(text, "nan"));
  free(text);
}
