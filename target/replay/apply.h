/*
 * The oplog's writes on the target. They are gathered here and sent by a thread with a connection of its own. So the
 * next writes are read and decoded while the last ones are sent. The result is what sending them one by one gives.
 *
 * Writes to different namespaces do not depend on each other, and may change places. What does depend on them (a
 * command, the step to strict) waits for apply_flush first.
 */
#ifndef FERRY_TARGET_REPLAY_APPLY_H
#define FERRY_TARGET_REPLAY_APPLY_H

#include <pthread.h>

#include "base/histogram.h"
#include "target/guard/mark.h"
#include "target/replay/batch.h"
#include "target/replay/bulk.h"

struct apply {
  struct server target;    /* the thread's, while it is busy */
  const struct mark *mark; /* the caller's, not to be changed between apply_send and apply_flush */
  int64_t used_ms;         /* when the thread used its connection last */
  struct bulk bulk;        /* `lenient`, `upsert` and `settled` may be changed after apply_flush */
  struct capped capped;    /* the thread's, while it is busy */
  struct refused refused;  /* the thread's, while it is busy, as is what was reported of them */
  bson_t reports;
  struct batch gathering;
  struct batch sending; /* these two are the thread's, while it is busy */
  struct batch again;   /* the selectors of documents that are to be read from the source again: bulk.again */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool takes_transactions;
  bool told;                /* a warning was logged that a transaction could not be applied as one */
  int64_t sent;             /* batches */
  int64_t waited_us;        /* for the thread */
  int64_t majority_us;      /* the same for the target's majority */
  struct histogram batches; /* how long the thread took for each; under the lock */
  bool opened;
  bool started;
  bool busy;
  bool stop;
  bool failed; /* `error` says why; nothing more is sent until apply_forget */
  struct error error;
};

/*
 * Connects, asks the target what it can do, and starts the thread. Call apply_clear in any case, even after a failure
 * or without this.
 */
bool apply_init(struct apply *apply, const char *target_uri, const struct mark *mark, struct error *error);
void apply_clear(struct apply *apply);

/*
 * Hands what was gathered in `gathering` (with batch_*) to the thread, once all before it was sent. Does not wait
 * until it is sent. False if an earlier sending failed.
 */
bool apply_send(struct apply *apply, struct error *error);

/* Returns when all that was gathered is on the target. `majority`: on a majority of its members, with all before it. */
bool apply_flush(struct apply *apply, bool majority, struct error *error);

/* After apply_flush: judges what the target had to delete by itself in capped collections (capped_judge). */
bool apply_judge_capped(struct apply *apply, uint64_t complete, struct error *error);

/*
 * After apply_flush: what was refused since the last call, as an array of {db, coll, id, text}; the caller's. False:
 * nothing.
 */
bool apply_take_refused(struct apply *apply, bson_t *list);

/* How long each batch took so far. */
struct histogram apply_batches(struct apply *apply);

/* Forgets what was gathered, and a failure, so that the replay can start again at an earlier entry. */
void apply_forget(struct apply *apply);

#endif
