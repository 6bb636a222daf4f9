#include "coordinator/store/store.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64]; /* of the test that runs: each has a process of its own */
static struct store store;
static struct error error;

static void
begin(void)
{
  snprintf(folder, sizeof folder, "/tmp/ferry-store-XXXXXX");
  cr_assert(mkdtemp(folder));
  cr_assert(store_open(&store, folder, &error), "%s", error.text);
}

static void
end(void)
{
  store_close(&store);
  cr_assert(store_remove(folder, &error), "%s", error.text);
  cr_assert_neq(access(folder, F_OK), 0);
}

static void
reopen(void)
{
  store_close(&store);
  cr_assert(store_open(&store, folder, &error), "%s", error.text);
  cr_assert_not(store.made);
}

static bool
add(enum store_set set, uint32_t collection, int64_t number)
{
  bson_iter_t id;
  bson_t *document = BCON_NEW("_id", BCON_INT64(number));
  bson_iter_init_find(&id, document, "_id");
  bool ok = store_add(&store, &(struct store_item){.set = set, .collection = collection, .id = &id}, NULL, &error);
  bson_destroy(document);
  return ok;
}

static void
add_range(enum store_set set, uint32_t collection, int64_t from, int64_t to)
{
  for (int64_t i = from; i < to; i++) {
    cr_assert(add(set, collection, i), "%s", error.text);
  }
}

static int
has(enum store_set set, uint32_t collection, int64_t number)
{
  bson_iter_t id;
  bson_t *document = BCON_NEW("_id", BCON_INT64(number));
  bson_iter_init_find(&id, document, "_id");
  int got = store_has(&store, &(struct store_item){.set = set, .collection = collection, .id = &id}, NULL, &error);
  bson_destroy(document);
  return got;
}

static void
take_out(enum store_set set, uint32_t collection, int64_t number)
{
  bson_iter_t id;
  bson_t *document = BCON_NEW("_id", BCON_INT64(number));
  bson_iter_init_find(&id, document, "_id");
  cr_assert(store_take_out(&store, &(struct store_item){.set = set, .collection = collection, .id = &id}, &error));
  bson_destroy(document);
}

static void
synced(void)
{
  cr_assert(store_sync(&store, &error), "%s", error.text);
}

static uint64_t
count(enum store_set set)
{
  uint64_t number = 0;
  synced();
  cr_assert(store_count(&store, set, &number, &error), "%s", error.text);
  return number;
}

static uint64_t
count_of(enum store_set set, uint32_t collection)
{
  uint64_t number = 0;
  synced();
  cr_assert(store_count_of(&store, set, collection, &number, &error), "%s", error.text);
  return number;
}

/* How many a visit in batches meets; each batch is of one collection, and within the limits. */
static uint64_t
visit(enum store_set set, uint32_t most)
{
  uint64_t met = 0;
  bson_t cursor = BSON_INITIALIZER;
  struct store_batch batch = {.most_ids = most, .most_bytes = 1000000};
  for (;;) {
    cr_assert(store_next(&store, set, &cursor, &batch, &error), "%s", error.text);
    if (batch.count == 0) {
      break;
    }
    cr_assert_leq(batch.count, most);
    cr_assert_eq(bson_count_keys(batch.ids), batch.count);
    met += batch.count;
  }
  store_batch_clear(&batch);
  bson_destroy(&cursor);
  return met;
}

Test(store, one_that_holds_nothing)
{
  bson_t got;
  begin();
  cr_assert(store.made);
  for (int set = 0; set < STORE_SETS; set++) {
    cr_assert_eq(count(set), 0);
    cr_assert_eq(visit(set, 10), 0);
    cr_assert_eq(has(set, 0, 1), 0);
    take_out(set, 0, 1);
    cr_assert_eq(count(set), 0);
    cr_assert(store_drop_collection(&store, set, 0, &error));
  }
  cr_assert_eq(store_get(&store, "plan", &got, &error), 0);
  cr_assert(store_freeze(&store, &error), "%s", error.text);
  reopen();
  end();
}

