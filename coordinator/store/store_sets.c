/*
 * Sets of `_id`s as a whole: batches in order, and dropping a collection.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/store/store_parts.h"

#define CURSOR_COLLECTION "collection"
#define CURSOR_BEHIND "behind" /* the end of a key: type and value, as they stand there */
#define BEFORE_ELEMENTS 4
#define BEFORE_VALUE (4 + 1 + sizeof "_id")

/* An array that is being made. libbson would write some values anew, as the options of a regular expression. */
struct array {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
  uint32_t count;
};

static void
append_bytes(struct array *array, const void *bytes, size_t size)
{
  if (array->size + size > array->capacity) {
    array->capacity = 2 * (array->size + size);
    array->bytes = memory_resize(array->bytes, array->capacity);
  }
  memcpy(array->bytes + array->size, bytes, size);
  array->size += size;
}

static void
append_value(struct array *array, uint8_t type, const uint8_t *value, size_t size)
{
  char name[16];
  int length = snprintf(name, sizeof name, "%u", array->count++);
  if (array->size == 0) {
    append_bytes(array, "\0\0\0", BEFORE_ELEMENTS);
  }
  append_bytes(array, &type, 1);
  append_bytes(array, name, (size_t)length + 1);
  append_bytes(array, value, size);
}

/* NULL if it has nothing. */
static bson_t *
finish_array(struct array *array)
{
  bson_t *document = NULL;
  if (array->size > 0) {
    append_bytes(array, "", 1);
    uint32_t length = BSON_UINT32_TO_LE((uint32_t)array->size);
    memcpy(array->bytes, &length, sizeof length);
    document = bson_new_from_data(array->bytes, array->size);
  }
  free(array->bytes);
  *array = (struct array){0};
  return document;
}

/* A batch that is being read. */
struct reading {
  struct store *store;
  struct store_database *database;
  struct store_batch *batch;
  leveldb_iterator_t *scan;
  struct store_place place; /* of the collection it is in: with the epoch that counts */
  bool placed;
  size_t bytes;
  struct array ids;
  struct array documents;
  bson_t *cursor;
};

static bool
enter_collection(struct reading *reading, enum store_set set, uint32_t collection, struct error *error)
{
  struct store_tally *tally = store_database_tally(reading->database, store_letter(set), collection, error);
  if (!tally) {
    return store_fail(reading->store);
  }
  reading->place = (struct store_place){.set = store_letter(set), .collection = collection, .epoch = tally->epoch};
  reading->placed = true;
  return true;
}

/* The key of the cursor; `*skip` is true if that one was already read. */
static bool
cursor_key(struct reading *reading, enum store_set set, struct store_key *key, bool *skip, struct error *error)
{
  bson_iter_t iter;
  const uint8_t *behind = NULL;
  uint32_t size = 0;
  int64_t collection = 0;
  if (bson_iter_init_find(&iter, reading->cursor, CURSOR_COLLECTION)) {
    collection = bson_iter_as_int64(&iter);
  }
  if (bson_iter_init_find(&iter, reading->cursor, CURSOR_BEHIND) && BSON_ITER_HOLDS_BINARY(&iter)) {
    bson_iter_binary(&iter, NULL, &size, &behind);
  }
  if (collection < 0 || collection > UINT32_MAX) {
    return store_damaged(reading->store, "a cursor is none", error);
  }
  if (!enter_collection(reading, set, (uint32_t)collection, error)) {
    return false;
  }
  *key = store_key_first(&reading->place);
  key->bytes = memory_resize(key->bytes, key->size + size + 1);
  if (size > 0) {
    memcpy(key->bytes + key->size, behind, size);
  }
  key->size += size;
  *skip = size > 0;
  return true;
}

static void
move_cursor(struct reading *reading, const uint8_t *key, size_t size)
{
  bson_reinit(reading->cursor);
  bson_append_int64(reading->cursor, CURSOR_COLLECTION, -1, reading->batch->collection);
  bson_append_binary(reading->cursor, CURSOR_BEHIND, -1, BSON_SUBTYPE_BINARY, key + STORE_KEY_ID_AT,
                     (uint32_t)(size - STORE_KEY_ID_AT));
}

static bool
append_document(struct reading *reading, struct error *error)
{
  bson_t view = BSON_INITIALIZER;
  size_t size;
  const uint8_t *value = (const uint8_t *)leveldb_iter_value(reading->scan, &size);
  if (size > 0 && !store_view(reading->store, value, size, &view, error)) {
    return false;
  }
  append_value(&reading->documents, BSON_TYPE_DOCUMENT, bson_get_data(&view), view.len);
  return true;
}

static bool
is_full(struct reading *reading, size_t key_size)
{
  const struct store_batch *batch = reading->batch;
  size_t size;
  leveldb_iter_value(reading->scan, &size);
  reading->bytes += key_size - STORE_KEY_ID_AT + size;
  return batch->count > 0 && (batch->count >= batch->most_ids || reading->bytes > batch->most_bytes);
}

static bool
append_id(struct reading *reading, const uint8_t *key, size_t size, struct error *error)
{
  bson_t *id = store_key_value(key, size);
  if (!id) {
    return store_damaged(reading->store, "an _id is none", error);
  }
  append_value(&reading->ids, key[STORE_KEY_ID_AT], bson_get_data(id) + BEFORE_VALUE, id->len - BEFORE_VALUE - 1);
  bson_destroy(id);
  reading->batch->collection = reading->place.collection;
  reading->batch->count++;
  move_cursor(reading, key, size);
  return true;
}

