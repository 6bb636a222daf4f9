/*
 * Writes of the oplog, applied to the target in order.
 *
 * Writes to one namespace are gathered and sent as ordered bulks; the result is what sending them one by one gives.
 *
 * Two ways: *lenient*, over a moving copy that may already be ahead: an insert replaces what is there, an update or
 * delete that finds nothing is fine, and of an update whose paths no longer fit, each path that fits is still set
 * (S:src/mongo/db/update/modifier_node.cpp:225@r4.2.2: servers do the same in their own initial sync). *Strict*, after the
 * consistency point: each of these is ERROR_DIVERGED.
 */
#ifndef FERRY_TARGET_APPLY_H
#define FERRY_TARGET_APPLY_H

#include "server/server.h"

enum apply_kind {
  APPLY_INSERT,
  APPLY_REPLACE,
  APPLY_MODIFY, /* modifiers: $set, $unset, $push with $slice */
  APPLY_DELTA,  /* the whole {$v: 2, diff} of a real server */
  APPLY_DELETE
};

struct apply_op {
  enum apply_kind kind;
  uint64_t ts;      /* of the entry, for texts */
  bson_t *selector; /* {_id} */
  bson_t *change;   /* document, modifiers or delta; NULL for a delete */
  bool more;        /* the next operation sets the next path of the same update: see apply_add_paths */
};

struct apply {
  struct server *target;
  bool internal_delta; /* the target takes $_internalApplyOplogUpdate: real servers from 5.0 on */
  bool lenient;
  bool upsert; /* inserts replace what is there, after the consistency point too: see applier.c */
  char *db; /* of the gathered writes */
  char *coll;
  bool capped; /* such a target deletes by itself: a delete that finds nothing is fine */
  struct apply_op *ops;
  size_t count;
  size_t capacity;
  int64_t bytes;
  int64_t written; /* operations since apply_init, for the status */
};

/* Asks the target what it can do. The target stays the caller's, and must outlive this. */
bool apply_init(struct apply *apply, struct server *target, struct error *error);
void apply_clear(struct apply *apply);

/* Names the namespace of the writes to come; sends what was gathered for another one. */
bool apply_into(struct apply *apply, const char *db, const char *coll, bool capped, struct error *error);

/* Gathers one write; copies what it is given. `change` may be NULL for a delete. */
void apply_add(struct apply *apply, enum apply_kind kind, uint64_t ts, const bson_t *selector, const bson_t *change);

/*
 * Gathers an update whose `$set` adds fields in the order in which it names them, as servers up to 3.4 do; later ones add
 * them sorted. So each path goes by itself, where the order matters.
 */
void apply_add_paths(struct apply *apply, uint64_t ts, const bson_t *selector, const bson_t *modifiers);

/* Sends all that was gathered; `majority`: and returns when a majority of the target has it and all before it. */
bool apply_flush(struct apply *apply, bool majority, struct error *error);

/* Forgets what was gathered: for starting again at an earlier entry. */
void apply_forget(struct apply *apply);

#endif
