#include "coordinator/beside/due.h"

#include <stdlib.h>

#include "base/table.h"

#define BATCH_IDS 1000
#define BATCH_BYTES (1 << 20)
#define PLACES (2 * POOL_WORKERS_MOST) /* for batches: some are lent, some wait for the bookmark */

enum batch_state { BATCH_FREE, BATCH_LENT, BATCH_BACK, BATCH_READ };

/* Some `_id`s of one collection. */
struct due_batch {
  enum batch_state state;
  uint32_t collection;
  uint32_t count;
  bson_t *ids;        /* an array */
  bson_t *unequal;    /* BATCH_READ: an array of items */
  uint64_t read_time; /* BATCH_READ: the source's newest entry after the reading */
  bool spoiled;       /* the replay was not strict all the time since the batch was lent */
  int attempts;
};

static void
fail(struct due *due, const struct error *error)
{
  if (!due->failed) {
    due->failed = true;
    due->events.failed(due->events.context, error);
  }
}

static void
batch_clear(struct due_batch *batch)
{
  if (batch->ids) {
    bson_destroy(batch->ids);
  }
  if (batch->unequal) {
    bson_destroy(batch->unequal);
  }
  *batch = (struct due_batch){.state = BATCH_FREE};
}

bool
due_recount(struct due *due, struct error *error)
{
  uint64_t differences = 0;
  uint64_t excused = 0;
  bool ok = store_sync(due->store, error) && store_count(due->store, STORE_DIFFERENCES, &differences, error) &&
            store_count(due->store, STORE_EXCUSED, &excused, error);
  due->differences = (int64_t)differences;
  due->excused = (int64_t)excused;
  return ok;
}

bool
due_init(struct due *due, struct store *store, const struct due_events *events, struct error *error)
{
  uint64_t frozen = 0;
  *due = (struct due){.store = store, .events = *events};
  bson_init(&due->cursor);
  due->batches = memory_new(PLACES * sizeof *due->batches);
  bool ok = due_recount(due, error) && store_count(store, STORE_FROZEN, &frozen, error);
  due->of = (int64_t)frozen;
  due->passing = frozen > 0;
  return ok;
}

void
due_clear(struct due *due)
{
  if (!due->store) {
    return;
  }
  for (int i = 0; i < PLACES; i++) {
    batch_clear(&due->batches[i]);
  }
  free(due->batches);
  bson_destroy(&due->cursor);
  *due = (struct due){0};
}

static struct due_batch *
find_in(const struct due *due, enum batch_state state)
{
  for (int i = 0; i < PLACES; i++) {
    if (due->batches[i].state == state) {
      return &due->batches[i];
    }
  }
  return NULL;
}

/* What it was found to be before does not count any more. */
static bool
forget(struct due *due, uint32_t collection, const bson_iter_t *id, struct error *error)
{
  struct store_item item = {.set = STORE_DIFFERENCES, .collection = collection, .id = id};
  int different = due->differences == 0 ? 0 : store_has(due->store, &item, NULL, error);
  if (different < 0 || (different == 1 && !store_take_out(due->store, &item, error))) {
    return false;
  }
  due->differences -= different;
  item.set = STORE_EXCUSED;
  int excused = due->excused == 0 ? 0 : store_has(due->store, &item, NULL, error);
  if (excused < 0 || (excused == 1 && !store_take_out(due->store, &item, error))) {
    return false;
  }
  due->excused -= excused;
  return true;
}

static bool
keep(struct due *due, struct store_item *item, const bson_t *found, struct error *error)
{
  bool excused = due->events.excused(due->events.context, item->collection, found);
  item->set = excused ? STORE_EXCUSED : STORE_DIFFERENCES;
  if (!forget(due, item->collection, item->id, error) || !store_add(due->store, item, found, error)) {
    return false;
  }
  due->excused += excused;
  due->differences += !excused;
  if (!excused) {
    due->events.different(due->events.context, item->collection, found);
  }
  return true;
}

