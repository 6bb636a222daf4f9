/*
 * Writes that are gathered to be sent together: each namespace's writes in order, with all their bytes in one block.
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
  bool loose;      /* as applyOps does it: an insert replaces what is there, a delete may find nothing */
  bool upsert;     /* an update creates a missing document */
  uint64_t ts;     /* the entry's, for messages */
  uint64_t hash;   /* of the `_id`, where somebody knew it; else 0 */
  size_t selector; /* {_id}; this and `change` are offsets in the batch's bytes */
  size_t change;   /* a document, modifiers or a delta; unused for a delete */
};

/* The writes to one namespace. */
struct batch_run {
  char *ns; /* "db.coll", the key */
  char *db; /* this and `coll` point into one string of their own */
  char *coll;
  bool capped;      /* the target deletes by itself here: a delete that finds nothing is fine */
  bool expires;     /* its TTL monitor may have deleted: such a delete is fine, an update that finds nothing is noted */
  bool no_id_index; /* the source may have several documents of one _id: inserting another one is a refusal */
  bool keep_order;  /* writes to different documents keep their order, too: see batch_arrange */
  struct batch_op *ops;
  size_t count;
  size_t capacity;
  UT_hash_handle hh;
};

struct batch {
  struct batch_run *runs;
  struct batch_run *current;
  uint8_t *bytes;
  size_t size; /* bytes that were gathered */
  size_t capacity;
  size_t count; /* operations */
  bool atomic;  /* the writes are one transaction, and should be one on the target */
  bool loose;   /* this, `upsert` and `hash` are for the writes to come: see batch_op */
  bool upsert;
  uint64_t hash;
};

/*
 * Of the `_id` in a selector; never 0. Two `_id`s that a server may take for one (1 and 1.0) have one hash, but not
 * those that only a collation makes equal.
 */
uint64_t batch_hash(const bson_t *selector);

/* The block of bytes stays for the next use. */
void batch_empty(struct batch *batch);
void batch_clear(struct batch *batch);

/* Names the namespace of the writes to come. Set the properties of a run that has no writes yet. */
struct batch_run *batch_into(struct batch *batch, const char *db, const char *coll);

/* Adds one write, and copies its documents. `change` is NULL for a delete. */
void batch_add(struct batch *batch, enum apply_kind kind, uint64_t ts, const bson_t *selector, const bson_t *change);

/*
 * Adds an update whose `$set` adds fields in the order in which it names them. Servers up to 3.4 do so; later ones add
 * fields sorted. So each path goes by itself where the order matters.
 */
void batch_add_paths(struct batch *batch, uint64_t ts, const bson_t *selector, const bson_t *modifiers);

/* Views, valid until the next addition. */
void batch_selector(const struct batch *batch, const struct batch_op *op, bson_t *view);
void batch_change(const struct batch *batch, const struct batch_op *op, bson_t *view);
/* Adds all of `from`, and empties it. */
void batch_move(struct batch *batch, struct batch *from);
/* Forgets the bytes behind `size`, which no operation needs any more. A large block goes back. */
void batch_cut(struct batch *batch, size_t size);
/* Replaces the change of `op`. */
void batch_set_change(struct batch *batch, struct batch_op *op, const bson_t *change);

/*
 * Brings writes of one kind together, as a server takes inserts, updates and deletes in commands of their own. This
 * does not change the result: writes to one document keep their order. `insert_replaces`: inserts are sent as updates.
 * Two `_id`s that a server may take for one (1 and 1.0) count as one.
 */
void batch_arrange(const struct batch *batch, struct batch_run *run, bool insert_replaces);

#endif
