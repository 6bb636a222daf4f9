/*
 * The children of a migration: workers that are lent tasks, and the applier. Starts them, replaces a worker that died,
 * gives its task back, stops and reaps them all.
 */
#ifndef FERRY_COORDINATOR_RUN_POOL_H
#define FERRY_COORDINATOR_RUN_POOL_H

#include "coordinator/run/child.h"
#include "coordinator/run/plan.h"

struct pool_events {
  /* Every worker task that ended well; the plan knows it already. */
  void (*task_done)(void *context, int64_t task, const bson_t *document);
  /* The target refused a worker an index or a document. */
  void (*refused)(void *context, const bson_t *document);
  /* What the applier says, READY and FAILED aside. */
  void (*applier_message)(void *context, enum message_type type, const bson_t *document);
  /* The applier ended, cleanly or not. */
  void (*applier_ended)(void *context, const struct child *applier);
  /* The migration cannot go on. */
  void (*failed)(void *context, const struct error *error);
  /* The last child has ended. */
  void (*all_ended)(void *context);
  void *context;
};

struct pool {
  uv_loop_t *loop;
  struct plan *plan; /* NULL: nothing is copied */
  const char *source_uri;
  const char *target_uri;
  const bson_t *settings;
  struct pool_events events;
  struct rate rate;     /* what the whole copy may do */
  int64_t copied_bytes; /* by all attempts of this run */
  int64_t copied_documents;
  struct child *workers;
  int worker_count;
  struct child applier;
  bool stopping;
  int dead_starts;    /* workers that ended before they were ready, in a row */
  int64_t stop_ms;    /* when stopping began */
  int64_t timeout_ms; /* how long that may take before they are killed */
};

/* `plan` NULL: only the applier is started. What it points to must outlive the pool. */
bool pool_start(struct pool *pool, int workers, struct error *error);
void pool_tell_applier(struct pool *pool, enum message_type type, const bson_t *document);
/* What the applier asked to have confirmed is in the bookmark file. */
void pool_confirm(struct pool *pool);
/* Another one in place of the one that ended; it waits for a hand-off. */
bool pool_restart_applier(struct pool *pool, struct error *error);
/* How fast the workers may copy together, from now on. */
void pool_set_rate(struct pool *pool, struct rate rate);
/* The workers end; the applier goes on. */
void pool_stop_workers(struct pool *pool);
/* The applier ends when it has brought the target up to the source's newest entry; see MESSAGE_DRAIN. */
void pool_drain(struct pool *pool);
/* As pool_stop, and from now on it takes so long at most. */
void pool_hurry(struct pool *pool, int64_t timeout_ms);
/* All end: STOP, then from pool_tick on SIGKILL. They ignore what a supervisor sends to the whole group. */
void pool_stop(struct pool *pool);
/* Once a second. */
void pool_tick(struct pool *pool);
bool pool_any_running(const struct pool *pool);

#endif
