#include <criterion/criterion.h>

#include "coordinator/plan.h"

static void
fill(struct catalog *catalog, size_t count)
{
  *catalog = (struct catalog){.count = count, .collections = calloc(count, sizeof *catalog->collections)};
  for (size_t i = 0; i < count; i++) {
    catalog->collections[i].bytes = (int64_t)(i + 1) * 100;
  }
}

static void
split_in(struct plan *plan, size_t collection, int ranges)
{
  struct split_points points = {.method = "test"};
  for (int i = 1; i < ranges; i++) {
    bson_t *id = BCON_NEW("_id", BCON_INT32(i));
    bson_iter_t iter;
    bson_iter_init_find(&iter, id, "_id");
    split_add(&points, &iter);
    bson_destroy(id);
  }
  plan_set_points(plan, collection, &points);
}

Test(plan, ranges_meet_and_cover_everything)
{
  struct catalog catalog;
  struct plan plan;
  fill(&catalog, 1);
  plan_init(&plan, &catalog, 4);
  split_in(&plan, 0, 5);
  plan_close(&plan);
  cr_assert_eq(plan.task_count, 5);
  cr_assert_null(plan.tasks[0].min);
  cr_assert_null(plan.tasks[4].max);
  for (int i = 1; i < 5; i++) {
    cr_assert_eq(plan.tasks[i].min, plan.tasks[i - 1].max);
  }
  plan_clear(&plan);
  free(catalog.collections);
}

Test(plan, biggest_first_and_every_worker_on_it)
{
  struct catalog catalog;
  struct plan plan;
  fill(&catalog, 3);
  plan_init(&plan, &catalog, 4);
  split_in(&plan, 0, 1);
  split_in(&plan, 1, 2);
  split_in(&plan, 2, 3);
  plan_close(&plan);
  size_t expected[] = {2, 2, 2, 1, 1, 0};
  for (int i = 0; i < 6; i++) {
    cr_assert_eq(plan.tasks[plan_lend(&plan)].collection, expected[i]);
  }
  cr_assert_eq(plan_lend(&plan), -1);
  plan_clear(&plan);
  free(catalog.collections);
}

Test(plan, no_more_collections_at_once_than_asked)
{
  struct catalog catalog;
  struct plan plan;
  fill(&catalog, 3);
  plan_init(&plan, &catalog, 1);
  for (size_t i = 0; i < 3; i++) {
    split_in(&plan, i, 1);
  }
  plan_close(&plan);
  int64_t first = plan_lend(&plan);
  cr_assert_eq(plan_lend(&plan), -1);
  plan_task_done(&plan, first);
  cr_assert_geq(plan_lend(&plan), 0);
  plan_clear(&plan);
  free(catalog.collections);
}

Test(plan, indexes_wait_for_the_last_range_and_a_task_comes_back)
{
  struct catalog catalog;
  struct plan plan;
  bson_t *spec = BCON_NEW("name", "a_1");
  fill(&catalog, 1);
  plan_init(&plan, &catalog, 4);
  split_in(&plan, 0, 2);
  plan_add_index(&plan, 0, spec);
  plan_close(&plan);
  int64_t first = plan_lend(&plan);
  int64_t second = plan_lend(&plan);
  cr_assert_eq(plan_lend(&plan), -1);
  plan_task_done(&plan, first);
  cr_assert_eq(plan_lend(&plan), -1);
  cr_assert_eq(plan_task_back(&plan, second), 1);
  cr_assert_eq(plan_lend(&plan), second);
  plan_task_done(&plan, second);
  int64_t index = plan_lend(&plan);
  cr_assert_eq(plan.tasks[index].kind, PLAN_INDEX);
  cr_assert_not(plan_finished(&plan));
  plan_task_done(&plan, index);
  cr_assert(plan_finished(&plan));
  plan_clear(&plan);
  bson_destroy(spec);
  free(catalog.collections);
}
