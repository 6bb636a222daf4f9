#include "coordinator/measure/window.h"

#include <criterion/criterion.h>

#include "ipc/message.h"

static uint64_t
at(uint64_t seconds)
{
  return seconds << 32 | 1;
}

/* False: it is lost. `needed` 0: not known yet. */
static bool
take(struct window *window, uint64_t oldest, uint64_t newest, uint64_t needed, int64_t now_s)
{
  struct error error;
  bson_t message = BSON_INITIALIZER;
  message_put_timestamp(&message, "oldest", at(oldest));
  message_put_timestamp(&message, "newest", at(newest));
  message_put_timestamp(&message, "needed", needed ? at(needed) : 0);
  bool ok = window_take(window, &message, now_s * 1000, &error);
  cr_assert(ok || error.kind == ERROR_OPLOG);
  bson_destroy(&message);
  return ok;
}

Test(window, that_does_not_move_yet_lasts)
{
  struct window window = {0};
  take(&window, 1000, 2000, 2000, 10);
  take(&window, 1000, 2100, 2000, 110);
  cr_assert_eq(window_left_s(&window), -1);
  cr_assert_eq(window_length_s(&window), 1100);
}

Test(window, lasts_as_long_as_its_pace_says)
{
  struct window window = {0};
  take(&window, 1000, 2000, 2000, 10);
  take(&window, 1200, 2100, 2000, 110); /* 2 oplog seconds a second, 800 left */
  cr_assert_eq(window_left_s(&window), 400);
}

Test(window, forgets_the_pace_of_long_ago)
{
  struct window window = {0};
  take(&window, 1000, 100000, 100000, 0);
  take(&window, 1000 + 300 * 10, 100000, 100000, 300);       /* 10 a second */
  take(&window, 1000 + 300 * 10 + 600, 100000, 100000, 900); /* then 1 a second */
  take(&window, 1000 + 300 * 10 + 900, 100000, 100000, 1200);
  cr_assert_eq(window_left_s(&window), 100000 - 4900);
}

Test(window, is_lost_when_its_begin_is_newer_than_what_is_needed)
{
  struct window window = {0};
  cr_assert(take(&window, 2000, 3000, 2000, 10));
  cr_assert_not(take(&window, 2001, 3000, 2000, 11));
  cr_assert_eq(window_left_s(&window), 0);
  cr_assert(take(&window, 2001, 3000, 0, 12));
}

Test(window, a_pause_is_risky_in_the_last_hour_or_the_last_tenth)
{
  struct window window = {0};
  take(&window, 1000, 100000, 2000, 0);
  cr_assert_not(window_pause_is_risky(&window), "it drops nothing yet");
  take(&window, 1000 + 10, 200000, 110000, 100); /* a tenth of a second a second */
  cr_assert_not(window_pause_is_risky(&window));
  take(&window, 1000 + 10, 200000, 20000, 110);
  cr_assert(window_pause_is_risky(&window), "the oldest tenth");
  take(&window, 1000 + 4000, 200000, 110000, 120);
  cr_assert_leq(window_left_s(&window), 3600);
  cr_assert(window_pause_is_risky(&window), "the last hour");
}
