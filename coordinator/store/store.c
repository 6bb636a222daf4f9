#include "coordinator/store/store.h"

#include "base/memory.h"
#include "base/nesting.h"
#include "coordinator/store/store_database.h"
#include "coordinator/store/store_parts.h"

#define GATHERED_BYTES (4U << 20)
#define SYNC_ORDER 3

bool
store_has_documents(enum store_set set)
{
  return set == STORE_EXCUSED || set == STORE_DIFFERENCES;
}

uint8_t
store_letter(enum store_set set)
{
  static const uint8_t letters[STORE_SETS] = {'t', 't', 'e', 'd'};
  return letters[set];
}

struct store_database *
store_database_of(const struct store *store, enum store_set set)
{
  return store_has_documents(set) ? store->state : store->touched[set];
}

bool
store_fail(struct store *store)
{
  store->failed = true;
  return false;
}

bool
store_damaged(struct store *store, const char *what, struct error *error)
{
  error_set(error, ERROR_STATE,
            "the verification's state in '%s' is damaged (%s): remove that folder, and the verification starts over",
            store->path, what);
  return store_fail(store);
}

/*
 * What is known of `_id`s first: the state may say that a range is through, and must not say so without the `_id`s that
 * were found in it.
 */
bool
store_sync(struct store *store, struct error *error)
{
  struct store_database *order[SYNC_ORDER] = {store->touched[STORE_FROZEN], store->touched[STORE_CURRENT],
                                              store->state};
  if (store->failed) {
    return error_set(error, ERROR_STATE, "the verification's state in '%s' failed before", store->path);
  }
  for (size_t i = 0; i < SYNC_ORDER; i++) {
    if (order[i] && !store_database_write(order[i], error)) {
      return store_fail(store);
    }
  }
  for (size_t i = 0; i < STORE_SETS; i++) {
    store->gathered[i] = false;
  }
  return true;
}

bool
store_sync_if_much(struct store *store, const struct store_database *database, struct error *error)
{
  return database->changed_bytes < GATHERED_BYTES || store_sync(store, error);
}

/* Takes the key. */
static bool
put_document(struct store *store, struct store_key key, const bson_t *document, struct error *error)
{
  if (document) {
    store_database_put(store->state, key, bson_get_data(document), document->len);
  } else {
    store_database_delete(store->state, key);
  }
  return store_sync_if_much(store, store->state, error);
}

bool
store_view(struct store *store, const uint8_t *value, size_t size, bson_t *view, struct error *error)
{
  return (nesting_fits(value, size) && bson_init_static(view, value, size)) ||
         store_damaged(store, "a document is none", error);
}

/* Takes the key. */
static int
get_document(struct store *store, struct store_key key, bson_t *document, struct error *error)
{
  uint8_t *value;
  size_t size;
  bson_t view;
  int got = store_database_get(store->state, key, &value, &size, error);
  if (got == 1) {
    got = store_view(store, value, size, &view, error) ? 1 : -1;
    if (got == 1) {
      bson_copy_to(&view, document);
    }
    free(value);
  }
  return got;
}

bool
store_put(struct store *store, const char *name, const bson_t *document, struct error *error)
{
  return put_document(store, store_key_named(name), document, error);
}

int
store_get(struct store *store, const char *name, bson_t *document, struct error *error)
{
  return get_document(store, store_key_named(name), document, error);
}

bool
store_put_item(struct store *store, const char *list, uint64_t number, const bson_t *document, struct error *error)
{
  return put_document(store, store_key_item(list, number), document, error);
}

int
store_get_item(struct store *store, const char *list, uint64_t number, bson_t *document, struct error *error)
{
  return get_document(store, store_key_item(list, number), document, error);
}

