/*
 * The documents that have to be compared again, by their `_id`s: those that the oplog wrote while a verification runs
 * beside the replay, and those that a range's comparison found unequal. It says which of them a worker is to compare
 * next, takes what the worker found, and judges that. No server, no process; only the store.
 *
 * A pass compares the frozen generation of the store. When it is over, the current one is frozen.
 *
 * A difference counts only if both sides were read in the same state of the source. Let B be the bookmark when the
 * generation was frozen, and T the source's newest entry after both sides were read. The store has the `_id` of each
 * write up to the bookmark: older ones before the freeze, newer ones in the current generation. So when the bookmark
 * has passed T and the `_id` is not in the current generation, nothing wrote to the document between B and T. The
 * target had everything up to B, so both readings saw the document as it was at B. If they were unequal, the target is
 * wrong. If the `_id` is in the current generation, the next pass compares it again.
 *
 * A command may have given the name of a collection to another one, on the source first. Then both readings are of
 * different collections. When the bookmark has passed T, the command has put the collection back, and nothing that was
 * read of it counts.
 *
 * This holds while the replay is strict: then the target has what the entries up to some point made, and nothing else.
 * What was read while it was not is compared again.
 */
#ifndef FERRY_COORDINATOR_BESIDE_DUE_H
#define FERRY_COORDINATOR_BESIDE_DUE_H

#include "coordinator/run/pool.h"
#include "coordinator/store/store.h"

struct due_events {
  /* Appends which collection that is, to a message for a worker, if there is one. False: it is not compared any more. */
  bool (*put_collection)(void *context, uint32_t collection, bson_t *message);
  /* A document differs. `item` is {id: _id, kind, path?, source_value?, target_value?}. True: that has an excuse. */
  bool (*excused)(void *context, uint32_t collection, const bson_t *item);
  /* A difference that is new, or was found once more; after it was kept. */
  void (*different)(void *context, uint32_t collection, const bson_t *item);
  /* The store cannot be used any more. */
  void (*failed)(void *context, const struct error *error);
  void *context;
};

struct due_batch;

struct due {
  struct store *store; /* the caller's */
  struct due_events events;
  uint64_t reached; /* the store has all that wrote up to this entry, and a majority of the target has what it wrote */
  bool strict;      /* the replay is */
  bool passing;     /* a pass is under way */
  bool at_end;      /* all of the frozen generation was lent */
  bson_t cursor;    /* behind what was lent last */
  struct due_batch *batches; /* places for what is lent, or waits to be judged */
  int64_t of;                /* documents of this pass */
  int64_t through;           /* those that are compared and judged */
  int64_t compared;          /* in all passes of this run */
  int64_t differences;       /* documents that differ: STORE_DIFFERENCES has each of them, as `item` */
  int64_t excused;           /* and those that may: STORE_EXCUSED */
  bool failed;
};

/* A pass that an earlier run did not end begins again. */
bool due_init(struct due *due, struct store *store, const struct due_events *events, struct error *error);
void due_clear(struct due *due);

/* What the target has now. Judges what waited for that. */
void due_set_reached(struct due *due, uint64_t reached, bool strict);
/* Begins a pass if there is something to compare and none is under way. */
void due_tick(struct due *due);

/* The pool's: see struct pool_more. */
int64_t due_lend(struct due *due, enum message_type *type, bson_t *message);
void due_done(struct due *due, int64_t task, const bson_t *document);
int due_back(struct due *due, int64_t task);
/* It cannot be done: its documents are not compared any more. Returns the number of their collection. */
uint32_t due_drop(struct due *due, int64_t task);

/* After something else changed STORE_DIFFERENCES or STORE_EXCUSED. */
bool due_recount(struct due *due, struct error *error);

/* How many documents are to be compared again; 0: none, and no pass is under way. Exact after a store_sync. */
int64_t due_left(struct due *due);

#endif
