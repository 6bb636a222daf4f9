#include "coordinator/measure/eta.h"

#include <criterion/criterion.h>

Test(eta, a_copy_needs_what_its_bytes_need)
{
  struct eta_copy copy = {.left_bytes = 1000, .copied_bytes = 1000, .copied_ms = 10000};
  cr_expect_eq(eta_copy_s(&copy), 10);
  copy.recent_per_s = 300;
  cr_expect_eq(eta_copy_s(&copy), 5);
  copy.left_bytes = 0;
  cr_expect_eq(eta_copy_s(&copy), 0);
}

Test(eta, a_copy_that_has_just_begun_or_copies_nothing_has_none)
{
  struct eta_copy copy = {.left_bytes = 1000, .copied_bytes = 1000, .copied_ms = 4999};
  cr_expect_eq(eta_copy_s(&copy), -1);
  copy = (struct eta_copy){.left_bytes = 1000, .copied_ms = 10000};
  cr_expect_eq(eta_copy_s(&copy), -1);
}

Test(eta, indexes_are_built_by_all_workers_at_once)
{
  struct eta_indexes indexes = {
    .left_short = 4000, .largest = 500, .built = 1000, .built_ms = 10000, .at_once = 2, .workers = 4};
  cr_expect_eq(eta_indexes_s(&indexes), 10);
}

Test(eta, one_large_build_is_not_shared)
{
  struct eta_indexes indexes = {
    .left_short = 4000, .largest = 3900, .built = 1000, .built_ms = 10000, .at_once = 2, .workers = 4};
  cr_expect_eq(eta_indexes_s(&indexes), 39);
}

Test(eta, of_long_builds_only_so_many_run_at_once)
{
  struct eta_indexes indexes = {
    .left_long = 4000, .left_short = 400, .largest = 500, .built = 1000, .built_ms = 10000, .at_once = 2, .workers = 4};
  cr_expect_eq(eta_indexes_s(&indexes), 21);
  indexes.workers = 1; /* then no more than one */
  cr_expect_eq(eta_indexes_s(&indexes), 44);
}

Test(eta, indexes_without_a_pace_have_none)
{
  struct eta_indexes indexes = {.left_long = 4000, .largest = 3900, .at_once = 2, .workers = 4};
  cr_expect_eq(eta_indexes_s(&indexes), -1);
  indexes.left_long = 0;
  cr_expect_eq(eta_indexes_s(&indexes), 0);
}

Test(eta, a_replay_catches_up_as_its_lag_shrinks)
{
  cr_expect_eq(eta_catch_up_s(600, 11, 1), 60);
  cr_expect_eq(eta_catch_up_s(600, 1, 1), -1);
  cr_expect_eq(eta_catch_up_s(600, 0.5, 1), -1);
  cr_expect_eq(eta_catch_up_s(0, 0, 1), 0);
  cr_expect_eq(eta_catch_up_s(-1, 11, 1), -1);
}

Test(eta, what_is_not_known_does_not_count)
{
  cr_expect_eq(eta_sum_s(-1, -1), -1);
  cr_expect_eq(eta_sum_s(5, -1), 5);
  cr_expect_eq(eta_sum_s(5, 6), 11);
}
