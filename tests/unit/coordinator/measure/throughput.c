/* The pace of the last half minute. */
#include "coordinator/measure/throughput.h"

#include <criterion/criterion.h>

Test(throughput, nothing_is_known_at_first)
{
  struct throughput throughput = {0};
  cr_assert_float_eq(throughput_per_s(&throughput), 0, 1e-9);
  throughput_note(&throughput, 1000, 500);
  cr_assert_float_eq(throughput_per_s(&throughput), 0, 1e-9);
  throughput_note(&throughput, 2000, 700);
  cr_assert_float_eq(throughput_per_s(&throughput), 200, 1e-9);
}

Test(throughput, an_older_pace_is_forgotten_after_half_a_minute)
{
  struct throughput throughput = {0};
  int64_t amount = 0;
  for (int64_t s = 0; s < 100; s++) {
    throughput_note(&throughput, s * 1000, amount += 1000);
  }
  cr_assert_float_eq(throughput_per_s(&throughput), 1000, 1e-6);
  for (int64_t s = 100; s < 140; s++) {
    throughput_note(&throughput, s * 1000, amount += 10);
  }
  cr_assert_float_eq(throughput_per_s(&throughput), 10, 1e-6);
}

Test(throughput, notes_that_come_often_do_not_shorten_it)
{
  struct throughput throughput = {0};
  for (int64_t ms = 0; ms <= 60000; ms += 10) {
    throughput_note(&throughput, ms, ms < 45000 ? 0 : ms - 45000);
  }
  cr_assert_float_eq(throughput_per_s(&throughput), 500, 40); /* half of the last half minute at 1,000 a second */
}

Test(throughput, a_long_pause_between_notes_counts)
{
  struct throughput throughput = {0};
  throughput_note(&throughput, 0, 0);
  throughput_note(&throughput, 1000, 1000);
  throughput_note(&throughput, 300000, 1000);
  cr_assert_float_eq(throughput_per_s(&throughput), 0, 4);
}
