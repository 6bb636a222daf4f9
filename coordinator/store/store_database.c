#include "coordinator/store/store_database.h"

#include <string.h>
#include <unistd.h>

#define FILTER_BITS 10         /* for each key: one look-up in a hundred reads a table in vain */
#define OPEN_FILES 74          /* LevelDB's least: 64 tables */
#define TABLE_BYTES (2U << 20) /* the indexes and filters of open tables are in memory, so they should be small */
#define TALLY_BYTES 12
#define TALLIES_MOST 4096

/* Takes LevelDB's message. */
static bool
failed(const char *what, const char *path, char *message, struct error *error)
{
  const char *mend = "; remove the folder above it, and the verification starts over";
  if (strstr(message, "No space left")) {
    mend = "; make room there, then start again";
  } else if (strstr(message, "/LOCK: ")) {
    mend = "; another mongoferry is running on it";
  } else if (strstr(message, "Permission denied") || strstr(message, "Too many open files")) {
    mend = "";
  }
  error_set(error, ERROR_STATE, "cannot %s '%s', a part of the verification's state: %s%s", what, path, message, mend);
  leveldb_free(message);
  return false;
}

static void
choose(struct store_database *database, enum store_use use, bool make)
{
  size_t write_buffer = use == STORE_USE_ADD ? 8U << 20 : 1U << 20;
  database->options = leveldb_options_create();
  database->cache = leveldb_cache_create_lru(1U << 20);
  leveldb_options_set_create_if_missing(database->options, make);
  leveldb_options_set_error_if_exists(database->options, make);
  leveldb_options_set_paranoid_checks(database->options, 1);
  leveldb_options_set_write_buffer_size(database->options, write_buffer);
  leveldb_options_set_max_open_files(database->options, OPEN_FILES);
  leveldb_options_set_max_file_size(database->options, TABLE_BYTES);
  leveldb_options_set_compression(database->options,
                                  leveldb_no_compression); /* neighbours share their beginnings anyway */
  leveldb_options_set_cache(database->options, database->cache);
  if (use != STORE_USE_SCAN) {
    database->filter = leveldb_filterpolicy_create_bloom(FILTER_BITS);
    leveldb_options_set_filter_policy(database->options, database->filter);
  }
  database->reading = leveldb_readoptions_create();
  database->scanning = leveldb_readoptions_create();
  database->writing = leveldb_writeoptions_create();
  leveldb_readoptions_set_verify_checksums(database->reading, 1);
  leveldb_readoptions_set_verify_checksums(database->scanning, 1);
  leveldb_readoptions_set_fill_cache(database->scanning, 0);
  leveldb_writeoptions_set_sync(database->writing, 1);
}

struct store_database *
store_database_open(const char *path, enum store_use use, bool make, struct error *error)
{
  char *message = NULL;
  struct store_database *database = memory_new(sizeof *database);
  database->path = memory_string(path);
  choose(database, use, make);
  database->db = leveldb_open(database->options, path, &message);
  if (!database->db) {
    failed("open", path, message, error);
    store_database_close(database);
    return NULL;
  }
  return database;
}

static void
free_change(struct store_database *database, struct store_change *change)
{
  database->changed_bytes -= sizeof *change + change->key.size + change->size;
  HASH_DEL(database->changes, change);
  store_key_clear(&change->key);
  free(change->value);
  free(change);
}

static void
forget_changes(struct store_database *database)
{
  struct store_change *change;
  struct store_change *next;
  HASH_ITER (hh, database->changes, change, next) {
    free_change(database, change);
  }
}

static void
forget_tallies(struct store_database *database)
{
  struct store_tally *tally;
  struct store_tally *next;
  HASH_ITER (hh, database->tallies, tally, next) {
    HASH_DEL(database->tallies, tally);
    free(tally);
  }
}

void
store_database_close(struct store_database *database)
{
  if (!database) {
    return;
  }
  if (database->db) {
    leveldb_close(database->db);
  }
  forget_changes(database);
  forget_tallies(database);
  leveldb_options_destroy(database->options);
  leveldb_cache_destroy(database->cache);
  if (database->filter) {
    leveldb_filterpolicy_destroy(database->filter);
  }
  leveldb_readoptions_destroy(database->reading);
  leveldb_readoptions_destroy(database->scanning);
  leveldb_writeoptions_destroy(database->writing);
  free(database->path);
  free(database);
}

