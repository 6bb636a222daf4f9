#include "coordinator/beside/due.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64]; /* of the test that runs: each has a process of its own */
static struct store store;
static struct due due;
static struct error error;
static uint32_t gone;  /* this collection is not compared any more */
static int32_t excuse; /* this `_id` has one */
static int told;       /* differences that were told */

static bool
put_collection(void *context, uint32_t collection, bson_t *message)
{
  (void)context;
  if (message) {
    BSON_APPEND_INT32(message, "collection", (int32_t)collection);
  }
  return collection != gone;
}

static bool
excused(void *context, uint32_t collection, const bson_t *item)
{
  bson_iter_t id;
  (void)context;
  (void)collection;
  return excuse && bson_iter_init_find(&id, item, "id") && bson_iter_int32(&id) == excuse;
}

static void
different(void *context, uint32_t collection, const bson_t *item)
{
  (void)context;
  (void)collection;
  (void)item;
  told++;
}

static void
failed(void *context, const struct error *why)
{
  (void)context;
  cr_assert_fail("%s", why->text);
}

static void
start(void)
{
  struct due_events events = {put_collection, excused, different, failed, NULL};
  cr_assert(due_init(&due, &store, &events, &error), "%s", error.text);
  due_set_reached(&due, 100, true);
}

static void
begin(void)
{
  snprintf(folder, sizeof folder, "/tmp/ferry-due-XXXXXX");
  cr_assert(mkdtemp(folder));
  cr_assert(store_open(&store, folder, &error), "%s", error.text);
  gone = 99;
  start();
}

static void
end(void)
{
  due_clear(&due);
  store_close(&store);
  cr_assert(store_remove(folder, &error), "%s", error.text);
}

TestSuite(due, .init = begin, .fini = end);

/* The oplog wrote to these documents of collection 1. */
static void
touch(int32_t first, int32_t count)
{
  bson_t ids = BSON_INITIALIZER;
  for (int32_t i = 0; i < count; i++) {
    char key[16];
    snprintf(key, sizeof key, "%d", i);
    BSON_APPEND_INT32(&ids, key, first + i);
  }
  cr_assert(store_add_all(&store, STORE_CURRENT, 1, &ids, &error), "%s", error.text);
  cr_assert(store_sync(&store, &error), "%s", error.text);
  bson_destroy(&ids);
}

/* Lends a batch; -1: there is none. */
static int64_t
lend(int *count)
{
  bson_t message = BSON_INITIALIZER;
  bson_t ids;
  enum message_type type = MESSAGE_STOP;
  int64_t task = due_lend(&due, &type, &message);
  if (task >= 0) {
    cr_assert_eq(type, MESSAGE_VERIFY_IDS);
    cr_assert(message_document(&message, "ids", &ids, &error));
    *count = (int)bson_count_keys(&ids);
  }
  bson_destroy(&message);
  return task;
}

/* A worker read both sides; the source's newest entry was `time` then. `unequal` 0: all are equal. */
static void
answer(int64_t task, int32_t unequal, uint64_t time)
{
  bson_t message = BSON_INITIALIZER;
  bson_t list;
  BSON_APPEND_ARRAY_BEGIN(&message, "unequal", &list);
  if (unequal) {
    bson_t *item = BCON_NEW("id", BCON_INT32(unequal), "kind", "value");
    BSON_APPEND_DOCUMENT(&list, "0", item);
    bson_destroy(item);
  }
  bson_append_array_end(&message, &list);
  message_put_timestamp(&message, "source_time", time);
  due_done(&due, task, &message);
  bson_destroy(&message);
}

static int64_t
lend_one(void)
{
  int count = 0;
  due_tick(&due);
  int64_t task = lend(&count);
  cr_assert_geq(task, POOL_MORE);
  return task;
}

static void
lend_none(void)
{
  int count = 0;
  cr_assert_eq(lend(&count), -1);
}

Test(due, what_is_equal_is_through)
{
  touch(1, 2500);
  cr_assert_eq(due_left(&due), 2500);
  due_tick(&due);
  int sum = 0;
  int count = 0;
  for (int64_t task = lend(&count); task >= 0; task = lend(&count)) {
    sum += count;
    answer(task, 0, 100);
  }
  cr_assert_eq(sum, 2500);
  cr_assert_eq(due_left(&due), 0);
  cr_assert_eq(due.compared, 2500);
  cr_assert_eq(due.differences, 0);
}