bool
store_items(struct store *store, const char *list, store_visit visit, void *context, struct error *error)
{
  struct store_key first = store_key_item(list, 0);
  bool ok = store_sync(store, error);
  leveldb_iterator_t *scan = ok ? store_database_scan(store->state, &first) : NULL;
  for (; ok && leveldb_iter_valid(scan); leveldb_iter_next(scan)) {
    bson_t view;
    size_t size;
    size_t value_size;
    const uint8_t *key = (const uint8_t *)leveldb_iter_key(scan, &size);
    const uint8_t *value = (const uint8_t *)leveldb_iter_value(scan, &value_size);
    if (size != first.size || memcmp(key, first.bytes, size - sizeof(uint64_t)) != 0) {
      break;
    }
    ok =
      store_view(store, value, value_size, &view, error) && visit(context, store_key_number(key, size), &view, error);
  }
  ok = ok && store_database_scanned(store->state, scan, error);
  if (scan) {
    leveldb_iter_destroy(scan);
  }
  store_key_clear(&first);
  return ok;
}

static bool
id_key(struct store *store, const struct store_item *item, struct store_key *key, struct error *error)
{
  uint8_t set = store_letter(item->set);
  struct store_tally *tally = store_database_tally(store_database_of(store, item->set), set, item->collection, error);
  if (!tally) {
    return store_fail(store);
  }
  *key =
    store_key_id(&(struct store_place){.set = set, .collection = item->collection, .epoch = tally->epoch}, item->id);
  return true;
}

bool
store_add(struct store *store, const struct store_item *item, const bson_t *document, struct error *error)
{
  struct store_key key;
  struct store_database *database = store_database_of(store, item->set);
  if (!database || item->set == STORE_FROZEN) {
    return error_set(error, ERROR_INTERNAL, "what is frozen gets no new _ids");
  }
  if (!id_key(store, item, &key, error)) {
    return false;
  }
  store_database_put(database, key, document ? bson_get_data(document) : NULL, document ? document->len : 0);
  store->gathered[item->set] = true;
  return store_sync_if_much(store, database, error);
}

bool
store_add_all(struct store *store, enum store_set set, uint32_t collection, const bson_t *ids, struct error *error)
{
  bson_iter_t id;
  bool ok = bson_iter_init(&id, ids);
  while (ok && bson_iter_next(&id)) {
    ok = store_add(store, &(struct store_item){.set = set, .collection = collection, .id = &id}, NULL, error);
  }
  return ok;
}

bool
store_take_out(struct store *store, const struct store_item *item, struct error *error)
{
  struct store_key key;
  struct store_database *database = store_database_of(store, item->set);
  if (!database) {
    return true;
  }
  if (!id_key(store, item, &key, error)) {
    return false;
  }
  store_database_delete(database, key);
  store->gathered[item->set] = true;
  return store_sync_if_much(store, database, error);
}

int
store_has(struct store *store, const struct store_item *item, bson_t *document, struct error *error)
{
  struct store_key key;
  uint8_t *value;
  size_t size;
  bson_t view = BSON_INITIALIZER;
  struct store_database *database = store_database_of(store, item->set);
  if (!database) {
    return 0;
  }
  if (!id_key(store, item, &key, error)) {
    return -1;
  }
  int got = store_database_get(database, key, &value, &size, error);
  if (got == 1) {
    got = size == 0 || store_view(store, value, size, &view, error) ? 1 : -1;
    if (got == 1 && document) {
      bson_copy_to(&view, document);
    }
    free(value);
  }
  return got;
}

bool
store_count(struct store *store, enum store_set set, uint64_t *count, struct error *error)
{
  struct store_database *database = store_database_of(store, set);
  struct store_tally *total = database ? store_database_total(database, store_letter(set), error) : NULL;
  *count = total ? total->count : 0;
  return total || !database || store_fail(store);
}

bool
store_count_of(struct store *store, enum store_set set, uint32_t collection, uint64_t *count, struct error *error)
{
  struct store_database *database = store_database_of(store, set);
  struct store_tally *tally = database ? store_database_tally(database, store_letter(set), collection, error) : NULL;
  *count = tally ? tally->count : 0;
  return tally || !database || store_fail(store);
}
