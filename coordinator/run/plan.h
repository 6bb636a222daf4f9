/*
 * The plan: which tasks there are, who has them, what comes next. Pure: no server, no process.
 *
 * A collection is one or more ranges to copy, and then one task that builds its indexes.
 */
#ifndef FERRY_COORDINATOR_RUN_PLAN_H
#define FERRY_COORDINATOR_RUN_PLAN_H

#include "source/catalog/split.h"

enum plan_state { PLAN_PENDING, PLAN_LENT, PLAN_DONE };
enum plan_kind { PLAN_COPY, PLAN_INDEX };

struct plan_task {
  enum plan_kind kind;
  enum plan_state state;
  size_t collection;
  bson_t *min; /* not owned: the collection's points */
  bson_t *max;
  int attempts;
  int64_t documents; /* in the attempt under way, or the one that succeeded */
  int64_t bytes;
};

struct plan_collection {
  const struct collection *source;
  struct split_points points;
  bson_t indexes;    /* what the index task builds; unique ones are not in it */
  size_t first_task; /* its ranges, then its index task if it has one */
  size_t copies;
  size_t copies_done;
  size_t first_pending; /* no range before this one is pending */
  bool has_index_task;
  bool index_done;
  int64_t built;    /* how far the present step of the build is, as the target counts it */
  int64_t to_build; /* 0: not told */
  bool lost;
  uint64_t start; /* of a capped collection */
};

struct plan {
  struct plan_collection *collections;
  size_t collection_count;
  struct plan_task *tasks;
  size_t task_count;
  size_t task_capacity;
  size_t done;
  size_t *by_size; /* collections, the biggest first */
  size_t next;     /* of by_size: those before it are begun */
  size_t *begun;   /* collections under copy, in the order of their begin */
  size_t begun_count;
  size_t *ready; /* index tasks whose collections are copied: a ring of collection_count places */
  size_t ready_first;
  size_t ready_end;
  int64_t collections_at_once;
};

/* Takes `points` over. Collections that are views have no tasks. The catalog must outlive the plan. */
void plan_init(struct plan *plan, const struct catalog *catalog, int64_t collections_at_once);
void plan_set_points(struct plan *plan, size_t collection, struct split_points *points);
/* The index that the collection's index task builds among others. */
void plan_add_index(struct plan *plan, size_t collection, const bson_t *spec);
/* After the last set_points and add_index: makes the tasks. */
void plan_close(struct plan *plan);
void plan_clear(struct plan *plan);

/* The next task, now lent; -1 if none can be lent at this moment. */
int64_t plan_lend(struct plan *plan);
void plan_task_done(struct plan *plan, int64_t task);
/* After plan_close and before anything is lent: an earlier run did this one. */
void plan_task_was_done(struct plan *plan, int64_t task);
/* Back among the pending ones. Gives how often it was tried by now. */
int plan_task_back(struct plan *plan, int64_t task);
bool plan_finished(const struct plan *plan);
/* Every range is: what is left are indexes. */
bool plan_all_copied(const struct plan *plan);

/* Under copy or index build at this moment. */
bool plan_is_active(const struct plan *plan, size_t collection);
/* What is copied so far, attempts under way included. */
void plan_copied(const struct plan *plan, size_t collection, int64_t *documents, int64_t *bytes);

/* The whole copy: `bytes` of `expected` ones, which grow where a collection is larger than its source said. */
struct plan_total {
  int64_t documents;
  int64_t bytes;
  int64_t expected;
};
struct plan_total plan_total(const struct plan *plan);
/* The seconds that the copy, which began so long ago, may still take at its pace so far; -1: not known. */
int64_t plan_needs_s(const struct plan *plan, int64_t passed_ms);
/* The copy is done: what it was. */
void plan_log_copied(const struct plan *plan, int64_t passed_ms, int64_t repeated);

#endif