Test(store, each_id_counts_once_also_after_a_restart)
{
  begin();
  add_range(STORE_CURRENT, 7, 0, 1000);
  add_range(STORE_CURRENT, 7, 500, 1500);
  add_range(STORE_CURRENT, 8, 0, 10);
  cr_assert_eq(has(STORE_CURRENT, 7, 3), 1); /* gathered */
  cr_assert_eq(has(STORE_CURRENT, 8, 11), 0);
  cr_assert_eq(count(STORE_CURRENT), 1510);
  reopen();
  add_range(STORE_CURRENT, 7, 1400, 1600);
  cr_assert_eq(count(STORE_CURRENT), 1610);
  cr_assert_eq(count_of(STORE_CURRENT, 7), 1600);
  cr_assert_eq(count_of(STORE_CURRENT, 8), 10);
  cr_assert_eq(count_of(STORE_CURRENT, 9), 0);
  take_out(STORE_CURRENT, 7, 1599);
  take_out(STORE_CURRENT, 7, 1599);
  cr_assert_eq(has(STORE_CURRENT, 7, 1599), 0);
  cr_assert_eq(count_of(STORE_CURRENT, 7), 1599);
  cr_assert_eq(visit(STORE_CURRENT, 100), 1609);
  end();
}

Test(store, what_is_not_synced_may_be_lost_and_nothing_else)
{
  begin();
  add_range(STORE_CURRENT, 1, 0, 10);
  cr_assert(store_sync(&store, &error));
  add_range(STORE_CURRENT, 1, 10, 20);
  reopen();
  cr_assert_eq(count(STORE_CURRENT), 10);
  end();
}

Test(store, generations)
{
  begin();
  add_range(STORE_CURRENT, 1, 0, 100);
  cr_assert(store_freeze(&store, &error), "%s", error.text);
  cr_assert_eq(count(STORE_CURRENT), 0);
  cr_assert_eq(count(STORE_FROZEN), 100);
  add_range(STORE_CURRENT, 1, 50, 53);
  cr_assert_eq(count(STORE_CURRENT), 3);
  cr_assert_not(add(STORE_FROZEN, 1, 5));
  reopen();
  cr_assert_eq(count(STORE_CURRENT), 3);
  cr_assert_eq(visit(STORE_FROZEN, 30), 100);
  cr_assert_eq(has(STORE_FROZEN, 1, 99), 1);
  cr_assert_eq(has(STORE_CURRENT, 1, 99), 0);
  cr_assert(store_freeze(&store, &error), "%s", error.text);
  cr_assert_eq(visit(STORE_FROZEN, 30), 3);
  cr_assert(store_freeze(&store, &error), "%s", error.text);
  cr_assert_eq(visit(STORE_FROZEN, 30), 0);
  cr_assert_eq(count(STORE_FROZEN), 0);
  end();
}

Test(store, a_collection_that_is_dropped_begins_anew)
{
  begin();
  for (int set = 0; set < STORE_SETS; set++) {
    if (set != STORE_FROZEN) {
      add_range(set, 1, 0, 100);
      add_range(set, 2, 0, 100);
      add_range(set, 3, 0, 100);
      cr_assert(store_drop_collection(&store, set, 2, &error), "%s", error.text);
      cr_assert_eq(count(set), 200);
      cr_assert_eq(has(set, 2, 1), 0);
      cr_assert_eq(visit(set, 30), 200);
      add_range(set, 2, 0, 5);
      cr_assert_eq(count_of(set, 2), 5);
      cr_assert_eq(visit(set, 30), 205);
    }
  }
  cr_assert(store_freeze(&store, &error));
  cr_assert(store_drop_collection(&store, STORE_FROZEN, 2, &error), "%s", error.text);
  reopen();
  cr_assert_eq(visit(STORE_FROZEN, 30), 200);
  cr_assert_eq(count(STORE_FROZEN), 200);
  end();
}

Test(store, a_cursor_that_was_kept_goes_on)
{
  bson_t cursor = BSON_INITIALIZER;
  bson_t kept;
  bson_iter_t iter;
  struct store_batch batch = {.most_ids = 64, .most_bytes = 1000000};
  begin();
  add_range(STORE_CURRENT, 1, -50, 50);
  add_range(STORE_CURRENT, 4000000000, 0, 10);
  cr_assert(store_freeze(&store, &error));
  cr_assert(store_next(&store, STORE_FROZEN, &cursor, &batch, &error));
  cr_assert_eq(batch.count, 64);
  cr_assert(store_put(&store, "cursor", &cursor, &error));
  cr_assert(store_sync(&store, &error));
  reopen();
  cr_assert_eq(store_get(&store, "cursor", &kept, &error), 1);
  cr_assert(store_next(&store, STORE_FROZEN, &kept, &batch, &error));
  cr_assert_eq(batch.collection, 1);
  cr_assert_eq(batch.count, 36);
  cr_assert(bson_iter_init_find(&iter, batch.ids, "0") && bson_iter_int64(&iter) == 14); /* by value */
  cr_assert(store_next(&store, STORE_FROZEN, &kept, &batch, &error));
  cr_assert_eq(batch.collection, 4000000000);
  cr_assert_eq(batch.count, 10);
  cr_assert(store_next(&store, STORE_FROZEN, &kept, &batch, &error));
  cr_assert_eq(batch.count, 0);
  bson_reinit(&kept);
  bson_append_int64(&kept, "collection", -1, 2);
  cr_assert(store_next(&store, STORE_FROZEN, &kept, &batch, &error));
  cr_assert_eq(batch.collection, 4000000000);
  store_batch_clear(&batch);
  bson_destroy(&kept);
  bson_destroy(&cursor);
  end();
}

