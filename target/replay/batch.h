/*
 * Writes gathered to be sent together: for each namespace its writes in order, the bytes of all of them in one block.
 * Pure: no server.
 */
#ifndef FERRY_TARGET_REPLAY_BATCH_H
#define FERRY_TARGET_REPLAY_BATCH_H

#include <bson/bson.h>

#include "base/table.h"

enum apply_kind {
  APPLY_INSERT,
  APPLY_REPLACE,
  APPLY_MODIFY, /* modifiers: $set, $unset, $push with $slice */
  APPLY_DELTA,  /* the whole {$v: 2, diff} of a real server */
  APPLY_DELETE
};

struct batch_op {
  enum apply_kind kind;
  bool more;       /* the next operation sets the next path of the same update: see batch_add_paths */
  bool read;       /* a delta that the target does not take as modifiers: see target/replay/delta_update.h */
  bool loose;      /* an insert replaces what is there, a delete may find nothing: as applyOps does it */
  bool upsert;     /* an update makes what is not there */
  uint64_t ts;     /* of the entry, for texts */
  size_t selector; /* {_id}; these two are offsets in the batch's bytes */
  size_t change;   /* document, modifiers or delta; not for a delete */
};

/* The writes to one namespace. */
struct batch_run {
  char *ns; /* the key */
  char *db; /* these two point into one string of their own */
  char *coll;
  bool capped;  /* such a target deletes by itself: a delete that finds nothing is fine */
  bool expires; /* it may have by its TTL monitor: such a delete is fine, and an update that finds nothing is noted */
  bool no_id_index; /* the source may have several documents of one _id: an insert of another one is a refusal */
  bool keep_order;  /* writes to different documents must not change places either: see batch_arrange */
  struct batch_op *ops;
  size_t count;
  size_t capacity;
  UT_hash_handle hh;
};

struct batch {
  struct batch_run *runs;
  struct batch_run *current;
  uint8_t *bytes;
  size_t size; /* of what was gathered, in bytes */
  size_t capacity;
  size_t count; /* operations */
  bool atomic;  /* they are one transaction, and should be one on the target */
  bool loose;   /* these two are of the writes to come: see batch_op */
  bool upsert;
};

/* Keeps the block for the next use. */
void batch_empty(struct batch *batch);
void batch_clear(struct batch *batch);

/* Names the namespace of the writes to come. A run without writes yet wants its properties set. */
struct batch_run *batch_into(struct batch *batch, const char *db, const char *coll);

/* Adds one write; copies what it is given. `change` is NULL for a delete. */
void batch_add(struct batch *batch, enum apply_kind kind, uint64_t ts, const bson_t *selector, const bson_t *change);

/*
 * Adds an update whose `$set` adds fields in the order in which it names them, as servers up to 3.4 do; later ones add
 * them sorted. So each path goes by itself, where the order matters.
 */
void batch_add_paths(struct batch *batch, uint64_t ts, const bson_t *selector, const bson_t *modifiers);

/* Views, valid until the next addition. */
void batch_selector(const struct batch *batch, const struct batch_op *op, bson_t *view);
void batch_change(const struct batch *batch, const struct batch_op *op, bson_t *view);
/* Another change in place of the one that `op` has. */
void batch_set_change(struct batch *batch, struct batch_op *op, const bson_t *change);

/*
 * Brings inserts, updates and deletes together, as a server takes each kind in a command of its own, where that changes
 * nothing: writes to one document keep their order. `insert_replaces`: inserts are sent as updates. Two `_id`s that a
 * server may take for one (1 and 1.0) count as one.
 */
void batch_arrange(const struct batch *batch, struct batch_run *run, bool insert_replaces);

#endif
