/*
 * One LevelDB of the store: changes are gathered in memory and written as one, synced. `_id`s are counted as they are
 * written, and looked up in the order of their keys: in any other order each look-up of a large database would open
 * another table. For coordinator/store/store.c alone.
 */
#ifndef FERRY_COORDINATOR_STORE_STORE_DATABASE_H
#define FERRY_COORDINATOR_STORE_STORE_DATABASE_H

#include <leveldb/c.h>

#include "base/error.h"
#include "base/table.h"
#include "coordinator/store/store_key.h"

/* A change that is gathered; its key and its value are its own. */
struct store_change {
  struct store_key key;
  uint8_t *value;
  size_t size;
  bool removes;
  UT_hash_handle hh;
};

/* What is known of a set, or of one collection in it. */
struct store_tally {
  struct {
    uint32_t set;
    uint32_t collection;
    uint32_t whole; /* 1: of the set */
  } of;
  uint64_t count;
  uint32_t epoch;
  bool changed;
  UT_hash_handle hh;
};

struct store_database {
  char *path;
  leveldb_t *db;
  leveldb_options_t *options;
  leveldb_cache_t *cache;
  leveldb_filterpolicy_t *filter;
  leveldb_readoptions_t *reading;
  leveldb_readoptions_t *scanning;
  leveldb_writeoptions_t *writing;
  struct store_change *changes;
  size_t changed_bytes; /* about what they take in memory */
  struct store_tally *tallies;
};

enum store_use {
  STORE_USE_STATE, /* small things, also looked up */
  STORE_USE_ADD,   /* many new `_id`s, which are looked up */
  STORE_USE_SCAN   /* read in order */
};

/* `make`: there is none yet; else there must be one. NULL on error. */
struct store_database *store_database_open(const char *path, enum store_use use, bool make, struct error *error);
/* NULL is fine. What is gathered is lost. */
void store_database_close(struct store_database *database);
/* Whether making it came to an end. */
bool store_database_is_made(const char *path);
/* Deletes one that is closed, if it is there. */
bool store_database_remove(const char *path, struct error *error);

/* Takes the key. `value` is copied. */
void store_database_put(struct store_database *database, struct store_key key, const void *value, size_t size);
void store_database_delete(struct store_database *database, struct store_key key);
/* Takes the key. 1: `*value` is the caller's for free(); 0: there is none; -1 on error. */
int store_database_get(struct store_database *database, struct store_key key, uint8_t **value, size_t *size,
                       struct error *error);

/* NULL on error. Valid until the next write; the caller may change count and epoch, and then sets `changed`. */
struct store_tally *store_database_tally(struct store_database *database, uint8_t set, uint32_t collection,
                                         struct error *error);
struct store_tally *store_database_total(struct store_database *database, uint8_t set, struct error *error);

/* Counts and writes what is gathered, synced. */
bool store_database_write(struct store_database *database, struct error *error);

/* For a scan of what is written; the caller ends it with leveldb_iter_destroy. */
leveldb_iterator_t *store_database_scan(struct store_database *database, const struct store_key *from);
/* False with an error that the scan met. */
bool store_database_scanned(struct store_database *database, const leveldb_iterator_t *scan, struct error *error);

#endif