Test(store, excused_ones_have_documents)
{
  bson_t cursor = BSON_INITIALIZER;
  bson_t *ids = BCON_NEW("0", "a", "1", "b", "2", "c");
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(5, 6));
  bson_t got;
  bson_iter_t id;
  bson_iter_t iter;
  struct store_batch batch = {.most_ids = 2, .most_bytes = 1000000};
  begin();
  cr_assert(store_add_all(&store, STORE_EXCUSED, 5, ids, &error));
  cr_assert(bson_iter_init_find(&id, ids, "1"));
  cr_assert(store_add(&store, &(struct store_item){STORE_EXCUSED, 5, &id}, document, &error));
  cr_assert_eq(store_has(&store, &(struct store_item){STORE_EXCUSED, 5, &id}, &got, &error), 1);
  cr_assert(bson_equal(&got, document));
  bson_destroy(&got);
  reopen();
  cr_assert(store_add_all(&store, STORE_EXCUSED, 5, ids, &error));
  cr_assert(store_add(&store, &(struct store_item){STORE_EXCUSED, 5, &id}, document, &error));
  cr_assert_eq(count(STORE_EXCUSED), 3);
  cr_assert(store_next(&store, STORE_EXCUSED, &cursor, &batch, &error));
  cr_assert_eq(batch.count, 2);
  cr_assert_eq(bson_count_keys(batch.documents), 2);
  cr_assert(bson_iter_init_find(&iter, batch.documents, "1") && BSON_ITER_HOLDS_DOCUMENT(&iter));
  cr_assert(bson_iter_recurse(&iter, &id) && bson_iter_find(&id, "ts"));
  cr_assert(store_next(&store, STORE_EXCUSED, &cursor, &batch, &error));
  cr_assert_eq(batch.count, 1);
  cr_assert_eq(bson_count_keys(batch.documents), 1);
  store_batch_clear(&batch);
  bson_destroy(document);
  bson_destroy(ids);
  bson_destroy(&cursor);
  end();
}

static bool
collect_number(void *context, uint64_t number, const bson_t *document, struct error *ignored)
{
  char text[32];
  bson_iter_t iter;
  (void)ignored;
  cr_assert(bson_iter_init_find(&iter, document, "n"));
  cr_assert_eq((uint64_t)bson_iter_as_int64(&iter), number);
  snprintf(text, sizeof text, " %" PRIu64, number);
  strcat(context, text);
  return true;
}

Test(store, documents_and_lists)
{
  static const int64_t numbers[] = {300, 2, 70000, 1};
  char seen[200] = "";
  bson_t got;
  bson_t *plan = BCON_NEW("ranges", BCON_INT32(3));
  begin();
  cr_assert_eq(store_get(&store, "plan", &got, &error), 0);
  cr_assert(store_put(&store, "plan", plan, &error));
  for (size_t i = 0; i < 4; i++) {
    bson_t *item = BCON_NEW("n", BCON_INT64(numbers[i]));
    cr_assert(store_put_item(&store, "done", (uint64_t)numbers[i], item, &error));
    cr_assert(store_put_item(&store, "done2", (uint64_t)numbers[i], item, &error));
    bson_destroy(item);
  }
  cr_assert(store_put_item(&store, "done", 2, NULL, &error));
  cr_assert(store_sync(&store, &error));
  reopen();
  cr_assert_eq(store_get(&store, "plan", &got, &error), 1);
  cr_assert(bson_equal(&got, plan));
  bson_destroy(&got);
  cr_assert_eq(store_get_item(&store, "done", 2, &got, &error), 0);
  cr_assert_eq(store_get_item(&store, "done", 300, &got, &error), 1);
  bson_destroy(&got);
  cr_assert(store_items(&store, "done", collect_number, seen, &error));
  cr_assert_str_eq(seen, " 1 300 70000");
  cr_assert(store_items(&store, "none", collect_number, seen, &error));
  bson_destroy(plan);
  end();
}
