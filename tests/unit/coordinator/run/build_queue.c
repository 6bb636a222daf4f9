#include "coordinator/run/build_queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

Test(build_queue, gives_the_most_work_first_and_each_once)
{
  unsigned seed = (unsigned)time(NULL);
  struct build_queue queue = {0};
  int64_t works[500];
  int64_t before = INT64_MAX;
  int taken = 0;
  srand(seed);
  for (size_t i = 0; i < 500; i++) {
    works[i] = rand() % 50;
    build_queue_put(&queue, i, works[i]);
  }
  for (int64_t task = build_queue_take(&queue); task >= 0; task = build_queue_take(&queue)) {
    cr_assert_leq(works[task], before, "seed %u", seed);
    before = works[task];
    works[task] = INT64_MAX; /* it must not come again */
    taken++;
  }
  cr_assert_eq(taken, 500);
  build_queue_clear(&queue);
}

Test(build_queue, of_equal_ones_the_first_comes_first)
{
  struct build_queue queue = {0};
  for (size_t i = 0; i < 20; i++) {
    build_queue_put(&queue, 19 - i, 7);
  }
  for (int64_t i = 0; i < 20; i++) {
    cr_assert_eq(build_queue_take(&queue), i);
  }
  cr_assert_eq(build_queue_take(&queue), -1);
  build_queue_clear(&queue);
}
