/*
 * The store of a verification: a folder beside the bookmark file. It holds the state of the verification, and the
 * `_id`s that have to be compared again, however many. It uses LevelDB (docs/decisions/0006-a-store-of-ids.md).
 *
 * What is written is gathered. It is on the disk once store_sync has returned true. A crash before that loses the newest
 * of it, never what is older than something that is kept. Reading sees what is gathered. After a function has returned
 * false, store_sync returns false, too: only store_close is left.
 *
 * One process at a time has the folder, one thread uses the store. It takes about 32 MB of memory, whatever it holds.
 * `_id`s are data of the users: the folder is for this user only, and no message names an `_id`.
 */
#ifndef FERRY_COORDINATOR_STORE_STORE_H
#define FERRY_COORDINATOR_STORE_STORE_H

#include <bson/bson.h>

#include "base/error.h"

/* The sets of `_id`s. Those of one collection stand together under its number, which the caller chooses. */
enum store_set {
  STORE_CURRENT,     /* touched since the last store_freeze */
  STORE_FROZEN,      /* touched before it; it gets no new ones */
  STORE_EXCUSED,     /* with a document for each `_id` */
  STORE_DIFFERENCES, /* with a document for each `_id` */
  STORE_SETS
};

struct store_database; /* see coordinator/store/store_database.h */

struct store {
  char *path;
  int lock;
  bool made; /* it held nothing before: a verification in it begins at the beginning */
  struct store_database *state;
  struct store_database
    *touched[2];             /* STORE_CURRENT, STORE_FROZEN; the latter is NULL while that set was never filled */
  uint32_t generations[2];   /* their numbers, which are in the names of their folders; 0: there is none */
  bool gathered[STORE_SETS]; /* the set has changes that are not written */
  bool failed;
};

/*
 * Makes the folder if there is none; `path` may end in a name that is new. ERROR_STATE if another process has it, or it
 * is not a store, or it is damaged; the text says what to do. On false nothing is open.
 */
bool store_open(struct store *store, const char *path, struct error *error);
/* What is only gathered is lost. For a store that is zeroed, too. */
void store_close(struct store *store);
/* Deletes the folder of a store that is closed. True if there is none. ERROR_STATE as with store_open. */
bool store_remove(const char *path, struct error *error);

/* Puts all that is gathered on the disk. */
bool store_sync(struct store *store, struct error *error);

/* Named documents. */
bool store_put(struct store *store, const char *name, const bson_t *document, struct error *error);
/* 1: `document` is the caller's to destroy; 0: there is none; -1 on error. */
int store_get(struct store *store, const char *name, bson_t *document, struct error *error);

/* Writes one item of a list. `document` NULL: removes it. */
bool store_put_item(struct store *store, const char *list, uint64_t number, const bson_t *document,
                    struct error *error);
/* As store_get. */
int store_get_item(struct store *store, const char *list, uint64_t number, bson_t *document, struct error *error);
/* Visits a list's items in the order of their numbers. Ends at the first false. A visit must not change the store. */
typedef bool (*store_visit)(void *context, uint64_t number, const bson_t *document, struct error *error);
bool store_items(struct store *store, const char *list, store_visit visit, void *context, struct error *error);

/* One `_id` of a set. Only type and value of `id` count, not its name. 1 and 1.0 are two. */
struct store_item {
  enum store_set set;
  uint32_t collection;
  const bson_iter_t *id;
};

/* `document` NULL: none. An `_id` that is there stays, with the new document. */
bool store_add(struct store *store, const struct store_item *item, const bson_t *document, struct error *error);
/* All values of the array `ids`, without documents. */
bool store_add_all(struct store *store, enum store_set set, uint32_t collection, const bson_t *ids,
                   struct error *error);
/* One that is not there is fine. */
bool store_take_out(struct store *store, const struct store_item *item, struct error *error);
/* 1, 0, or -1 on error. `document` may be NULL; else, if 1, it is the caller's to destroy, and empty if there is none. */
int store_has(struct store *store, const struct store_item *item, bson_t *document, struct error *error);

/* The number of `_id`s in a set, or of one collection in it: exact right after store_sync, else without some of what is gathered. */
bool store_count(struct store *store, enum store_set set, uint64_t *count, struct error *error);
bool store_count_of(struct store *store, enum store_set set, uint32_t collection, uint64_t *count, struct error *error);

struct store_batch {
  /* The caller's wishes. One `_id` comes in any case. */
  uint32_t most_ids;
  size_t most_bytes;
  /* The answer, for store_batch_clear; NULL before the first one. */
  uint32_t collection;
  uint32_t count;    /* 0: the set has no more behind the cursor */
  bson_t *ids;       /* an array */
  bson_t *documents; /* an array, one for each; NULL for STORE_CURRENT and STORE_FROZEN */
};

/*
 * The next `_id`s behind `cursor`, all of one collection; frees an answer that is in `batch`. Visits collections by
 * number, and ObjectIds, numbers of one type and dates by value. `cursor` is the caller's document, and is moved behind
 * the batch. Empty, it stands before everything; {collection: n} stands before collection n; it may be kept by
 * store_put. What changes behind the cursor meanwhile is seen.
 */
bool store_next(struct store *store, enum store_set set, bson_t *cursor, struct store_batch *batch,
                struct error *error);
void store_batch_clear(struct store_batch *batch);

/* Takes all `_id`s of a collection out of a set. Syncs. Quick for STORE_CURRENT and STORE_FROZEN. */
bool store_drop_collection(struct store *store, enum store_set set, uint32_t collection, struct error *error);

/*
 * What is in STORE_FROZEN is dropped, and its disk is free at once. STORE_CURRENT becomes STORE_FROZEN, and is empty.
 * Syncs; happens as one.
 */
bool store_freeze(struct store *store, struct error *error);
/* Drops what is in STORE_FROZEN: it is through. Syncs. */
bool store_drop_frozen(struct store *store, struct error *error);

#endif
