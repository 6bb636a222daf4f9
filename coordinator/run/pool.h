/*
 * The children of a migration: workers that are lent tasks, and the applier. Starts them, replaces a worker that died
 * and gives its task back, and stops and reaps them all.
 */
#ifndef FERRY_COORDINATOR_RUN_POOL_H
#define FERRY_COORDINATOR_RUN_POOL_H

#include "coordinator/run/child.h"
#include "coordinator/run/plan.h"

#define POOL_WORKERS_MOST 64

/* The numbers of tasks that are not the plan's begin here. */
#define POOL_MORE (1LL << 40)

/*
 * What workers do when the plan has nothing to lend. With it the workers stay when the plan is finished. All NULL: there
 * is no such work.
 */
struct pool_more {
  /* The next task: its number, with the message but for that; -1: there is none now. */
  int64_t (*lend)(void *context, enum message_type *type, bson_t *message);
  void (*done)(void *context, int64_t task, const bson_t *document);
  /* It was not done, and can be lent again. Returns how often it was tried so far. */
  int (*back)(void *context, int64_t task);
  void *context;
};

struct pool_events {
  /* A worker's task succeeded. The plan has it as done already. */
  void (*task_done)(void *context, int64_t task, const bson_t *document);
  /* A part of what a range's comparison found, before it is done. NULL: there is none. */
  void (*task_part)(void *context, int64_t task, const bson_t *document);
  /* The target refused an index or a document of a worker's. */
  void (*refused)(void *context, const bson_t *document);
  /* The applier sent a message, other than READY and FAILED. */
  void (*applier_message)(void *context, enum message_type type, const bson_t *document);
  /* The applier ended, cleanly or not. */
  void (*applier_ended)(void *context, const struct child *applier);
  /* The helper answered; and it ended without being told to. */
  void (*helper_message)(void *context, enum message_type type, const bson_t *document);
  void (*helper_ended)(void *context, const struct child *helper);
  /*
   * A task failed for good. True: the others go on, and this one counts as done. False, or NULL: `failed` is called
   * next.
   */
  bool (*task_failed)(void *context, int64_t task, const struct error *error);
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
  struct pool_more more;
  struct rate rate;     /* what the whole copy may do */
  int64_t copied_bytes; /* by all attempts of this run */
  int64_t copied_documents;
  struct measures gone; /* of workers that have ended */
  struct measures gone_appliers;
  struct child *workers; /* POOL_WORKERS_MOST places, which the loop has the addresses of; NULL: not started */
  int worker_count;      /* places that were used so far; in one whose child is not running another one may start */
  int workers_wanted;
  bool leave_at_ease; /* a worker that leaves may take as long as its range needs; see pool_set_workers */
  struct child applier;
  bool helper_wanted;
  struct child helper; /* a worker for what is outside the plan: the questions of a cut-over */
  bool alone;          /* there is no applier */
  bool held;           /* no task of the plan is lent; those that are lent go on */
  bool paused;         /* no task is lent, and no worker reads; see pool_pause */
  bool stopping;
  int dead_starts;    /* workers in a row that ended before they were ready */
  int64_t stop_ms;    /* when stopping began */
  int64_t timeout_ms; /* how long stopping may take before the children are killed */
};

/* `plan` NULL: starts only the applier. A plan that verifies has none. What `pool` points to must outlive it. */
bool pool_start(struct pool *pool, int workers, struct error *error);
void pool_tell_applier(struct pool *pool, enum message_type type, const bson_t *document);
/* The bookmark file has what the applier asked to have confirmed. */
void pool_confirm(struct pool *pool);
/* Starts another applier in place of the one that ended; it waits for a hand-off. */
bool pool_restart_applier(struct pool *pool, struct error *error);
/* Sets how fast the workers may copy together from now on. */
void pool_set_rate(struct pool *pool, struct rate rate);
/*
 * Makes the workers wait, each behind the batch in hand, or go on. Index builds that run on the target go on. Call it
 * with true before pool_start, too.
 */
void pool_pause(struct pool *pool, bool paused);
/*
 * From now on so many workers copy, 1 to POOL_WORKERS_MOST. Those that leave get no more tasks. Each finishes its
 * range. If that takes longer than 15 seconds, it is killed, and another worker copies the range again; not so with
 * leave_at_ease. One that waits for an index build leaves when the build is done. False, with an error for people, if the number is out of range, if
 * nothing is copied (any more), or if the machine cannot start so many: then there are as many as it could start.
 */
bool pool_set_workers(struct pool *pool, int workers, struct error *error);
/* Starts the helper. Does nothing if it runs. One that was just stopped is replaced when it has ended. */
bool pool_start_helper(struct pool *pool, struct error *error);
/* It can be asked. Before that, and while it is being replaced, nothing that it is asked would arrive. */
bool pool_helper_ready(const struct pool *pool);
void pool_ask_helper(struct pool *pool, enum message_type type, const bson_t *document);
/* Ends it, whatever it is at. */
void pool_stop_helper(struct pool *pool);
/* Ends the workers; the applier goes on. */
void pool_stop_workers(struct pool *pool);
/* The applier ends when the target has everything up to the source's newest entry; see MESSAGE_DRAIN. */
void pool_drain(struct pool *pool);
/* Like pool_stop, but from now on it may take `timeout_ms`. */
void pool_hurry(struct pool *pool, int64_t timeout_ms);
/*
 * Ends all children: STOP, and later SIGKILL by pool_tick. They ignore the signals that a supervisor sends to the
 * whole group.
 */
void pool_stop(struct pool *pool);
/* Call once a second. */
void pool_tick(struct pool *pool);
bool pool_any_running(const struct pool *pool);
/* A task of the plan is lent. */
bool pool_any_lent(const struct pool *pool);

/* Adds where the time of all workers, and of all appliers, of this run went so far. */
void pool_measures(const struct pool *pool, struct measures *workers, struct measures *appliers);

#endif