static bool
judge(struct due *due, const struct due_batch *batch, const bson_t *found, struct error *error)
{
  bson_iter_t id;
  struct store_item item = {.set = STORE_CURRENT, .collection = batch->collection, .id = &id};
  if (!bson_iter_init_find(&id, found, "id")) {
    return error_set(error, ERROR_INTERNAL, "a worker tells of a difference without its _id");
  }
  if (batch->spoiled) {
    return store_add(due->store, &item, NULL, error);
  }
  int touched = store_has(due->store, &item, NULL, error);
  if (touched != 0) {
    return touched == 1;
  }
  return keep(due, &item, found, error);
}

static bool
judge_batch(struct due *due, struct due_batch *batch, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  bool there = due->events.put_collection(due->events.context, batch->collection, NULL);
  for (bson_iter_init(&iter, batch->unequal); there && ok && bson_iter_next(&iter);) {
    bson_t found;
    ok = !message_item(&iter, &found) || judge(due, batch, &found, error);
  }
  due->through += batch->count;
  batch_clear(batch);
  return ok;
}

static bool
end_pass_if_over(struct due *due, struct error *error)
{
  if (!due->passing || !due->at_end || find_in(due, BATCH_LENT) || find_in(due, BATCH_BACK) ||
      find_in(due, BATCH_READ)) {
    return true;
  }
  due->passing = false;
  return store_drop_frozen(due->store, error);
}

static void
go_on(struct due *due)
{
  struct error error;
  bool ok = !due->failed;
  for (int i = 0; ok && i < PLACES; i++) {
    struct due_batch *batch = &due->batches[i];
    if (batch->state == BATCH_READ && due->strict && due->reached >= batch->read_time) {
      ok = judge_batch(due, batch, &error);
    }
  }
  ok = ok && end_pass_if_over(due, &error);
  if (!ok && !due->failed) {
    fail(due, &error);
  }
}

void
due_set_reached(struct due *due, uint64_t reached, bool strict)
{
  due->reached = reached;
  due->strict = strict;
  for (int i = 0; i < PLACES; i++) {
    due->batches[i].spoiled = due->batches[i].spoiled || !strict;
  }
  go_on(due);
}

void
due_tick(struct due *due)
{
  struct error error;
  uint64_t current = 0;
  if (due->failed || due->passing) {
    return;
  }
  if (!store_sync(due->store, &error) || !store_count(due->store, STORE_CURRENT, &current, &error) ||
      (current > 0 && !store_freeze(due->store, &error))) {
    fail(due, &error);
  } else if (current > 0) {
    due->passing = true;
    due->at_end = false;
    due->of = (int64_t)current;
    due->through = 0;
    bson_reinit(&due->cursor);
  }
}

/* The next one of the store. 1; 0: there is none; -1 on error. */
static int
take_batch(struct due *due, struct due_batch *batch, struct error *error)
{
  struct store_batch next = {.most_ids = BATCH_IDS, .most_bytes = BATCH_BYTES};
  if (!store_next(due->store, STORE_FROZEN, &due->cursor, &next, error)) {
    return -1;
  }
  int got = next.count > 0;
  due->at_end = !got;
  if (got) {
    *batch = (struct due_batch){
      .state = BATCH_BACK, .collection = next.collection, .count = next.count, .ids = bson_copy(next.ids)};
  }
  store_batch_clear(&next);
  return got;
}

/* -1: its collection is gone, and so is the batch. */
static int64_t
lend(struct due *due, struct due_batch *batch, enum message_type *type, bson_t *message)
{
  if (!due->events.put_collection(due->events.context, batch->collection, message)) {
    due->through += batch->count;
    batch_clear(batch);
    return -1;
  }
  BSON_APPEND_ARRAY(message, "ids", batch->ids);
  BSON_APPEND_BOOL(message, "judge", true);
  *type = MESSAGE_VERIFY_IDS;
  batch->state = BATCH_LENT;
  batch->spoiled = !due->strict;
  return POOL_MORE + (batch - due->batches);
}

/* What comes next: one that came back, or the next one of the store. NULL: none, or an error. */
static struct due_batch *
next_batch(struct due *due)
{
  struct error error;
  struct due_batch *batch = find_in(due, BATCH_BACK);
  if (batch || due->at_end) {
    return batch;
  }
  batch = find_in(due, BATCH_FREE);
  int got = batch ? take_batch(due, batch, &error) : 0;
  if (got < 0) {
    fail(due, &error);
  }
  return got == 1 ? batch : NULL;
}

