#include "applier/collections/build_round.h"

#include <criterion/criterion.h>
#include <string.h>

#define GB (INT64_C(1) << 30)

static char names[4][4] = {"t.a", "t.b", "t.c", "t.d"};
static struct deferred_list lists[] = {{.ns = names[0]}, {.ns = names[1]}, {.ns = names[2]}, {.ns = names[3]}};

struct heard {
  int64_t most_running;
  int64_t least_built;
  char first[16]; /* that was told of */
};

static void
hear(void *context, const struct builds_seen *seen)
{
  struct heard *heard = context;
  heard->most_running = seen->running > heard->most_running ? seen->running : heard->most_running;
  cr_assert_geq(seen->built_work, heard->least_built, "progress goes forward");
  heard->least_built = seen->built_work;
  if (!heard->first[0]) {
    strcpy(heard->first, seen->ns);
  }
}

static void
make(struct build_item *items, const int64_t *works)
{
  for (size_t i = 0; i < 4; i++) {
    items[i] = (struct build_item){.deferred_list = &lists[i], .indexes = 1, .work = works[i]};
  }
  build_round_sort(items, 4);
}

Test(build_round, the_most_work_comes_first)
{
  struct build_item items[4];
  make(items, (int64_t[]){5, 80, 7, 80 * GB});
  cr_assert_str_eq(items[0].deferred_list->ns, "t.d");
  cr_assert_str_eq(items[1].deferred_list->ns, "t.b");
  cr_assert_str_eq(items[3].deferred_list->ns, "t.a");
}

static void *
third(void *context)
{
  return build_round_enter(context, 2) ? context : NULL;
}

Test(build_round, long_builds_wait_for_one_another_and_short_ones_for_nobody)
{
  struct build_item items[4];
  struct heard heard = {0};
  struct indexes_watch watch = {hear, &heard};
  struct build_round round = {.target_uri = "mongodb://127.0.0.1:1/", .watch = &watch, .items = items, .item_count = 4};
  pthread_t thread;
  void *entered = NULL;
  make(items, (int64_t[]){1000, 9 * GB, 8 * GB, 7 * GB});
  build_round_start(&round);
  cr_assert(build_round_enter(&round, 0));
  cr_assert(build_round_enter(&round, 1));
  pthread_create(&thread, NULL, third, &round);
  cr_assert(build_round_enter(&round, 3), "it is short");
  build_round_progress(&round, 0, 50, 100);
  build_round_leave(&round, 3, true);
  build_round_leave(&round, 1, true);
  pthread_join(thread, &entered);
  cr_assert_not_null(entered);
  build_round_leave(&round, 0, true);
  build_round_leave(&round, 2, true);
  build_round_stop(&round);
  struct builds_seen seen;
  build_round_see(&round, round.began_ms + 7000, &seen);
  cr_assert_eq(seen.collections_built, 4);
  cr_assert_eq(seen.built_work, 24 * GB + 1000);
  cr_assert_eq(seen.work, seen.built_work);
  cr_assert_eq(seen.passed_ms, 7000);
  cr_assert_null(seen.ns);
  cr_assert_eq(heard.most_running, 3, "two long ones and the short one");
  cr_assert_str_eq(heard.first, "t.b");
}

Test(build_round, none_begins_after_a_failure)
{
  struct build_item items[4];
  struct heard heard = {0};
  struct indexes_watch watch = {hear, &heard};
  struct build_round round = {.target_uri = "mongodb://127.0.0.1:1/", .watch = &watch, .items = items, .item_count = 4};
  pthread_t thread;
  void *entered = &heard;
  make(items, (int64_t[]){6 * GB, 9 * GB, 8 * GB, 7 * GB});
  build_round_start(&round);
  cr_assert(build_round_enter(&round, 0));
  cr_assert(build_round_enter(&round, 1));
  pthread_create(&thread, NULL, third, &round);
  build_round_leave(&round, 0, false);
  pthread_join(thread, &entered);
  cr_assert_null(entered, "two long ones ran until then");
  build_round_stop(&round);
}
