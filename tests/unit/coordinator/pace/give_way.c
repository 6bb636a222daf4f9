#include "coordinator/pace/give_way.h"

#include <criterion/criterion.h>

static struct give_way way;
static int64_t now_ms = 1000;

static bool
take(int64_t lag_s)
{
  now_ms += 1000;
  return give_way_take(&way, lag_s, now_ms);
}

static bool
take_for(int seconds, int64_t lag_s)
{
  bool waits = false;
  for (int i = 0; i < seconds; i++) {
    waits = take(lag_s);
  }
  return waits;
}

Test(give_way, a_replay_that_keeps_up_is_nothing_to_wait_for)
{
  for (int i = 0; i < 200; i++) {
    cr_assert_not(take(i % 3));
  }
}

Test(give_way, it_waits_while_the_replay_falls_behind)
{
  cr_assert_not(take(0));
  cr_assert_not(take(1));
  cr_assert_not(take(2));
  cr_assert(take(3));
  cr_assert(take(2));
  cr_assert_not(take(1));
  cr_assert_not(take(2));
}

Test(give_way, a_lag_that_is_always_there_is_nothing_to_wait_for)
{
  cr_assert_not(take_for(300, 5));
  cr_assert(take(8));
  cr_assert_not(take(6));
}

Test(give_way, a_lag_that_has_come_to_stay_is_usual_after_a_while)
{
  cr_assert_not(take_for(60, 0));
  cr_assert(take_for(59, 5));
  cr_assert_not(take_for(120, 5));
}

Test(give_way, a_large_lag_is_never_usual)
{
  cr_assert(take_for(300, 11));
  cr_assert_not(take(10));
}

Test(give_way, an_unknown_lag_holds_nothing_up)
{
  cr_assert(take_for(3, 20));
  cr_assert_not(take(-1));
}