int64_t
due_lend(struct due *due, enum message_type *type, bson_t *message)
{
  int64_t task = -1;
  while (task < 0 && due->passing && !due->failed) {
    struct due_batch *batch = next_batch(due);
    if (!batch) {
      break;
    }
    task = lend(due, batch, type, message);
  }
  if (task < 0) {
    go_on(due); /* there may have been none left */
  }
  return task;
}

/* The `_id`s that a worker found unequal. */
struct unequal_id {
  UT_hash_handle hh;
  bson_t *id; /* {"": _id}: the key */
};

static bson_t *
key_of(const bson_iter_t *id)
{
  bson_t *key = bson_new();
  bson_append_iter(key, "", 0, id);
  return key;
}

static struct unequal_id *
index_unequal(const bson_t *unequal)
{
  struct unequal_id *by_id = NULL;
  bson_iter_t iter;
  bson_iter_t id;
  bson_t item;
  for (bson_iter_init(&iter, unequal); bson_iter_next(&iter);) {
    if (message_item(&iter, &item) && bson_iter_init_find(&id, &item, "id")) {
      struct unequal_id *one = memory_new(sizeof *one);
      one->id = key_of(&id);
      HASH_ADD_KEYPTR(hh, by_id, bson_get_data(one->id), one->id->len, one);
    }
  }
  return by_id;
}

static void
free_unequal(struct unequal_id *by_id)
{
  struct unequal_id *one;
  struct unequal_id *next;
  HASH_ITER (hh, by_id, one, next) {
    HASH_DEL(by_id, one); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    bson_destroy(one->id);
    free(one);
  }
}

static bool
has_id(const struct unequal_id *by_id, const bson_iter_t *id)
{
  const struct unequal_id *found;
  bson_t *key = key_of(id);
  HASH_FIND(hh, by_id, bson_get_data(key), key->len, found);
  bson_destroy(key);
  return found != NULL;
}

/* What is equal now is no difference any more. */
static bool
forget_equal(struct due *due, const struct due_batch *batch, const bson_t *unequal, struct error *error)
{
  bson_iter_t id;
  bool ok = true;
  if (due->differences + due->excused == 0) {
    return true;
  }
  struct unequal_id *by_id = index_unequal(unequal);
  for (bson_iter_init(&id, batch->ids); ok && bson_iter_next(&id);) {
    ok = has_id(by_id, &id) || forget(due, batch->collection, &id, error);
  }
  free_unequal(by_id);
  return ok;
}

void
due_done(struct due *due, int64_t task, const bson_t *document)
{
  struct due_batch *batch = &due->batches[task - POOL_MORE];
  bson_t unequal;
  struct error error;
  if (!message_document(document, "unequal", &unequal, &error) || !forget_equal(due, batch, &unequal, &error)) {
    fail(due, &error);
    return;
  }
  due->compared += batch->count;
  batch->unequal = bson_copy(&unequal);
  batch->state = BATCH_READ;
  batch->read_time = bson_empty(&unequal) ? 0 : message_timestamp(document, "source_time");
  go_on(due);
}

int
due_back(struct due *due, int64_t task)
{
  struct due_batch *batch = &due->batches[task - POOL_MORE];
  batch->state = BATCH_BACK;
  return ++batch->attempts;
}

uint32_t
due_drop(struct due *due, int64_t task)
{
  struct due_batch *batch = &due->batches[task - POOL_MORE];
  uint32_t collection = batch->collection;
  due->through += batch->count;
  batch_clear(batch);
  go_on(due); /* it may have been the last one */
  return collection;
}

int64_t
due_left(struct due *due)
{
  struct error error;
  uint64_t current = 0;
  if (!due->failed && !store_count(due->store, STORE_CURRENT, &current, &error)) {
    fail(due, &error);
  }
  int64_t left = due->of - due->through;
  return (int64_t)current + (!due->passing ? 0 : left > 0 ? left : 1);
}
