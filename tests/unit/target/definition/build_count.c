#include "target/definition/build_count.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MB (INT64_C(1) << 20)

/* A target that is none: how fast so many builds go together, and how fast it answers then. */
struct world {
  struct build_count count;
  double one_per_s;  /* work of one build alone */
  double most_per_s; /* of all together */
  int slow_from;     /* from so many on it answers slowly; 0: never */
  int64_t each;      /* work of one */
  int64_t waiting;
  int64_t left[64]; /* of those that run */
  int running;
  int most;
  int highest;
  double built;
  int64_t now_ms;
  int64_t sorting_ms; /* every ten seconds nothing is told for so long */
  double told;
};

static void
begin(struct world *world, double one_mb_per_s, double most_mb_per_s)
{
  *world = (struct world){.one_per_s = one_mb_per_s * (double)MB,
                          .most_per_s = most_mb_per_s * (double)MB,
                          .each = 100 * MB,
                          .waiting = 1000,
                          .most = 64,
                          .now_ms = 1000};
  build_count_init(&world->count);
}

static void
start_builds(struct world *world)
{
  while (world->running < world->count.wanted && world->waiting > 0) {
    world->left[world->running++] = world->each;
    world->waiting--;
  }
}

static void
end_builds(struct world *world)
{
  for (int i = 0; i < world->running;) {
    if (world->left[i] <= 0) {
      world->left[i] = world->left[--world->running];
    } else {
      i++;
    }
  }
}

/* One second. */
static bool
pass_one(struct world *world)
{
  start_builds(world);
  double all = world->one_per_s * world->running;
  all = all > world->most_per_s ? world->most_per_s : all;
  for (int i = 0; i < world->running; i++) {
    world->left[i] -= (int64_t)(all / world->running);
  }
  world->built += all;
  end_builds(world);
  start_builds(world);
  world->now_ms += 1000;
  if (world->now_ms % 10000 >= world->sorting_ms) {
    world->told = world->built;
  }
  bool slow = world->slow_from > 0 && world->running >= world->slow_from;
  struct build_look look = {.now_ms = world->now_ms,
                            .built = (int64_t)world->told,
                            .running = world->running,
                            .work = world->each * world->running,
                            .waiting = world->waiting,
                            .most = world->most,
                            .target_ms = slow ? 200 : 2};
  bool changed = build_count_take(&world->count, &look);
  world->highest = world->count.wanted > world->highest ? world->count.wanted : world->highest;
  return changed;
}

static int
pass(struct world *world, int seconds)
{
  int changes = 0;
  for (int i = 0; i < seconds; i++) {
    changes += pass_one(world);
  }
  return changes;
}

Test(build_count, begins_with_two_and_climbs_while_the_builds_get_faster)
{
  struct world world;
  begin(&world, 10, 60);
  cr_assert_eq(world.count.wanted, 2);
  pass(&world, 400);
  cr_assert_eq(world.count.wanted, 6, "%d", world.count.wanted);
  cr_assert_eq(world.count.why, BUILD_WHY_NO_FASTER);
}

Test(build_count, stays_at_two_where_a_third_gives_nothing)
{
  struct world world;
  begin(&world, 10, 20);
  pass(&world, 60);
  cr_assert_eq(world.count.wanted, 2);
  cr_assert_eq(world.highest, 3);
}

Test(build_count, is_not_misled_by_steps_that_tell_no_progress)
{
  struct world world;
  begin(&world, 10, 20);
  world.sorting_ms = 7000;
  pass(&world, 120);
  cr_assert_eq(world.highest, 3);
  begin(&world, 10, 1000);
  world.sorting_ms = 10000; /* a target that never tells */
  pass(&world, 1000);
  cr_assert_eq(world.count.wanted, 2, "nothing is measured");
}

Test(build_count, begins_fewer_when_the_target_answers_slowly)
{
  struct world world;
  begin(&world, 10, 1000);
  world.slow_from = 5;
  pass(&world, 400);
  cr_assert_eq(world.highest, 5);
  cr_assert_eq(world.count.wanted, 4);
  cr_assert_eq(world.count.why, BUILD_WHY_LATENCY);
  begin(&world, 10, 1000);
  struct build_look calm = {.now_ms = 1, .waiting = 10, .most = 64, .target_ms = 2};
  build_count_take(&world.count, &calm);
  world.slow_from = 2;
  pass(&world, 60);
  cr_assert_eq(world.count.wanted, 1, "two were slow from the start");
}

Test(build_count, tries_again_more_and_more_seldom)
{
  struct world world;
  begin(&world, 10, 20);
  world.waiting = 1000000;
  pass(&world, 3600);
  cr_assert_leq(pass(&world, 3600), 16);
}

Test(build_count, takes_no_more_than_there_can_be_and_does_not_wait_for_what_does_not_come)
{
  struct world world;
  begin(&world, 10, 1000);
  world.most = 3;
  pass(&world, 400);
  cr_assert_eq(world.count.wanted, 3);
  begin(&world, 10, 1000);
  world.waiting = 4;
  pass(&world, 100);
  cr_assert_eq(world.running, 0);
  cr_assert_eq(world.count.before, 0, "no measurement is left open");
}

/* Whatever the target does, there is one at least, and no more than there can be. */
Test(build_count, stays_within_bounds_whatever_happens)
{
  unsigned seed = (unsigned)time(NULL);
  struct world world;
  srand(seed);
  begin(&world, 10, 100);
  for (int i = 0; i < 20000; i++) {
    if (rand() % 20 == 0) {
      world.most_per_s = (rand() % 1000) * (double)MB;
      world.slow_from = rand() % 8;
      world.waiting = rand() % 3 == 0 ? 0 : rand() % 50;
      world.each = (1 + rand() % 1000) * MB;
      world.sorting_ms = rand() % 9000;
    }
    pass_one(&world);
    cr_assert_geq(world.count.wanted, 1, "seed %u", seed);
    cr_assert_leq(world.count.wanted, world.most, "seed %u", seed);
  }
}

Test(build_count, work_is_of_bytes_and_indexes_and_nothing_is_for_free)
{
  cr_assert_gt(build_work(0, 1), 0);
  cr_assert_gt(build_work(100 * MB, 2), build_work(150 * MB, 1));
}

Test(build_count, says_why)
{
  for (int why = 0; why < BUILD_WHY_REASONS; why++) {
    cr_assert_gt(strlen(build_why_text((enum build_why)why)), 0);
  }
}