/* LevelDB writes CURRENT last. */
bool
store_database_is_made(const char *path)
{
  char *last = memory_format("%s/CURRENT", path);
  bool made = access(last, F_OK) == 0;
  free(last);
  return made;
}

bool
store_database_remove(const char *path, struct error *error)
{
  char *message = NULL;
  leveldb_options_t *options = leveldb_options_create();
  leveldb_destroy_db(options, path, &message);
  leveldb_options_destroy(options);
  return !message || failed("delete", path, message, error);
}

/* Nothing is a value, too. memory_copy would align it for a bson_t, which takes more than most of them. */
static uint8_t *
copy(const void *value, size_t size)
{
  uint8_t *bytes = memory_malloc(size);
  if (size > 0) {
    memcpy(bytes, value, size);
  }
  return bytes;
}

static void
change_key(struct store_database *database, struct store_key key, bool removes, const void *value, size_t size)
{
  struct store_change *change;
  HASH_FIND(hh, database->changes, key.bytes, key.size, change);
  if (change) {
    store_key_clear(&key);
    database->changed_bytes -= change->size;
    free(change->value);
  } else {
    change = memory_calloc(1, sizeof *change);
    change->key = key;
    database->changed_bytes += sizeof *change + key.size;
    HASH_ADD_KEYPTR(hh, database->changes, change->key.bytes, change->key.size, change);
  }
  change->removes = removes;
  change->value = copy(value, size);
  change->size = size;
  database->changed_bytes += size;
}

void
store_database_put(struct store_database *database, struct store_key key, const void *value, size_t size)
{
  change_key(database, key, false, value, size);
}

void
store_database_delete(struct store_database *database, struct store_key key)
{
  change_key(database, key, true, NULL, 0);
}

/* What is written; as store_database_get, but the key stays the caller's. */
static int
look_up(struct store_database *database, const struct store_key *key, uint8_t **value, size_t *size,
        struct error *error)
{
  char *message = NULL;
  *value = (uint8_t *)leveldb_get(database->db, database->reading, (const char *)key->bytes, key->size, size, &message);
  if (message) {
    failed("read", database->path, message, error);
    return -1;
  }
  return *value != NULL;
}

int
store_database_get(struct store_database *database, struct store_key key, uint8_t **value, size_t *size,
                   struct error *error)
{
  struct store_change *change;
  int got;
  HASH_FIND(hh, database->changes, key.bytes, key.size, change);
  if (change) {
    got = !change->removes;
    *value = got ? copy(change->value, change->size) : NULL;
    *size = change->size;
  } else {
    got = look_up(database, &key, value, size, error);
  }
  store_key_clear(&key);
  return got;
}

static struct store_key
tally_key(const struct store_tally *tally)
{
  uint8_t set = (uint8_t)tally->of.set;
  return tally->of.whole ? store_key_total(set) : store_key_tally(set, tally->of.collection);
}

/* The count, then the epoch, little-endian. */
static bool
read_tally(struct store_database *database, struct store_tally *tally, struct error *error)
{
  uint8_t *value;
  size_t size;
  int got = store_database_get(database, tally_key(tally), &value, &size, error);
  bool whole = got != 1 || size == TALLY_BYTES;
  if (!whole) {
    error_set(error, ERROR_STATE,
              "'%s', a part of the verification's state, is damaged: remove the folder above it, "
              "and the verification starts over",
              database->path);
  } else if (got == 1) {
    memcpy(&tally->count, value, 8);
    memcpy(&tally->epoch, value + 8, 4);
    tally->count = BSON_UINT64_FROM_LE(tally->count);
    tally->epoch = BSON_UINT32_FROM_LE(tally->epoch);
  }
  free(got == 1 ? value : NULL);
  return got >= 0 && whole;
}

static struct store_tally *
find_tally(struct store_database *database, const struct store_tally *wanted, struct error *error)
{
  struct store_tally *tally;
  HASH_FIND(hh, database->tallies, &wanted->of, sizeof wanted->of, tally);
  if (!tally) {
    tally = memory_calloc(1, sizeof *tally);
    tally->of = wanted->of;
    if (!read_tally(database, tally, error)) {
      free(tally);
      return NULL;
    }
    HASH_ADD(hh, database->tallies, of, sizeof tally->of, tally);
  }
  return tally;
}

