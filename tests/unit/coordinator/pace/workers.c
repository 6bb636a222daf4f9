#include "coordinator/pace/workers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Two servers that are none: how fast so many workers copy, and how fast the servers answer then. */
struct servers {
  double one_mb_per_s;  /* one worker alone */
  double most_mb_per_s; /* all together */
  int cliff;            /* from so many on it gets slower; 0: never */
  double noise;         /* of each second, as a part of it */
  int slow_from;        /* from so many on they answer slowly; 0: never */
  double document_bytes;
  int64_t ranges; /* of 64 MB */
  int at_once;    /* only so many workers have a task; 0: all */
};

struct world {
  struct servers servers;
  struct workers workers;
  int64_t now_ms;
  double bytes;
  double documents;
  int most;
  bool held;
  int builders;
  int builds_begin;
  struct processor_time processors;
  double idle; /* of the processors */
  int highest; /* what was asked for at most */
  int changes;
  unsigned seed;
};

static void
begin(struct world *world, struct servers servers)
{
  *world = (struct world){.servers = servers, .now_ms = 1000, .most = 64, .idle = 0.5, .seed = (unsigned)time(NULL)};
  world->servers.document_bytes = servers.document_bytes > 0 ? servers.document_bytes : 1000;
  world->servers.ranges = servers.ranges > 0 ? servers.ranges : 1000000;
  workers_init(&world->workers, 0);
}

static double
speed(const struct world *world, int workers)
{
  const struct servers *servers = &world->servers;
  double all = servers->one_mb_per_s * workers;
  all = all > servers->most_mb_per_s ? servers->most_mb_per_s : all;
  return servers->cliff > 0 && workers >= servers->cliff ? all * 0.5 : all;
}

static double
noisy(struct world *world, double value)
{
  double part = (double)rand_r(&world->seed) / RAND_MAX * 2 - 1;
  return value * (1 + world->servers.noise * part);
}

/* One second. */
static void
pass_one(struct world *world)
{
  const struct servers *servers = &world->servers;
  int workers = world->workers.wanted;
  int busy = servers->at_once > 0 && workers > servers->at_once ? servers->at_once : workers;
  int64_t left = servers->ranges - (int64_t)(world->bytes / 64e6) - busy;
  bool slow = servers->slow_from > 0 && workers >= servers->slow_from;
  struct workers_look look = {.now_ms = world->now_ms,
                              .bytes = (int64_t)world->bytes,
                              .documents = (int64_t)world->documents,
                              .busy = busy,
                              .idle = workers - busy,
                              .builders = world->builders,
                              .builds_most = 4,
                              .builds_begin = world->builds_begin,
                              .pending = left > 0 ? left : 0,
                              .held = world->held,
                              .most = world->most,
                              .loads = {1, slow ? 120 : 2, 0},
                              .processors = world->processors};
  world->changes += workers_take(&world->workers, &look);
  double bytes = noisy(world, speed(world, busy)) * 1e6;
  world->bytes += bytes;
  world->documents += bytes / servers->document_bytes;
  world->now_ms += 1000;
  world->processors.all += 200;
  world->processors.idle += (int64_t)(200 * world->idle);
  world->highest = workers_total(&world->workers) > world->highest ? workers_total(&world->workers) : world->highest;
}

static void
pass(struct world *world, int seconds)
{
  for (int i = 0; i < seconds; i++) {
    pass_one(world);
  }
}

/* How much of the best fixed number's pace it has at its number. */
static double
part_of_best(const struct world *world)
{
  double best = 0;
  for (int workers = 1; workers <= 64; workers++) {
    best = fmax(best, speed(world, workers));
  }
  return speed(world, world->workers.wanted) / best;
}

Test(workers, begin_with_two_and_climb_while_it_helps)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400});
  cr_assert_eq(workers_total(&world.workers), 2);
  pass(&world, 60);
  cr_assert_geq(world.workers.wanted, 19);
  cr_assert_leq(world.workers.wanted, 42);
  cr_assert_eq(world.workers.why, WORKERS_NO_FASTER);
}

