#include "coordinator/cutover/obstacles.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW_MS 1000000

struct world {
  struct plan plan;
  struct tail tail;
  struct window window;
  struct status status;
};

/* Tailing, and nothing in the way. */
static void
begin(struct world *world)
{
  memset(world, 0, sizeof *world);
  world->tail.consistent = world->tail.tailed = world->tail.replays = true;
  world->tail.alive_ms = NOW_MS;
  world->tail.bookmark = world->tail.newest = (uint64_t)1000 << 32;
  world->tail.asked_ms = NOW_MS;
  world->status = (struct status){
    .plan = &world->plan, .tail = &world->tail, .window = &world->window, .now_ms = NOW_MS, .handed_off = true};
}

static bool
finds(const struct world *world, const struct obstacles_limits *limits, const char *said)
{
  bson_t list = BSON_INITIALIZER;
  bool none = obstacles_find(&world->status, limits, &list);
  char *json = bson_as_relaxed_extended_json(&list, NULL);
  bool found = strstr(json, said) != NULL;
  cr_assert_eq(none, bson_empty(&list));
  bson_free(json);
  bson_destroy(&list);
  return !none && found;
}

Test(obstacles, none_while_it_tails)
{
  struct world world;
  struct obstacles_limits limits = {.lag_s = 60};
  bson_t list = BSON_INITIALIZER;
  begin(&world);
  cr_assert(obstacles_find(&world.status, &limits, &list));
  bson_destroy(&list);
}

Test(obstacles, each_is_named)
{
  struct world world;
  struct obstacles_limits limits = {.lag_s = 60};
  begin(&world);
  world.status.paused_since_ms = 5;
  cr_assert(finds(&world, &limits, "paused"));
  begin(&world);
  world.status.refused = 3;
  cr_assert(finds(&world, &limits, "refused 3"));
  limits.accept_refused = true;
  cr_assert_not(finds(&world, &limits, "refused"));
  begin(&world);
  world.tail.alive_ms = 0;
  cr_assert(finds(&world, &limits, "does not answer"));
  begin(&world);
  world.tail.consistent = false;
  snprintf(world.tail.building, sizeof world.tail.building, "shop.orders");
  cr_assert(finds(&world, &limits, "unique indexes are still being built, now those of shop.orders"));
  begin(&world);
  world.status.handed_off = false;
  cr_assert(finds(&world, &limits, "the copy is not complete"));
  begin(&world);
  struct error error = {.kind = ERROR_TARGET, .text = "no disk"};
  world.status.error = &error;
  cr_assert(finds(&world, &limits, "no disk"));
}
