/*
 * What the sources of the store share. For coordinator/store/store*.c alone.
 */
#ifndef FERRY_COORDINATOR_STORE_STORE_PARTS_H
#define FERRY_COORDINATOR_STORE_STORE_PARTS_H

#include "coordinator/store/store.h"
#include "coordinator/store/store_database.h"

bool store_has_documents(enum store_set set);
/* A set's letter in the keys. STORE_CURRENT becomes STORE_FROZEN as it is, so both have one. */
uint8_t store_letter(enum store_set set);
/* NULL: the set is empty, and has no database. */
struct store_database *store_database_of(const struct store *store, enum store_set set);

/* Both return false; nothing is written any more. */
bool store_fail(struct store *store);
bool store_damaged(struct store *store, const char *what, struct error *error);

/* So that what is gathered stays small. */
bool store_sync_if_much(struct store *store, const struct store_database *database, struct error *error);

/* A document that was read, in the memory of `value`. */
bool store_view(struct store *store, const uint8_t *value, size_t size, bson_t *view, struct error *error);

#endif