Test(workers, stay_at_two_where_more_do_not_help)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 45, .most_mb_per_s = 90});
  pass(&world, 20);
  cr_assert_eq(world.workers.wanted, 2);
  cr_assert(world.workers.settled);
  cr_assert_leq(world.highest, 3);
}

Test(workers, are_not_measured_where_the_processors_beside_a_server_are_all_busy)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400});
  world.idle = 0.03;
  pass(&world, 20);
  cr_assert_eq(world.highest, 2);
  cr_assert(world.workers.settled);
  cr_assert_eq(world.workers.why, WORKERS_PROCESSORS);
  world.idle = 0.3; /* something else has ended: the next try sees it */
  pass(&world, 200);
  cr_assert_geq(world.workers.wanted, 9);
}

Test(workers, are_fewer_where_that_is_faster_on_busy_processors)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 40, .cliff = 5});
  workers_set(&world.workers, 6);
  workers_set(&world.workers, 0);
  world.idle = 0;
  pass(&world, 60);
  cr_assert_lt(world.workers.wanted, 5);
  cr_assert_eq(world.highest, 6);
}

Test(workers, reach_nine_tenths_of_the_best_number_in_spite_of_noise)
{
  struct world world;
  static const struct servers all[] = {{.one_mb_per_s = 20, .most_mb_per_s = 70},
                                       {.one_mb_per_s = 5, .most_mb_per_s = 70},
                                       {.one_mb_per_s = 100, .most_mb_per_s = 100},
                                       {.one_mb_per_s = 10, .most_mb_per_s = 190, .cliff = 20},
                                       {.one_mb_per_s = 30, .most_mb_per_s = 300, .document_bytes = 200}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    double parts = 0;
    begin(&world, all[i]);
    world.servers.noise = 0.15;
    unsigned seed = world.seed;
    pass(&world, 120);
    for (int s = 0; s < 600; s++) { /* most of the time, as it now and then tries others */
      pass_one(&world);
      parts += part_of_best(&world) / 600;
    }
    cr_assert_geq(parts, 0.9, "servers %zu, seed %u: %d workers, %.2f", i, seed, world.workers.wanted, parts);
  }
}

Test(workers, step_back_from_a_cliff)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400, .cliff = 6});
  pass(&world, 30);
  cr_assert_eq(world.workers.wanted, 4);
  cr_assert_eq(world.highest, 6);
  cr_assert_eq(world.workers.why, WORKERS_NO_FASTER);
}

Test(workers, go_down_when_the_cliff_comes_later)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 120});
  pass(&world, 40);
  cr_assert_eq(world.workers.wanted, 6);
  world.servers.cliff = 5; /* as when the target's cache is full */
  pass(&world, 60);
  cr_assert_eq(world.workers.wanted, 4);
}

Test(workers, step_back_when_the_servers_answer_more_slowly)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 66, .slow_from = 4});
  pass(&world, 30);
  cr_assert_eq(world.workers.wanted, 3);
  cr_assert_eq(world.workers.why, WORKERS_LATENCY);
}

Test(workers, settle_on_fewer_when_the_servers_get_slow_later)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 120});
  pass(&world, 40);
  cr_assert_eq(world.workers.wanted, 6);
  world.servers.slow_from = 5;
  pass(&world, 10);
  cr_assert_eq(world.workers.wanted, 4);
  cr_assert_eq(world.workers.why, WORKERS_LATENCY);
}

Test(workers, do_not_climb_where_more_would_have_nothing_to_copy)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400, .ranges = 5});
  pass(&world, 20);
  cr_assert_leq(world.highest, 3);
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400, .at_once = 4}); /* -j */
  pass(&world, 25);
  cr_assert_eq(world.workers.wanted, 4);
  cr_assert_eq(world.workers.why, WORKERS_FEW_RANGES);
}

Test(workers, do_not_climb_while_something_else_sets_the_pace)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400});
  world.held = true;
  pass(&world, 100);
  cr_assert_eq(world.workers.wanted, 2);
  cr_assert_eq(world.changes, 0);
  world.held = false;
  pass(&world, 10);
  cr_assert_gt(world.workers.wanted, 2);
}