Test(due, a_difference_counts_when_the_target_has_what_the_reading_saw)
{
  touch(1, 3);
  answer(lend_one(), 2, 120);
  cr_assert_eq(due.differences, 0);
  cr_assert_gt(due_left(&due), 0);
  due_set_reached(&due, 119, true);
  cr_assert_eq(due.differences, 0);
  due_set_reached(&due, 120, true);
  cr_assert_eq(due.differences, 1);
  cr_assert_eq(told, 1);
  lend_none();
  cr_assert_eq(due_left(&due), 0);
}

Test(due, what_was_written_meanwhile_is_compared_again)
{
  touch(1, 3);
  int64_t task = lend_one();
  touch(2, 1);
  answer(task, 2, 120);
  due_set_reached(&due, 120, true);
  cr_assert_eq(due.differences, 0);
  lend_none();
  cr_assert_eq(due_left(&due), 1);
  answer(lend_one(), 0, 130);
  cr_assert_eq(due.differences, 0);
}

Test(due, nothing_counts_that_was_read_while_the_replay_was_lenient)
{
  touch(1, 3);
  int64_t task = lend_one();
  due_set_reached(&due, 110, false);
  answer(task, 2, 105);
  cr_assert_eq(due.differences, 0);
  due_set_reached(&due, 120, true);
  cr_assert_eq(due.differences, 0);
  lend_none();
  cr_assert(store_sync(&store, &error));
  cr_assert_eq(due_left(&due), 1, "it is compared again");
  answer(lend_one(), 2, 120);
  cr_assert_eq(due.differences, 1);
}

Test(due, a_difference_goes_away_when_the_document_is_written_and_equal)
{
  touch(1, 3);
  answer(lend_one(), 2, 100);
  cr_assert_eq(due.differences, 1);
  lend_none();
  touch(2, 1);
  answer(lend_one(), 2, 100);
  cr_assert_eq(due.differences, 1, "found once more, it counts once");
  lend_none();
  touch(2, 1);
  answer(lend_one(), 0, 100);
  cr_assert_eq(due.differences, 0);
}

Test(due, an_excused_difference_is_counted_apart)
{
  touch(1, 3);
  excuse = 2;
  answer(lend_one(), 2, 100);
  cr_assert_eq(due.differences, 0);
  cr_assert_eq(due.excused, 1);
  cr_assert_eq(told, 0);
}

Test(due, a_batch_that_comes_back_is_lent_again)
{
  touch(1, 3);
  int64_t task = lend_one();
  int count = 0;
  cr_assert_eq(due_back(&due, task), 1);
  cr_assert_eq(lend(&count), task);
  cr_assert_eq(count, 3);
  cr_assert_eq(due_back(&due, task), 2);
}

Test(due, a_collection_that_is_gone_is_not_compared)
{
  touch(1, 3);
  gone = 1;
  due_tick(&due);
  lend_none();
  cr_assert_eq(due_left(&due), 0);
}

Test(due, nothing_counts_of_a_collection_that_was_renamed_meanwhile)
{
  touch(1, 3);
  int64_t task = lend_one();
  answer(task, 2, 120);
  gone = 1; /* the command was applied, and has put it back */
  due_set_reached(&due, 120, true);
  cr_assert_eq(due.differences, 0);
  lend_none();
  cr_assert_eq(due_left(&due), 0);
}

Test(due, a_pass_that_was_cut_short_begins_again)
{
  touch(1, 2000);
  int count = 0;
  answer(lend_one(), 0, 100);
  touch(5000, 1);
  due_clear(&due);
  store_close(&store);
  cr_assert(store_open(&store, folder, &error), "%s", error.text);
  start();
  cr_assert_eq(due_left(&due), 2001);
  int sum = 0;
  for (int64_t task = lend(&count); task >= 0; task = lend(&count)) {
    sum += count;
    answer(task, 0, 100);
  }
  cr_assert_eq(sum, 2000);
  cr_assert_eq(due_left(&due), 1);
}
