#include "worker/pace.h"

#include <criterion/criterion.h>

Test(pace, without_a_limit_never_waits)
{
  struct pace pace;
  pace_init(&pace);
  pace_spend(&pace, 1 << 30, 1000000, 0);
  cr_assert_eq(pace_wait_ms(&pace, 0), 0);
  cr_assert_not(pace_enough(&pace, 1 << 30, 1000000));
  pace_clear(&pace);
}

Test(pace, waits_until_what_was_written_is_within_the_rate)
{
  struct pace pace;
  pace_init(&pace);
  pace_set(&pace, 1000000, 0, 0);
  pace_spend(&pace, 2000000, 10, 0);
  cr_assert_eq(pace_wait_ms(&pace, 0), 2001);
  cr_assert_eq(pace_wait_ms(&pace, 1500), 501);
  cr_assert_eq(pace_wait_ms(&pace, 2001), 0);
  pace_clear(&pace);
}

Test(pace, saves_no_time_up_for_a_burst)
{
  struct pace pace;
  pace_init(&pace);
  pace_set(&pace, 1000, 0, 0);
  pace_spend(&pace, 1000, 1, 3600000); /* after an hour without work */
  cr_assert_eq(pace_wait_ms(&pace, 3600000), 1001);
  pace_clear(&pace);
}

Test(pace, follows_whichever_of_bytes_and_documents_is_slower)
{
  struct pace pace;
  pace_init(&pace);
  pace_set(&pace, 1000000, 10, 0);
  pace_spend(&pace, 1000, 30, 0);
  cr_assert_eq(pace_wait_ms(&pace, 0), 3001);
  pace_spend(&pace, 10000000, 1, 0);
  cr_assert_eq(pace_wait_ms(&pace, 0), 10002); /* 10.001 s */
  pace_clear(&pace);
}

Test(pace, a_changed_rate_counts_at_once_for_what_is_owed)
{
  struct pace pace;
  pace_init(&pace);
  pace_set(&pace, 1000, 0, 0);
  pace_spend(&pace, 100000, 1, 0); /* 100 s */
  pace_set(&pace, 10000, 0, 50000);
  cr_assert_eq(pace_wait_ms(&pace, 50000), 5001);
  pace_set(&pace, 0, 0, 50000);
  cr_assert_eq(pace_wait_ms(&pace, 50000), 0);
  pace_clear(&pace);
}

Test(pace, batches_hold_a_quarter_of_a_second)
{
  struct pace pace;
  pace_init(&pace);
  pace_set(&pace, 4000, 0, 0);
  cr_assert_not(pace_enough(&pace, 999, 1000000));
  cr_assert(pace_enough(&pace, 1000, 1));
  pace_set(&pace, 0, 100, 0);
  cr_assert_not(pace_enough(&pace, 1 << 20, 24));
  cr_assert(pace_enough(&pace, 1, 25));
  pace_clear(&pace);
}

Test(pace, a_pause_has_no_end_of_its_own)
{
  struct pace pace;
  pace_init(&pace);
  pace_pause(&pace, true);
  pace_set(&pace, 1000, 0, 0);
  cr_assert_eq(pace_wait_ms(&pace, 3600000), INT64_MAX);
  pace_pause(&pace, false);
  cr_assert_eq(pace_wait_ms(&pace, 3600000), 0);
  pace_clear(&pace);
}
