#include <criterion/criterion.h>

#include "coordinator/run/plan.h"

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

Test(plan, indexes_of_several_collections_are_built_at_once)
{
  struct catalog catalog;
  struct plan plan;
  bson_t *spec = BCON_NEW("name", "a_1");
  int64_t copies[3];
  fill(&catalog, 3);
  plan_init(&plan, &catalog, 4);
  for (size_t i = 0; i < 3; i++) {
    split_in(&plan, i, 1);
    plan_add_index(&plan, i, spec);
  }
  plan_close(&plan);
  for (int i = 0; i < 3; i++) {
    copies[i] = plan_lend(&plan);
  }
  for (int i = 0; i < 3; i++) {
    plan_task_done(&plan, copies[i]);
  }
  int64_t first = plan_lend(&plan);
  int64_t second = plan_lend(&plan);
  cr_assert_eq(plan.tasks[first].kind, PLAN_INDEX);
  cr_assert_eq(plan.tasks[second].kind, PLAN_INDEX);
  cr_assert_neq(plan.tasks[first].collection, plan.tasks[second].collection);
  cr_assert_eq(plan.tasks[first].collection, 2, "the largest one first");
  plan_task_back(&plan, first);
  cr_assert_eq(plan_lend(&plan), first);
  cr_assert_eq(plan.tasks[plan_lend(&plan)].kind, PLAN_INDEX);
  cr_assert_eq(plan_lend(&plan), -1);
  plan_clear(&plan);
  bson_destroy(spec);
  free(catalog.collections);
}

/* Collection n has n+1 GB; all are copied. */
static void
begin_builds(struct plan *plan, struct catalog *catalog, size_t count)
{
  bson_t *spec = BCON_NEW("name", "a_1");
  fill(catalog, count);
  for (size_t i = 0; i < count; i++) {
    catalog->collections[i].bytes *= INT64_C(10) << 20;
  }
  plan_init(plan, catalog, (int64_t)count);
  for (size_t i = 0; i < count; i++) {
    split_in(plan, i, 1);
    plan_add_index(plan, i, spec);
  }
  plan_close(plan);
  bson_destroy(spec);
}

static void
copy_all(struct plan *plan)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    plan_task_done(plan, (int64_t)plan->collections[i].first_task);
  }
}

Test(plan, the_largest_indexes_are_built_first_and_no_more_at_once_than_the_target_takes)
{
  struct catalog catalog;
  struct plan plan;
  begin_builds(&plan, &catalog, 6);
  copy_all(&plan);
  plan.builds_at_once = 3;
  int64_t first = plan_lend(&plan);
  cr_assert_eq(plan.tasks[first].collection, 5);
  cr_assert_eq(plan.tasks[plan_lend(&plan)].collection, 4);
  int64_t third = plan_lend(&plan);
  cr_assert_eq(plan.tasks[third].collection, 3);
  cr_assert_eq(plan_lend(&plan), -1);
  cr_assert_eq(plan.long_waiting, 3);
  plan_task_back(&plan, third); /* its worker died */
  cr_assert_eq(plan_lend(&plan), third);
  cr_assert_eq(plan_lend(&plan), -1);
  plan.builds_at_once = 2;
  plan_task_done(&plan, first);
  cr_assert_eq(plan_lend(&plan), -1, "no build is broken off, but none begins");
  plan.builds_at_once = 4;
  cr_assert_eq(plan.tasks[plan_lend(&plan)].collection, 2);
  cr_assert_eq(plan.tasks[plan_lend(&plan)].collection, 1);
  cr_assert_eq(plan_lend(&plan), -1);
  plan_clear(&plan);
  free(catalog.collections);
}

Test(plan, ranges_and_short_builds_go_on_beside_the_long_builds)
{
  struct catalog catalog;
  struct plan plan;
  begin_builds(&plan, &catalog, 4);
  catalog.collections[0].bytes = 5000;
  plan.builds_at_once = 1;
  plan_task_done(&plan, (int64_t)plan.collections[3].first_task);
  plan_task_done(&plan, (int64_t)plan.collections[2].first_task);
  plan_task_done(&plan, (int64_t)plan.collections[0].first_task);
  int64_t build = plan_lend(&plan);
  cr_assert_eq(plan.tasks[build].collection, 3);
  int64_t small = plan_lend(&plan);
  cr_assert_eq(plan.tasks[small].kind, PLAN_INDEX);
  cr_assert_eq(plan.tasks[small].collection, 0);
  int64_t range = plan_lend(&plan);
  cr_assert_eq(plan.tasks[range].kind, PLAN_COPY);
  cr_assert_eq(plan.tasks[range].collection, 1);
  plan_clear(&plan);
  free(catalog.collections);
}

Test(plan, what_an_earlier_run_built_is_not_built_again)
{
  struct catalog catalog;
  struct plan plan;
  begin_builds(&plan, &catalog, 3);
  for (size_t i = 0; i < 3; i++) {
    plan_task_was_done(&plan, (int64_t)plan.collections[i].first_task);
  }
  plan_task_was_done(&plan, (int64_t)plan.collections[2].first_task + 1);
  plan_task_was_done(&plan, (int64_t)plan.collections[0].first_task + 1);
  cr_assert_eq(plan.long_waiting, 1);
  int64_t task = plan_lend(&plan);
  cr_assert_eq(plan.tasks[task].collection, 1);
  cr_assert_eq(plan_lend(&plan), -1);
  cr_assert_eq(plan.built_work, plan_build_work(&plan, 0) + plan_build_work(&plan, 2));
  plan_task_done(&plan, task);
  cr_assert(plan_finished(&plan));
  cr_assert_eq(plan.built_work, plan.build_work);
  cr_assert_eq(plan.long_lent, 0);
  plan_clear(&plan);
  free(catalog.collections);
}

/* Four workers until nothing is left; each task is lent once. Gives how many. */
static size_t
run_to_the_end(struct plan *plan)
{
  int64_t lent[4] = {-1, -1, -1, -1};
  size_t count = 0;
  while (!plan_finished(plan)) {
    for (int i = 0; i < 4; i++) {
      if (lent[i] >= 0) {
        plan_task_done(plan, lent[i]);
      }
      lent[i] = plan_lend(plan);
      count += lent[i] >= 0;
    }
  }
  return count;
}

Test(plan, one_of_100_gb_and_one_of_100_documents_end_as_parts_of_one_plan)
{
  struct catalog catalog;
  struct plan plan;
  bson_t *spec = BCON_NEW("name", "a_1");
  fill(&catalog, 2);
  catalog.collections[0].bytes = 10000;
  catalog.collections[1].bytes = INT64_C(100) << 30;
  plan_init(&plan, &catalog, 4);
  split_in(&plan, 0, 1);
  split_in(&plan, 1, 1600);
  plan_add_index(&plan, 0, spec);
  plan_add_index(&plan, 1, spec);
  plan_close(&plan);
  cr_assert_eq(run_to_the_end(&plan), 1603);
  cr_assert(plan.collections[0].index_done && plan.collections[1].index_done);
  plan_clear(&plan);
  bson_destroy(spec);
  free(catalog.collections);
}

/* Would take hours if lending one looked at them all. */
Test(plan, a_million_collections)
{
  struct catalog catalog;
  struct plan plan;
  fill(&catalog, 1000000);
  plan_init(&plan, &catalog, 4);
  plan_close(&plan);
  cr_assert_eq(run_to_the_end(&plan), 1000000);
  plan_clear(&plan);
  free(catalog.collections);
}
