/*
 * The oplog's writes on the target. They are dealt among connections with a thread each, and gathered here while the
 * ones before them are sent. The result is what sending them one by one gives:
 *
 * All writes to one document go over one connection, in order. So do all writes to a namespace where the order between
 * documents could show (APPLY_IN_ORDER). Other writes do not depend on each other, and may change places. What does
 * depend on them (a command, the step to strict) waits for apply_flush first. docs/guarantees.md argues it.
 *
 * For one thread. apply_gather, the writes, and apply_added belong together:
 *
 *   struct batch *batch = apply_gather(apply, db, coll, selector, APPLY_DEALT);
 *   batch_add(batch, ...);
 *   apply_added(apply, &error);
 */
#ifndef FERRY_TARGET_REPLAY_APPLY_H
#define FERRY_TARGET_REPLAY_APPLY_H

#include "target/insert/refused.h"
#include "target/replay/connection.h"

#define APPLY_CONNECTIONS_MOST 16

enum apply_order {
  APPLY_DEALT,    /* documents do not depend on each other */
  APPLY_IN_ORDER, /* they do: all writes to this namespace go over one connection, as they came */
  APPLY_CAPPED    /* the same, over the first connection: target/replay/capped.h */
};

struct apply {
  char *target_uri;
  struct bulk bulk; /* how all send: `lenient`, `upsert`, `missed` and `settled` may be changed after apply_flush */
  struct refused refused;
  struct bulk_reading reading;
  struct batch again; /* after apply_flush: documents that are to be read from the source again (bulk.again) */
  struct connections shared;
  struct connection connections[APPLY_CONNECTIONS_MOST];
  int count;                  /* of those that writes are dealt among; changes only while all are idle */
  int started;                /* threads */
  struct connection *current; /* the one that apply_gather chose */
  int64_t part_entries;       /* writes that may be gathered before somebody has to wait */
  bool whole;                 /* what is gathered is a transaction: it goes over the first connection */
  bool alone;                 /* what is on its way is one: nothing may overlap it */
  int64_t sent;               /* parts */
  int64_t waited_us;          /* for the threads */
  int64_t held_us;            /* how much of that because all that may be gathered was */
  int64_t majority_us;        /* the same for the target's majority */
  bool opened;
};

/*
 * Connects, asks the target what it can do, and starts the first thread. The mark stays the caller's. It is not to be changed but after apply_flush. Call apply_clear in any case, even after a failure or without this.
 */
bool apply_init(struct apply *apply, const char *target_uri, const struct mark *mark, struct error *error);
void apply_clear(struct apply *apply);

/*
 * After apply_flush: deals among `count` connections from now on. Those that are not there yet, and `spare` more, are
 * opened meanwhile. The call that finds them open begins to use them. A target that does not take as many is no
 * failure.
 */
bool apply_connect(struct apply *apply, int count, int spare, struct error *error);

/* Where the next writes to this document go. The batch is valid for these alone. */
struct batch *apply_gather(struct apply *apply, const char *db, const char *coll, const bson_t *selector,
                           enum apply_order order);

/*
 * After such writes: hands connections that have nothing to do what was gathered for them. Waits if there is too much.
 * False if an earlier sending failed.
 */
bool apply_added(struct apply *apply, struct error *error);

/* Hands over all that was gathered, once what was before it on its connection is sent. */
bool apply_send(struct apply *apply, struct error *error);

/* How many writes are gathered and not handed over. */
size_t apply_gathered(const struct apply *apply);

/*
 * All writes between these two are one transaction. apply_end_transaction hands them over as one, unless some were too
 * many and are on their way already: `sent` is apply.sent as it was after apply_begin_transaction.
 */
bool apply_begin_transaction(struct apply *apply, struct error *error);
bool apply_end_transaction(struct apply *apply, int64_t sent, struct error *error);

/*
 * Returns when all that was gathered is on the target. `majority`: on a majority of its members, as each connection
 * confirms for what it wrote.
 */
bool apply_flush(struct apply *apply, bool majority, struct error *error);

/* After apply_flush: judges what the target had to delete by itself in capped collections (capped_judge). */
bool apply_judge_capped(struct apply *apply, uint64_t complete, struct error *error);
/* After apply_flush: whether some of that can only be judged later. */
bool apply_capped_waits(const struct apply *apply);

/*
 * After apply_flush: what was refused since the last call, as an array of {db, coll, id, text}; the caller's. False:
 * nothing.
 */
bool apply_take_refused(struct apply *apply, bson_t *list);

/* How long each part took so far. */
struct histogram apply_batches(struct apply *apply);

/* Forgets what was gathered, and a failure, so that the replay can start again at an earlier entry. */
void apply_forget(struct apply *apply);

#endif
