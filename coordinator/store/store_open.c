/*
 * The databases of the store come and go: store_open, store_freeze, store_close, store_remove.
 */
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/store/store_folder.h"
#include "coordinator/store/store_parts.h"

#define LAYOUT 1

/* Which generations there are. Nothing else counts in the folder, so this is also what makes a change of them one. */
static bool
write_meta(struct store *store, struct error *error)
{
  bson_t meta = BSON_INITIALIZER;
  bson_append_int32(&meta, "layout", -1, LAYOUT);
  bson_append_int64(&meta, "current", -1, store->generations[STORE_CURRENT]);
  bson_append_int64(&meta, "frozen", -1, store->generations[STORE_FROZEN]);
  store_database_put(store->state, store_key_meta(), bson_get_data(&meta), meta.len);
  bson_destroy(&meta);
  return store_database_write(store->state, error) || store_fail(store);
}

static int64_t
number_in(const bson_t *meta, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, meta, name) ? bson_iter_as_int64(&iter) : -1;
}

/* 1; 0: it has none; -1. */
static int
read_meta(struct store *store, struct error *error)
{
  uint8_t *value;
  size_t size;
  bson_t meta;
  int got = store_database_get(store->state, store_key_meta(), &value, &size, error);
  if (got != 1) {
    return got;
  }
  bool ok = store_view(store, value, size, &meta, error);
  if (ok && number_in(&meta, "layout") != LAYOUT) {
    ok = error_set(error, ERROR_STATE,
                   "another version of mongoferry wrote the verification's state in '%s': go on with that version, or "
                   "remove that folder, and the verification starts over",
                   store->path);
  }
  int64_t current = ok ? number_in(&meta, "current") : 1;
  int64_t frozen = ok ? number_in(&meta, "frozen") : 0;
  if (current < 1 || current > UINT32_MAX || frozen < 0 || frozen > UINT32_MAX) {
    ok = store_damaged(store, "its generations are none", error);
  }
  store->generations[STORE_CURRENT] = (uint32_t)current;
  store->generations[STORE_FROZEN] = (uint32_t)frozen;
  free(value);
  return ok ? 1 : -1;
}

static struct store_database *
open_touched(struct store *store, uint32_t generation, enum store_use use, bool make, struct error *error)
{
  char *path = store_folder_touched(store->path, generation);
  struct store_database *database = store_database_open(path, use, make, error);
  free(path);
  return database;
}

static bool
open_generations(struct store *store, struct error *error)
{
  uint32_t current = store->generations[STORE_CURRENT];
  uint32_t frozen = store->generations[STORE_FROZEN];
  store->touched[STORE_CURRENT] = open_touched(store, current, STORE_USE_ADD, false, error);
  if (store->touched[STORE_CURRENT] && frozen > 0) {
    store->touched[STORE_FROZEN] = open_touched(store, frozen, STORE_USE_SCAN, false, error);
    return store->touched[STORE_FROZEN] != NULL;
  }
  return store->touched[STORE_CURRENT] != NULL;
}

/* A new generation counts once the state names it, and what it is in must be durable before. */
static struct store_database *
make_generation(struct store *store, uint32_t generation, struct error *error)
{
  struct store_database *database = open_touched(store, generation, STORE_USE_ADD, true, error);
  if (database && !store_folder_sync(store->path, error)) {
    store_database_close(database);
    database = NULL;
  }
  return database;
}

/* What has no state counts as nothing, whatever generations are there. */
static bool
begin(struct store *store, struct error *error)
{
  static const uint32_t none[2] = {0, 0};
  store->made = true;
  store->generations[STORE_CURRENT] = 1;
  if (!store_folder_tidy(store->path, none, error)) {
    return false;
  }
  store->touched[STORE_CURRENT] = make_generation(store, 1, error);
  return store->touched[STORE_CURRENT] && write_meta(store, error);
}

static bool
open_state(struct store *store, struct error *error)
{
  char *path = store_folder_state(store->path);
  bool make = !store_database_is_made(path);
  if (!make || store_database_remove(path, error)) { /* it may have been made in part */
    store->state = store_database_open(path, STORE_USE_STATE, make, error);
  }
  free(path);
  return store->state != NULL;
}

bool
store_open(struct store *store, const char *path, struct error *error)
{
  *store = (struct store){.path = memory_string(path), .lock = -1};
  int got = store_folder_take(path, &store->lock, error) && open_state(store, error) ? read_meta(store, error) : -1;
  bool ok = (got == 1 && store_folder_tidy(path, store->generations, error) && open_generations(store, error)) ||
            (got == 0 && begin(store, error));
  if (!ok) {
    store_close(store);
  }
  return ok;
}

void
store_close(struct store *store)
{
  store_database_close(store->state);
  store_database_close(store->touched[STORE_CURRENT]);
  store_database_close(store->touched[STORE_FROZEN]);
  if (store->path && store->lock >= 0) {
    close(store->lock);
  }
  free(store->path);
  *store = (struct store){.lock = -1};
}

bool
store_remove(const char *path, struct error *error)
{
  int lock;
  int there = store_folder_take_old(path, &lock, error);
  bool ok = there == 0 || (there == 1 && store_folder_delete(path, error));
  if (there == 1) {
    close(lock);
  }
  return ok;
}

/* The state does not name the frozen generation any more. */
static bool
drop_frozen(struct store *store, struct error *error)
{
  store_database_close(store->touched[STORE_FROZEN]);
  store->touched[STORE_FROZEN] = NULL;
  return store_folder_tidy(store->path, store->generations, error) || store_fail(store);
}

/* One that is only read does not need the memory of one that is added to. */
static bool
reopen_as_frozen(struct store *store, struct store_database *fresh, struct error *error)
{
  store_database_close(store->touched[STORE_CURRENT]);
  store->touched[STORE_CURRENT] = fresh;
  store->touched[STORE_FROZEN] = open_touched(store, store->generations[STORE_FROZEN], STORE_USE_SCAN, false, error);
  return store->touched[STORE_FROZEN] || store_fail(store);
}

/* A generation without anything, and without anything that was dropped, can go on. */
static bool
was_used(struct store *store, bool *used, struct error *error)
{
  struct store_database *database = store->touched[STORE_CURRENT];
  struct store_tally *total = store_database_total(database, store_letter(STORE_CURRENT), error);
  *used = total && (total->count > 0 || total->epoch > 0);
  return total || store_fail(store);
}

bool
store_drop_frozen(struct store *store, struct error *error)
{
  if (store->generations[STORE_FROZEN] == 0) {
    return true;
  }
  store->generations[STORE_FROZEN] = 0;
  return store_sync(store, error) && write_meta(store, error) && drop_frozen(store, error);
}

bool
store_freeze(struct store *store, struct error *error)
{
  bool used;
  struct store_database *fresh = NULL;
  if (!store_sync(store, error) || !was_used(store, &used, error)) {
    return false;
  }
  if (used) {
    fresh = make_generation(store, store->generations[STORE_CURRENT] + 1, error);
    if (!fresh) {
      return store_fail(store);
    }
  }
  store->generations[STORE_FROZEN] = used ? store->generations[STORE_CURRENT] : 0;
  store->generations[STORE_CURRENT] += used;
  if (!write_meta(store, error)) {
    store_database_close(fresh);
    return false;
  }
  return drop_frozen(store, error) && (!fresh || reopen_as_frozen(store, fresh, error));
}