/* Goes past `_id`s of epochs that ended. 1: the scan stands at another key; 0: at one that counts; -1. */
static int
pass_old(struct reading *reading, enum store_set set, const struct store_place *at, struct error *error)
{
  if ((!reading->placed || at->collection != reading->place.collection) &&
      !enter_collection(reading, set, at->collection, error)) {
    return -1;
  }
  if (at->epoch > reading->place.epoch) {
    store_damaged(reading->store, "an _id is of no epoch", error);
    return -1;
  }
  if (at->epoch == reading->place.epoch) {
    return 0;
  }
  struct store_key first = store_key_first(&reading->place);
  leveldb_iter_seek(reading->scan, (const char *)first.bytes, first.size);
  store_key_clear(&first);
  return 1;
}

/* One key. 1: go on; 0: the batch is over; -1. */
static int
read_key(struct reading *reading, enum store_set set, struct error *error)
{
  struct store_place at;
  size_t size;
  struct store_batch *batch = reading->batch;
  const uint8_t *key = (const uint8_t *)leveldb_iter_key(reading->scan, &size);
  if (!store_key_place(key, size, &at) || at.set != store_letter(set) ||
      (batch->count > 0 && at.collection != batch->collection)) {
    return 0;
  }
  int passed = pass_old(reading, set, &at, error);
  if (passed != 0) {
    return passed;
  }
  if (is_full(reading, size)) {
    return 0;
  }
  if (!append_id(reading, key, size, error) || (store_has_documents(set) && !append_document(reading, error))) {
    return -1;
  }
  leveldb_iter_next(reading->scan);
  return 1;
}

static bool
read_batch(struct reading *reading, enum store_set set, struct error *error)
{
  struct store_key from = {0};
  bool skip = false;
  int got = 1;
  if (!cursor_key(reading, set, &from, &skip, error)) {
    return false;
  }
  reading->scan = store_database_scan(reading->database, &from);
  if (skip && leveldb_iter_valid(reading->scan)) {
    size_t size;
    const char *key = leveldb_iter_key(reading->scan, &size);
    if (size == from.size && memcmp(key, from.bytes, size) == 0) {
      leveldb_iter_next(reading->scan);
    }
  }
  while (got == 1 && leveldb_iter_valid(reading->scan)) {
    got = read_key(reading, set, error);
  }
  bool ok = got >= 0 && (store_database_scanned(reading->database, reading->scan, error) || store_fail(reading->store));
  leveldb_iter_destroy(reading->scan);
  store_key_clear(&from);
  return ok;
}

void
store_batch_clear(struct store_batch *batch)
{
  bson_destroy(batch->ids);
  bson_destroy(batch->documents);
  batch->ids = batch->documents = NULL;
  batch->collection = batch->count = 0;
}

bool
store_next(struct store *store, enum store_set set, bson_t *cursor, struct store_batch *batch, struct error *error)
{
  struct reading reading = {
    .store = store, .database = store_database_of(store, set), .batch = batch, .cursor = cursor};
  store_batch_clear(batch);
  if ((store->gathered[set] || store->failed) && !store_sync(store, error)) {
    return false;
  }
  bool ok = !reading.database || read_batch(&reading, set, error);
  batch->ids = finish_array(&reading.ids);
  batch->documents = finish_array(&reading.documents);
  if (!ok) {
    store_batch_clear(batch);
  }
  return ok;
}

/* These are few, or are to be seen by people: their disk is given back. */
static bool
delete_each(struct store *store, enum store_set set, uint32_t collection, struct error *error)
{
  struct store_place place = {.set = store_letter(set), .collection = collection};
  struct store_key first = store_key_first(&place);
  leveldb_iterator_t *scan = store_database_scan(store->state, &first);
  bool ok = true;
  for (; ok && leveldb_iter_valid(scan); leveldb_iter_next(scan)) {
    size_t size;
    const char *key = leveldb_iter_key(scan, &size);
    if (size < first.size || memcmp(key, first.bytes, first.size) != 0) {
      break;
    }
    store_database_delete(store->state, (struct store_key){.bytes = memory_copy(key, size), .size = size});
    ok = store_sync_if_much(store, store->state, error);
  }
  ok = ok && (store_database_scanned(store->state, scan, error) || store_fail(store));
  leveldb_iter_destroy(scan);
  store_key_clear(&first);
  return ok;
}

/* What is there does not count any more. It goes with its generation. */
static bool
end_epoch(struct store *store, enum store_set set, uint32_t collection, struct error *error)
{
  struct store_database *database = store_database_of(store, set);
  struct store_tally *tally = database ? store_database_tally(database, store_letter(set), collection, error) : NULL;
  struct store_tally *total = tally ? store_database_total(database, store_letter(set), error) : NULL;
  if (total && tally->count > 0) {
    total->count -= tally->count;
    total->epoch++;
    tally->count = 0;
    tally->epoch++;
    total->changed = tally->changed = true;
  }
  return total || !database || store_fail(store);
}

bool
store_drop_collection(struct store *store, enum store_set set, uint32_t collection, struct error *error)
{
  return store_sync(store, error) &&
         (store_has_documents(set) ? delete_each(store, set, collection, error)
                                   : end_epoch(store, set, collection, error)) &&
         store_sync(store, error);
}
