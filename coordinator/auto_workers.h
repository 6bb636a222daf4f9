/*
 * The automatic number of workers: gives the decision (coordinator/pace/workers.h) what it needs to know, and tells the
 * pool what it decided.
 */
#ifndef FERRY_COORDINATOR_AUTO_WORKERS_H
#define FERRY_COORDINATOR_AUTO_WORKERS_H

#include "coordinator/pace/throttle.h"
#include "coordinator/pace/workers.h"
#include "coordinator/run/pool.h"

struct auto_workers {
  struct pool *pool; /* these two are the caller's */
  const struct throttle *throttle;
  struct workers workers;
  bool beside_server;      /* a server's primary is on this machine */
  int64_t memory_at_start; /* what the machine had free then; -1: not known */
  int most;                /* so many the machine can have */
  int64_t most_until_ms;   /* then it is asked again */
};

/* `number` 0: automatic. `beside_server` is the caller's, too. For before pool_start, which starts workers_total(&automatic->workers) of them. */
void auto_workers_begin(struct auto_workers *automatic, int number);
/* Call once a second while the copy runs. Logs each change and why. */
void auto_workers_tick(struct auto_workers *automatic);

#endif
