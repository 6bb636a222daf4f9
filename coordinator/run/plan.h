/*
 * The plan: which tasks there are, who has them, and what comes next. Pure: no server, no process.
 *
 * A collection has one or more ranges to copy, and then one task that builds its indexes: in one command, so that the
 * target reads the collection once for all of them. Such a task can be lent as soon as the ranges are done, and comes
 * before other collections' ranges. Of several, the one with the most work (build_work) comes first. No more than
 * `builds_at_once` long ones are lent at a time; short ones, and ranges, then go on.
 */
#ifndef FERRY_COORDINATOR_RUN_PLAN_H
#define FERRY_COORDINATOR_RUN_PLAN_H

#include "coordinator/run/build_queue.h"
#include "source/catalog/split.h"
#include "target/definition/build_count.h"
#include "target/definition/build_progress.h"

enum plan_state { PLAN_PENDING, PLAN_LENT, PLAN_DONE };
enum plan_kind { PLAN_COPY, PLAN_INDEX };

struct plan_task {
  enum plan_kind kind;
  enum plan_state state;
  size_t collection;
  bson_t *min; /* not owned: one of the collection's points */
  bson_t *max;
  int attempts;
  int64_t documents; /* copied in the present attempt, or in the one that succeeded */
  int64_t bytes;
};

struct plan_collection {
  const struct collection *source;
  const struct collection *target; /* what it is compared with; NULL: it is not there, or nothing is compared */
  struct split_points points;
  bson_t indexes;    /* what the index task builds; no unique ones */
  size_t first_task; /* its ranges, then its index task if it has one */
  size_t copies;
  size_t copies_done;
  size_t first_pending; /* no range before this one is pending */
  bool create;          /* the worker that copies it creates it first */
  bool has_index_task;
  bool index_done;
  struct build_steps build; /* the progress of the build, as the target tells it */
  bool lost;
  uint64_t start;        /* of a capped collection: its copy has the entries up to this one */
  const bson_t *refused; /* not owned: documents that the target refused, which a comparison excuses; NULL: none */
};

struct plan {
  bool verifies; /* the ranges are compared, not copied */
  bool repairs;  /* and what differs is written */
  bool beside;   /* beside a replay: what is unequal is handed over, to be compared again */
  struct plan_collection *collections;
  size_t collection_count;
  struct plan_task *tasks;
  size_t task_count;
  size_t task_capacity;
  size_t done;
  size_t *by_size; /* collections, largest first */
  size_t next;     /* in by_size: those before this one have begun */
  size_t *begun;   /* collections that are being copied, in the order in which they began */
  size_t begun_count;
  struct build_queue
    long_ready; /* index tasks whose collections are copied; some may be done: see plan_task_was_done */
  struct build_queue short_ready;
  int64_t long_waiting; /* of long_ready, without those that are done */
  int long_lent;
  int builds_at_once; /* long ones; the caller may change it at any time */
  int64_t build_work; /* of all index tasks, */
  int64_t built_work; /* and of those that are done */
  int64_t collections_at_once;
};

/* Views have no tasks. The catalog must outlive the plan. plan_set_points takes `points` over. */
void plan_init(struct plan *plan, const struct catalog *catalog, int64_t collections_at_once);
void plan_set_points(struct plan *plan, size_t collection, struct split_points *points);
/* Adds an index to those that the collection's index task builds. */
void plan_add_index(struct plan *plan, size_t collection, const bson_t *spec);
/* Makes the tasks, after the last plan_set_points and plan_add_index. */
void plan_close(struct plan *plan);
void plan_clear(struct plan *plan);

/* The next task, now lent; -1: none can be lent now. */
int64_t plan_lend(struct plan *plan);
void plan_task_done(struct plan *plan, int64_t task);
/* A task that is not lent: an earlier run did it, or the worker that copied the collection built its indexes, too. */
void plan_task_was_done(struct plan *plan, int64_t task);
/* The index task of the collection whose only range this is. It was done with the range: plan_task_was_done. */
int64_t plan_index_task(const struct plan *plan, int64_t range);
/* Puts a lent task back among the pending ones. Returns how often it was tried so far. */
int plan_task_back(struct plan *plan, int64_t task);
/* All ranges of a collection are done, and are to be done once more. */
void plan_again(struct plan *plan, size_t collection);
bool plan_finished(const struct plan *plan);
/* Every range is copied; only indexes are left. */
bool plan_all_copied(const struct plan *plan);

/* Its ranges are copied, and the indexes of its index task are built. */
bool plan_is_complete(const struct plan_collection *collection);

/* It is being copied, or its indexes are being built. */
bool plan_is_active(const struct plan *plan, size_t collection);
/* What is copied so far, present attempts included. */
void plan_copied(const struct plan *plan, size_t collection, int64_t *documents, int64_t *bytes);

/* The work of a collection's index task, and how much of it is done; 0 if it has none. */
int64_t plan_build_work(const struct plan *plan, size_t collection);
int64_t plan_built_work(const struct plan *plan, size_t collection);

/* The whole copy: `bytes` of `expected` ones. `expected` grows if a collection is larger than its source said. */
struct plan_total {
  int64_t documents;
  int64_t bytes;
  int64_t expected;
};
struct plan_total plan_total(const struct plan *plan);
/* Logs what the finished copy did. */
void plan_log_copied(const struct plan *plan, int64_t passed_ms, int64_t repeated);

#endif
