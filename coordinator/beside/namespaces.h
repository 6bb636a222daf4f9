/*
 * What a verification beside a migration compares: the collections as they were listed, each under a number, and how
 * far each is. The store has it, so that the next run goes on.
 *
 * A command that changes a collection puts it back: what was found of it is forgotten, it is listed again, and gets
 * another number. `_id`s of a number that is gone are not compared any more.
 */
#ifndef FERRY_COORDINATOR_BESIDE_NAMESPACES_H
#define FERRY_COORDINATOR_BESIDE_NAMESPACES_H

#include "base/table.h"
#include "coordinator/run/plan.h"
#include "coordinator/store/store.h"
#include "source/catalog/selection.h"

struct verify_namespace {
  char *ns; /* the source's "db.coll", the key */
  char *db; /* this and `coll` point into one text of their own */
  char *coll;
  uint32_t number;
  size_t in_plan; /* its place in the plan */
  bool planned;
  bool whole;   /* it is capped, or a side has no _id index: it is compared as a whole only */
  bool written; /* a write came since its comparison began; counts for `whole` */
  /* whole: what the last comparison found, until it is sure that it counts; and the source's newest entry after it */
  bson_t *found;
  int64_t written_ms;  /* whole: when the last write was told */
  int64_t compared_ms; /* whole: when it was last compared */
  uint64_t read_time;
  int64_t writes; /* documents that were written since its comparison began */
  UT_hash_handle hh;
};

struct namespaces {
  struct store *store; /* these three are the caller's */
  const struct selection *selection;
  const struct plan *plan;        /* the present one */
  struct verify_namespace *by_ns; /* those that are listed */
  struct verify_namespace **by_number;
  uint32_t numbers; /* those that were given; the next one is this one */
  uint32_t capacity;
  /* What is to be listed, and what is being listed: arrays of {db, coll?}. With `all`, everything is. */
  bson_t again;
  bson_t asked;
  bool all_again;
  bool all_asked;
};

/* Reads what an earlier run left. */
bool namespaces_init(struct namespaces *namespaces, struct store *store, struct error *error);
void namespaces_clear(struct namespaces *namespaces);

struct verify_namespace *namespaces_find(const struct namespaces *namespaces, const char *db, const char *coll);
/* NULL: it is gone. */
struct verify_namespace *namespaces_numbered(const struct namespaces *namespaces, uint32_t number);

/* `coll` "": the whole database. */
bool namespaces_put_back(struct namespaces *namespaces, const char *db, const char *coll, struct error *error);
/* How many are to be listed, or are being listed; 0: none. */
uint32_t namespaces_to_list(const struct namespaces *namespaces);
/* Begins to list: appends what to a MESSAGE_LIST. */
void namespaces_ask(struct namespaces *namespaces, bson_t *message);
/* One pair of LISTED. One that was put back meanwhile is not taken. */
bool namespaces_take_listed(struct namespaces *namespaces, const bson_t *listed, struct error *error);
/* All of what was asked for is listed; or, on failure, it is to be listed again. */
bool namespaces_listed(struct namespaces *namespaces, bool failed, struct error *error);

/* Whether a range of it was lent in this run, or compared in an earlier one. */
bool namespaces_has_begun(const struct namespaces *namespaces, const struct verify_namespace *found);

/* Keeps what a range's comparison found; `range` counts within its collection. */
bool namespaces_keep_range(struct namespaces *namespaces, const struct verify_namespace *found, uint32_t range,
                           const bson_t *done, struct error *error);
/* Forgets all of that. */
bool namespaces_forget_ranges(struct namespaces *namespaces, const struct verify_namespace *found, struct error *error);

#endif
