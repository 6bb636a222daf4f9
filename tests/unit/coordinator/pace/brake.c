#include "coordinator/pace/brake.h"

#include <criterion/criterion.h>
#include <string.h>

/* Allows 50 ms and 10 s more than at the start. */
static struct brake
begin(double source_ms, double target_ms, double lag_s)
{
  struct brake brake;
  struct load start = {source_ms, target_ms, lag_s};
  brake_init(&brake, 50, 10, &start);
  return brake;
}

/* So many seconds of the same look, while the copy goes as fast as it may, 100 MB/s at most. */
static int64_t
pass(struct brake *brake, int64_t now_s, int64_t seconds, struct load look)
{
  for (int64_t end = now_s + seconds; now_s < end; now_s++) {
    double pace = brake->bytes_per_s > 0 && brake->bytes_per_s < 100e6 ? brake->bytes_per_s : 100e6;
    brake_take(brake, &look, pace, now_s * 1000);
  }
  return now_s;
}

Test(brake, leaves_a_copy_alone_that_slows_nobody)
{
  struct brake brake = begin(1, 2, 0);
  pass(&brake, 100, 60, (struct load){30, 51, 9});
  cr_assert_eq(brake.bytes_per_s, 0);
}

Test(brake, one_slow_answer_is_none)
{
  struct brake brake = begin(1, 2, 0);
  int64_t now = pass(&brake, 100, 5, (struct load){1, 2, 0});
  now = pass(&brake, now, 1, (struct load){5000, 5000, 0});
  pass(&brake, now, 5, (struct load){1, 2, 0});
  cr_assert_eq(brake.bytes_per_s, 0);
}

Test(brake, slows_step_by_step_while_a_server_is_slow)
{
  struct brake brake = begin(1, 2, 0);
  int64_t now = pass(&brake, 100, 2, (struct load){1, 200, 0});
  cr_assert_float_eq(brake.bytes_per_s, 67e6, 1);
  cr_assert_eq(brake.cause, BRAKE_TARGET);
  now = pass(&brake, now, 2, (struct load){1, 200, 0});
  cr_assert_float_eq(brake.bytes_per_s, 67e6, 1); /* it waits for what the step does */
  pass(&brake, now, 30, (struct load){1, 200, 0});
  cr_assert_lt(brake.bytes_per_s, 10e6);
}

Test(brake, never_stops_the_copy)
{
  struct brake brake = begin(1, 2, 0);
  pass(&brake, 100, 1000, (struct load){900, 2, 0});
  cr_assert_float_eq(brake.bytes_per_s, 262144, 1);
}

Test(brake, lets_go_when_the_server_is_well_again)
{
  struct brake brake = begin(1, 2, 0);
  int64_t now = pass(&brake, 100, 20, (struct load){200, 2, 0});
  double slowest = brake.bytes_per_s;
  now = pass(&brake, now, 10, (struct load){1, 2, 0});
  cr_assert_gt(brake.bytes_per_s, slowest);
  pass(&brake, now, 60, (struct load){1, 2, 0});
  cr_assert_eq(brake.bytes_per_s, 0);
}

Test(brake, waits_while_a_lag_shrinks)
{
  struct brake brake = begin(1, 2, 1);
  int64_t now = pass(&brake, 100, 3, (struct load){1, 2, 60});
  double first = brake.bytes_per_s;
  cr_assert_eq(brake.cause, BRAKE_LAG);
  pass(&brake, now, 20, (struct load){1, 2, 30});
  cr_assert_float_eq(brake.bytes_per_s, first, 1);
}

Test(brake, far_servers_are_slow_from_the_start)
{
  struct brake brake = begin(200, 200, 0);
  pass(&brake, 100, 60, (struct load){390, 390, 0});
  cr_assert_eq(brake.bytes_per_s, 0);
  pass(&brake, 200, 10, (struct load){410, 390, 0});
  cr_assert_gt(brake.bytes_per_s, 0);
}

Test(brake, does_not_judge_what_it_does_not_know)
{
  struct brake brake = begin(-1, 2, -1);
  pass(&brake, 100, 60, (struct load){500, -1, 500});
  cr_assert_eq(brake.bytes_per_s, 0);
}

Test(brake, does_nothing_where_nothing_is_copied)
{
  struct brake brake = begin(1, 2, 0);
  for (int64_t s = 0; s < 60; s++) {
    struct load look = {500, 2, 0};
    brake_take(&brake, &look, 0, s * 1000);
  }
  cr_assert_eq(brake.bytes_per_s, 0);
}

Test(brake, turned_off_lets_go_at_once)
{
  struct brake brake = begin(1, 2, 0);
  int64_t now = pass(&brake, 100, 20, (struct load){200, 2, 0});
  brake_switch(&brake, false);
  cr_assert_eq(brake.bytes_per_s, 0);
  pass(&brake, now, 20, (struct load){200, 2, 0});
  cr_assert_eq(brake.bytes_per_s, 0);
}

Test(brake, says_why)
{
  struct brake brake = begin(1, 2, 0);
  char text[160];
  pass(&brake, 100, 3, (struct load){200, 2, 0});
  brake_say(&brake, text, sizeof text);
  cr_assert_str_eq(text, "the source answers in 200.0 ms, at the start in 1.0 ms");
}
