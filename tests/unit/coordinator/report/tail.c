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
