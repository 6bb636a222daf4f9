#include "coordinator/report/tail.h"

#include <criterion/criterion.h>

#include "base/clock.h"
#include "ipc/message.h"

#define AT(seconds) ((uint64_t)(seconds) << 32 | 1)

/* Everything up to `bookmark` is there, and the last word was said. */
static struct tail
ended(uint64_t bookmark, uint64_t goal)
{
  return (struct tail){
    .bookmark = bookmark, .goal = goal, .drain_ms = 1000, .consistent = true, .tailed = true, .over = true};
}

static void
expect_behind(const struct tail *tail, const char *said)
{
  struct error error;
  cr_assert_not(tail_judge_end(tail, 61000, &error));
  cr_expect_eq(error.kind, ERROR_BEHIND);
  cr_expect(strstr(error.text, said), "%s", error.text);
}

Test(ending, all_that_the_source_had_at_the_stop)
{
  struct error error;
  struct tail tail = ended(AT(100), AT(100));
  cr_expect(tail_judge_end(&tail, 2000, &error));
  tail = ended(AT(101), AT(100));
  cr_expect(tail_judge_end(&tail, 2000, &error));
}

Test(ending, a_target_that_lacks_something_is_behind)
{
  struct tail tail = ended(AT(99), AT(100));
  expect_behind(&tail, "stopped with everything up to ts=99.1 on the target");
  expect_behind(&tail, "ts=100.1, is missing");
}

Test(ending, a_source_that_was_not_asked_leaves_a_target_behind)
{
  struct tail tail = ended(AT(99), 0);
  expect_behind(&tail, "not learned from it within 60 s");
}

Test(ending, deferred_indexes_are_no_clean_end)
{
  struct tail tail = ended(AT(100), AT(100));
  tail.over = false;
  expect_behind(&tail, "indexes");
}

Test(ending, a_target_that_is_no_more_consistent_is_behind)
{
  struct tail tail = ended(AT(100), AT(100));
  tail.consistent = false;
  expect_behind(&tail, "in part");
}

Test(ending, before_the_target_was_consistent_it_is_interrupted)
{
  struct error error;
  struct tail tail = {.bookmark = AT(100), .newest = AT(100)};
  cr_assert_not(tail_judge_end(&tail, 2000, &error));
  cr_expect_eq(error.kind, ERROR_INTERRUPTED);
}

Test(ending, caught_up_needs_a_newest_entry_that_is_known)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  cr_expect_not(tail_caught_up(&tail));
  tail.newest = AT(101);
  cr_expect_not(tail_caught_up(&tail));
  tail.newest = AT(100);
  cr_expect(tail_caught_up(&tail));
  tail.consistent = false;
  cr_expect_not(tail_caught_up(&tail));
}

Test(ending, only_what_was_asked_after_the_stop_is_its_goal)
{
  struct tail tail = {.drain_ms = 1000};
  bson_t message = BSON_INITIALIZER;
  message_put_timestamp(&message, "newest", AT(100));
  BSON_APPEND_INT64(&message, "asked_ms", 1000);
  tail_take_alive(&tail, &message);
  cr_expect_eq(tail.newest, AT(100));
  cr_expect_eq(tail.goal, 0);
  bson_reinit(&message);
  message_put_timestamp(&message, "newest", AT(101));
  BSON_APPEND_INT64(&message, "asked_ms", 1001);
  tail_take_alive(&tail, &message);
  cr_expect_eq(tail.goal, AT(101));
  bson_destroy(&message);
}

Test(ending, silence_is_seen_after_three_seconds)
{
  struct tail tail = {.alive_ms = 10000};
  cr_expect(tail_answers(&tail, 13000));
  cr_expect_not(tail_answers(&tail, 13001));
}

/* What the applier says at `now_s`: all was read at `known_s` (0: not so), the newest write was read at `read_s`. */
static void
beat(struct tail *tail, uint64_t newest, uint64_t last_write, int64_t read_s, int64_t known_s)
{
  bson_t message = BSON_INITIALIZER;
  message_put_timestamp(&message, "newest", newest);
  BSON_APPEND_INT64(&message, "asked_ms", 50000);
  message_put_timestamp(&message, "position", last_write);
  message_put_timestamp(&message, "read", known_s ? newest : last_write);
  message_put_timestamp(&message, "last_write", last_write);
  BSON_APPEND_INT64(&message, "last_write_ms", read_s * 1000);
  BSON_APPEND_INT64(&message, "known_ms", known_s * 1000);
  tail->alive_ms = known_s * 1000;
  tail_take_alive(tail, &message);
  bson_destroy(&message);
}

Test(last_write, no_ops_and_a_clock_leave_no_lag)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  beat(&tail, AT(900), AT(100), 10, 50);
  cr_expect_eq(tail_lag_s(&tail, 51000), 0);
  cr_expect(tail_caught_up(&tail));
  cr_expect_eq(tail.last_write_wall_ms, 100000);
}

Test(last_write, what_is_not_read_may_be_a_write)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  beat(&tail, AT(160), AT(100), 10, 0);
  cr_expect_eq(tail_lag_s(&tail, 51000), 60);
  cr_expect_not(tail_caught_up(&tail));
  cr_expect_eq(tail_quiet_ms(&tail, 51000), -1);
}

Test(last_write, what_no_majority_has_is_lag)
{
  struct tail tail = {.bookmark = AT(70), .consistent = true};
  beat(&tail, AT(160), AT(100), 50, 50);
  cr_expect_eq(tail_lag_s(&tail, 51000), 30);
  cr_expect_not(tail_caught_up(&tail));
}

Test(last_write, an_idle_hour_before_a_write_is_no_lag)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  beat(&tail, AT(100), AT(100), 10, 40);
  beat(&tail, AT(3700), AT(3700), 50, 50);
  cr_expect_eq(tail_lag_s(&tail, 51000), 11);
}

Test(last_write, a_lag_that_was_not_looked_at_lately_is_not_known)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  cr_expect_eq(tail_lag_s(&tail, 51000), -1);
  beat(&tail, AT(100), AT(100), 10, 50);
  cr_expect_eq(tail_lag_s(&tail, 80000), 0);
  cr_expect_eq(tail_lag_s(&tail, 80001), -1);
}

Test(last_write, quiet_counts_from_when_the_write_was_read)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  beat(&tail, AT(100), AT(100), 43, 50);
  cr_expect_eq(tail_quiet_ms(&tail, 51000), 7000);
  cr_expect_eq(tail_quiet_ms(&tail, 55001), -1); /* that is too long ago */
  beat(&tail, AT(102), AT(102), 52, 51);
  cr_expect_eq(tail_quiet_ms(&tail, 52000), 0);
}

Test(last_write, no_ops_tell_how_long_it_was_quiet_before_it_was_read)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  beat(&tail, AT(700), AT(100), 50, 50);
  cr_expect_eq(tail_quiet_ms(&tail, 51000), 599000);
}

Test(last_write, another_applier_knows_nothing_yet)
{
  struct tail tail = {.bookmark = AT(100), .consistent = true};
  beat(&tail, AT(100), AT(100), 10, 50);
  tail_begin(&tail);
  cr_expect_eq(tail_quiet_ms(&tail, clock_ms()), -1);
}
