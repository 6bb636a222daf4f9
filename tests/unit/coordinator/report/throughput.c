/* The pace of the last half minute. */
#include "coordinator/report/throughput.h"

#include <criterion/criterion.h>

Test(recent, nothing_is_known_at_first)
{
  struct recent recent = {0};
  cr_assert_float_eq(recent_per_s(&recent), 0, 1e-9);
  recent_note(&recent, 1000, 500);
  cr_assert_float_eq(recent_per_s(&recent), 0, 1e-9);
  recent_note(&recent, 2000, 700);
  cr_assert_float_eq(recent_per_s(&recent), 200, 1e-9);
}

Test(recent, an_older_pace_is_forgotten_after_half_a_minute)
{
  struct recent recent = {0};
  int64_t amount = 0;
  for (int64_t s = 0; s < 100; s++) {
    recent_note(&recent, s * 1000, amount += 1000);
  }
  cr_assert_float_eq(recent_per_s(&recent), 1000, 1e-6);
  for (int64_t s = 100; s < 140; s++) {
    recent_note(&recent, s * 1000, amount += 10);
  }
  cr_assert_float_eq(recent_per_s(&recent), 10, 1e-6);
}

Test(recent, notes_that_come_often_do_not_shorten_it)
{
  struct recent recent = {0};
  for (int64_t ms = 0; ms <= 60000; ms += 10) {
    recent_note(&recent, ms, ms < 45000 ? 0 : ms - 45000);
  }
  cr_assert_float_eq(recent_per_s(&recent), 500, 40); /* half of the last half minute at 1,000 a second */
}

Test(recent, a_long_pause_between_notes_counts)
{
  struct recent recent = {0};
  recent_note(&recent, 0, 0);
  recent_note(&recent, 1000, 1000);
  recent_note(&recent, 300000, 1000);
  cr_assert_float_eq(recent_per_s(&recent), 0, 4);
}
