/*
 * The keys of the store, in LevelDB's order: that of their bytes. Pure.
 *
 *   'M'                                              what the folder is: its layout and its generations
 *   'N' name                                         a named document
 *   'L' name 0 number (8)                            an item of a list
 *   'A' set (1)                                      a set's number of `_id`s
 *   'C' set (1) collection (4)                       that of a collection in it, and its epoch
 *   'I' set (1) collection (4) epoch (4) type value  an `_id`
 *
 * Integers are big-endian. The value is that of BSON, but numbers and dates are turned so that their bytes' order is
 * theirs. A collection that is dropped from a set gets a new epoch: only `_id`s of the epoch count.
 */
#ifndef FERRY_COORDINATOR_STORE_STORE_KEY_H
#define FERRY_COORDINATOR_STORE_STORE_KEY_H

#include <bson/bson.h>

#define STORE_KEY_ID_AT 10 /* where the type of an `_id` stands */

struct store_key {
  uint8_t *bytes; /* its own */
  size_t size;
};

/* What stands before the `_id` in its key. */
struct store_place {
  uint8_t set;
  uint32_t collection;
  uint32_t epoch;
};

/* Each makes a key, for store_key_clear. */
struct store_key store_key_meta(void);
struct store_key store_key_named(const char *name);
struct store_key store_key_item(const char *list, uint64_t number);
struct store_key store_key_total(uint8_t set);
struct store_key store_key_tally(uint8_t set, uint32_t collection);
struct store_key store_key_id(const struct store_place *place, const bson_iter_t *id);
/* Without an `_id`: it stands before all keys of the place. */
struct store_key store_key_first(const struct store_place *place);
void store_key_clear(struct store_key *key);

/* The number at the end of an item's key. */
uint64_t store_key_number(const uint8_t *bytes, size_t size);
/* False if it is no key of an `_id`. */
bool store_key_place(const uint8_t *bytes, size_t size, struct store_place *place);
/*
 * The `_id` of a key as {_id: value}, or NULL if it holds none that BSON knows. The bytes of the value are those that
 * store_key_id was given.
 */
bson_t *store_key_value(const uint8_t *bytes, size_t size);

#endif