struct store_tally *
store_database_tally(struct store_database *database, uint8_t set, uint32_t collection, struct error *error)
{
  return find_tally(database, &(struct store_tally){.of = {.set = set, .collection = collection}}, error);
}

struct store_tally *
store_database_total(struct store_database *database, uint8_t set, struct error *error)
{
  return find_tally(database, &(struct store_tally){.of = {.set = set, .whole = 1}}, error);
}

static int
by_key(struct store_change *a, struct store_change *b)
{
  size_t common = a->key.size < b->key.size ? a->key.size : b->key.size;
  int order = memcmp(a->key.bytes, b->key.bytes, common);
  return order != 0 ? order : (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

static bool
add_to_tallies(struct store_database *database, const struct store_place *place, int change, struct error *error)
{
  struct store_tally *of = store_database_tally(database, place->set, place->collection, error);
  struct store_tally *total = of ? store_database_total(database, place->set, error) : NULL;
  if (total && change != 0) {
    of->count += (uint64_t)(int64_t)change;
    total->count += (uint64_t)(int64_t)change;
    of->changed = total->changed = true;
  }
  return total != NULL;
}

/* Counts a change of an `_id`, and forgets it if it changes nothing. */
static bool
count_change(struct store_database *database, struct store_change *change, struct error *error)
{
  struct store_place place;
  uint8_t *value = NULL;
  size_t size = 0;
  if (!store_key_place(change->key.bytes, change->key.size, &place)) {
    return true;
  }
  int was = look_up(database, &change->key, &value, &size, error);
  bool same = was == 1 && !change->removes && size == change->size && memcmp(value, change->value, size) == 0;
  bool ok = was >= 0 && add_to_tallies(database, &place, !change->removes - was, error);
  leveldb_free(was == 1 ? value : NULL);
  if (ok && (same || (was == 0 && change->removes))) {
    free_change(database, change);
  }
  return ok;
}

static bool
count_changes(struct store_database *database, struct error *error)
{
  struct store_change *change;
  struct store_change *next;
  bool ok = true;
  HASH_SORT(database->changes, by_key);
  HASH_ITER (hh, database->changes, change, next) {
    ok = ok && count_change(database, change, error);
  }
  return ok;
}

static void
put_tallies(struct store_database *database)
{
  for (struct store_tally *tally = database->tallies; tally; tally = tally->hh.next) {
    if (tally->changed) {
      uint8_t value[TALLY_BYTES];
      uint64_t count = BSON_UINT64_TO_LE(tally->count);
      uint32_t epoch = BSON_UINT32_TO_LE(tally->epoch);
      memcpy(value, &count, 8);
      memcpy(value + 8, &epoch, 4);
      store_database_put(database, tally_key(tally), value, sizeof value);
      tally->changed = false;
    }
  }
}

static bool
write_changes(struct store_database *database, struct error *error)
{
  char *message = NULL;
  leveldb_writebatch_t *batch = leveldb_writebatch_create();
  for (struct store_change *change = database->changes; change; change = change->hh.next) {
    const char *key = (const char *)change->key.bytes;
    if (change->removes) {
      leveldb_writebatch_delete(batch, key, change->key.size);
    } else {
      leveldb_writebatch_put(batch, key, change->key.size, (const char *)change->value, change->size);
    }
  }
  leveldb_write(database->db, database->writing, batch, &message);
  leveldb_writebatch_destroy(batch);
  return !message || failed("write", database->path, message, error);
}

bool
store_database_write(struct store_database *database, struct error *error)
{
  if (!count_changes(database, error)) {
    return false;
  }
  put_tallies(database);
  bool ok = !database->changes || write_changes(database, error);
  forget_changes(database);
  if (HASH_COUNT(database->tallies) > TALLIES_MOST) {
    forget_tallies(database);
  }
  return ok;
}

leveldb_iterator_t *
store_database_scan(struct store_database *database, const struct store_key *from)
{
  leveldb_iterator_t *scan = leveldb_create_iterator(database->db, database->scanning);
  leveldb_iter_seek(scan, (const char *)from->bytes, from->size);
  return scan;
}

bool
store_database_scanned(struct store_database *database, const leveldb_iterator_t *scan, struct error *error)
{
  char *message = NULL;
  leveldb_iter_get_error(scan, &message);
  return !message || failed("read", database->path, message, error);
}
