#include "applier/replay/climb.h"

#include <criterion/criterion.h>

/* What a target takes over 1, 2, 4 and 8 connections, as entries a second. */
static double
rate_of(const double rates[4], int count)
{
  return rates[count >= 8 ? 3 : count >= 4 ? 2 : count >= 2 ? 1 : 0];
}

/* Returns in how many of the last windows there were `wanted` connections. */
static int
play(struct climb *climb, const double rates[4], int windows, int wanted)
{
  int as_wanted = 0;
  int count = climb->count > 0 ? climb->count : climb_next(climb, 0, false, CLIMB_MOST);
  for (int i = 0; i < windows; i++) {
    as_wanted += count == wanted;
    count = climb_next(climb, rate_of(rates, count), true, CLIMB_MOST);
    cr_assert(count >= 1 && count <= CLIMB_MOST);
  }
  return as_wanted;
}

Test(climb, begins_with_two)
{
  struct climb climb = {0};
  cr_assert_eq(climb_next(&climb, 0, false, CLIMB_MOST), 2);
}

Test(climb, takes_all_where_each_step_helps)
{
  const double rates[4] = {100, 190, 370, 700};
  struct climb climb = {0};
  cr_assert_eq(climb_next(&climb, 0, false, CLIMB_MOST), 2);
  cr_assert_eq(climb_next(&climb, rates[1], true, CLIMB_MOST), 4);
  cr_assert_eq(climb_next(&climb, rates[2], true, CLIMB_MOST), 8);
  cr_assert_geq(play(&climb, rates, 100, 8), 90);
}

Test(climb, steps_back_where_more_do_not_help)
{
  const double rates[4] = {100, 190, 192, 150};
  struct climb climb = {0};
  cr_assert_geq(play(&climb, rates, 200, 2), 170);
}

Test(climb, one_is_enough_for_a_hot_document)
{
  const double rates[4] = {100, 99.5, 99, 98};
  struct climb climb = {0};
  cr_assert_geq(play(&climb, rates, 200, 1), 170);
}

Test(climb, finds_out_that_the_writes_have_changed)
{
  const double flat[4] = {100, 100, 100, 100};
  const double steep[4] = {50, 100, 200, 400};
  struct climb climb = {0};
  play(&climb, flat, 200, 1);
  play(&climb, steep, 70, 8);
  cr_assert_eq(climb.before == 0 ? climb.count : climb.before, 8);
}

Test(climb, a_spoiled_trial_is_taken_back)
{
  struct climb climb = {0};
  climb_next(&climb, 0, false, CLIMB_MOST);
  cr_assert_eq(climb_next(&climb, 100, true, CLIMB_MOST), 4);
  climb_spoiled(&climb);
  cr_assert_eq(climb.count, 2);
  cr_assert_eq(climb.before, 0);
}

Test(climb, stays_while_the_replay_waits_for_nothing_and_begins_again_then)
{
  const double steep[4] = {50, 100, 200, 400};
  struct climb climb = {0};
  play(&climb, steep, 50, 8);
  cr_assert_eq(climb_next(&climb, 3, false, CLIMB_MOST), 8);
  for (int i = 0; i < 20; i++) {
    climb_next(&climb, 3, false, CLIMB_MOST);
  }
  cr_assert_eq(climb.count, 2);
}

Test(climb, never_more_than_allowed)
{
  struct climb climb = {0};
  for (int i = 0; i < 50; i++) {
    cr_assert_leq(climb_next(&climb, climb.count * 100, true, 3), 3);
  }
  cr_assert_eq(climb.before == 0 ? climb.count : climb.before, 3);
}
