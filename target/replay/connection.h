/*
 * One of the connections that the replay writes over, with its thread. The thread sends one part after another, while
 * the next one is gathered. For target/replay/apply.c only.
 *
 * What comes behind `work` is under the lock that the connections share. The rest, but `gathering`, belongs to the
 * thread while it has something to do (connection_idle).
 */
#ifndef FERRY_TARGET_REPLAY_CONNECTION_H
#define FERRY_TARGET_REPLAY_CONNECTION_H

#include <pthread.h>

#include "base/histogram.h"
#include "target/guard/mark.h"
#include "target/replay/batch.h"
#include "target/replay/bulk.h"

/* What the connections share; all but the first two under the lock. */
struct connections {
  const struct mark *mark;
  bool takes_transactions;
  pthread_mutex_t lock;
  pthread_cond_t done;      /* a thread has done what it had to */
  size_t sending;           /* bytes that are on their way */
  size_t keep;              /* a larger block of bytes is freed after its use; 0: none is */
  struct histogram batches; /* how long each part took */
  bool told;                /* a warning was logged that a transaction could not be applied as one */
  bool failed;              /* `error` says why; nothing more is sent */
  struct error error;
};

struct connection {
  struct connections *shared;
  struct server target;
  int64_t used_ms;  /* when it was used last */
  struct bulk bulk; /* how `sending` is to be sent */
  struct capped capped;
  bson_t reports;
  struct batch again;
  struct batch sending;
  struct batch gathering; /* the caller's */
  pthread_t thread;
  bool started;
  pthread_cond_t work;
  int64_t tried_ms; /* when it was opened last */
  bool opening;     /* asks whether the target answers */
  bool ready;       /* it did */
  bool busy;        /* sends `sending` */
  bool confirming;  /* waits until a majority has what it wrote */
  bool written;     /* it wrote something that is not confirmed */
  bool stop;
};

/*
 * Connects to nothing yet, and starts the thread. Call connection_clear in any case, even without this (on zeroed
 * memory).
 */
bool connection_start(struct connection *connection, struct connections *shared, const char *target_uri,
                      struct error *error);
void connection_clear(struct connection *connection);

/* With the lock held. */
bool connection_idle(const struct connection *connection);

#endif