Test(workers, take_no_more_than_the_machine_has)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 4000});
  world.most = 5;
  pass(&world, 60);
  cr_assert_eq(world.workers.wanted, 5);
  cr_assert_eq(world.highest, 5);
  cr_assert_eq(world.workers.why, WORKERS_MACHINE);
  world.most = 3; /* something else took the memory */
  pass(&world, 1);
  cr_assert_eq(world.workers.wanted, 3);
}

Test(workers, others_copy_in_place_of_those_that_wait_for_builds)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 45, .most_mb_per_s = 90});
  pass(&world, 20);
  world.builders = 1;
  pass(&world, 1);
  cr_assert_eq(workers_total(&world.workers), 3);
  world.builders = 30;
  pass(&world, 1);
  cr_assert_leq(workers_total(&world.workers), 6);
  world.builders = 0;
  pass(&world, 1);
  cr_assert_eq(workers_total(&world.workers), 2);
}

Test(workers, come_when_all_wait_for_builds_and_another_build_could_begin)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 45, .most_mb_per_s = 90, .ranges = 1});
  world.builders = 2;
  pass(&world, 1);
  cr_assert_eq(workers_total(&world.workers), 2);
  world.builds_begin = 1;
  pass(&world, 1);
  cr_assert_eq(workers_total(&world.workers), 4);
}

Test(workers, try_again_when_the_collection_changes)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 45, .most_mb_per_s = 90});
  pass(&world, 20);
  cr_assert_eq(world.workers.wanted, 2);
  world.servers.document_bytes = 100000; /* the next collection's are larger, and go better over several connections */
  world.servers.most_mb_per_s = 400;
  pass(&world, 40);
  cr_assert_geq(world.workers.wanted, 6);
}

Test(workers, try_more_and_more_seldom)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 45, .most_mb_per_s = 90});
  pass(&world, 600);
  int changes = world.changes;
  pass(&world, 600);
  cr_assert_leq(world.changes - changes, 8, "%d changes", world.changes - changes);
}

Test(workers, a_number_that_was_given_stays)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400});
  workers_set(&world.workers, 7);
  pass(&world, 100);
  cr_assert_eq(workers_total(&world.workers), 7);
  cr_assert_eq(world.workers.why, WORKERS_FIXED);
  cr_assert_eq(world.changes, 0);
  workers_set(&world.workers, 0);
  cr_assert_eq(workers_total(&world.workers), 7);
  pass(&world, 40);
  cr_assert_gt(world.workers.wanted, 7);
}

Test(workers, that_cannot_be_started_are_not_tried_again_at_once)
{
  struct world world;
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 400});
  pass(&world, 6);
  workers_could_not(&world.workers, 2, world.now_ms);
  int changes = world.changes;
  pass(&world, 20);
  cr_assert_eq(world.changes, changes);
  cr_assert_eq(world.workers.why, WORKERS_MACHINE);
}

/* Whatever the servers do, it stays between one and what the machine has, and never stops the copy. */
Test(workers, stay_within_bounds_whatever_happens)
{
  unsigned seed = (unsigned)time(NULL);
  struct world world;
  srand(seed);
  begin(&world, (struct servers){.one_mb_per_s = 20, .most_mb_per_s = 200, .noise = 0.9});
  for (int i = 0; i < 20000; i++) {
    if (rand() % 20 == 0) {
      world.servers.most_mb_per_s = rand() % 1000;
      world.servers.document_bytes = 10 + rand() % 100000;
      world.servers.cliff = rand() % 64;
      world.servers.slow_from = rand() % 64;
      world.servers.at_once = rand() % 20;
      world.held = rand() % 5 == 0;
      world.most = 1 + rand() % 64;
      world.builders = rand() % 10;
    }
    pass_one(&world);
    cr_assert_geq(world.workers.wanted, 1, "seed %u", seed);
    cr_assert_leq(workers_total(&world.workers), world.most, "seed %u", seed);
  }
}

Test(workers, say_why)
{
  for (int why = 0; why < WORKERS_REASONS; why++) {
    cr_assert_gt(strlen(workers_why_word((enum workers_why)why)), 0);
    cr_assert_gt(strlen(workers_why_text((enum workers_why)why)), 0);
  }
}
