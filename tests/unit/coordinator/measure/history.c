#include "coordinator/measure/history.h"

#include <criterion/criterion.h>

Test(history, has_a_point_every_ten_seconds)
{
  struct history history = {0};
  for (int64_t second = 1; second <= 31; second++) {
    struct history_look look = {second * 1000, second * 10, second, second, -1};
    history_note(&history, &look, second * 1000);
  }
  cr_assert_eq(history.count, 3);
  cr_expect_eq(history_point(&history, 0)->bytes_per_s, 1000);
  cr_expect_eq(history_point(&history, 1)->documents_per_s, 10);
  cr_expect_eq(history_point(&history, 2)->entries_per_s, 1);
  cr_expect_eq(history_point(&history, 0)->lag_s, 11);
  cr_expect_eq(history_point(&history, 2)->lag_s, 31);
  cr_expect_eq(history_point(&history, 2)->window_left_s, -1);
}

Test(history, forgets_what_is_older_than_an_hour)
{
  struct history history = {0};
  for (int64_t point = 0; point <= HISTORY_MOST + 5; point++) {
    struct history_look look = {.lag_s = point};
    history_note(&history, &look, 1 + point * HISTORY_MS);
  }
  cr_assert_eq(history.count, HISTORY_MOST);
  cr_expect_eq(history_point(&history, 0)->lag_s, 6);
  cr_expect_eq(history_point(&history, HISTORY_MOST - 1)->lag_s, HISTORY_MOST + 5);
}

Test(history, what_counts_from_0_again_was_not_undone)
{
  struct history history = {0};
  struct history_look before = {.entries = 1000};
  struct history_look after = {.entries = 50};
  history_note(&history, &before, 1);
  history_note(&history, &after, 10001);
  cr_expect_eq(history_point(&history, 0)->entries_per_s, 5);
}
