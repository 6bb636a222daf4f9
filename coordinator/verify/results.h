/*
 * What a verification has found so far, by namespace. The parts come from the workers in any order, and add up.
 */
#ifndef FERRY_COORDINATOR_VERIFY_RESULTS_H
#define FERRY_COORDINATOR_VERIFY_RESULTS_H

#include "compare/documents.h"
#include "coordinator/run/plan.h"
#include "source/catalog/selection.h"

#define RESULTS_LISTED 100 /* most differences of a namespace that are named */

/* The documents of one collection. */
struct results_item {
  struct documents_side sides[COMPARISON_SIDES];
  int64_t kinds[DIFFERENCE_KINDS];
  int64_t excused[DOCUMENTS_EXCUSES];
  int64_t settled;
  int64_t repaired;
  bool order_unknown;
  char unread[300]; /* why a range of it could not be read; "": all could */
  bson_t list;      /* as in documents_result */
  uint32_t listed;
  bson_t excused_list;
  uint32_t excused_listed;
};

struct results {
  const struct plan *plan;    /* of the caller */
  struct results_item *items; /* one for each of the plan's collections */
  size_t count;
  const struct plan_collection **by_name; /* the plan's collections */
  bson_t definitions;                     /* what COMPARED told, in order of names */
  uint32_t namespaces;
  bson_t notes;                    /* what was compared of no namespace */
  uint64_t from[COMPARISON_SIDES]; /* what a majority had at the first reading, and at the last; 0: not known */
  uint64_t to[COMPARISON_SIDES];
};

/* After plan_close. */
void results_init(struct results *results, const struct plan *plan);
void results_clear(struct results *results);

/* Its documents are compared again. How many were repaired stays. */
void results_forget_documents(struct results *results, size_t collection);

/* The DONE of a VERIFY. */
void results_take_range(struct results *results, size_t collection, const bson_t *done);
/* A range could not be read, and never will be. */
void results_take_unread(struct results *results, size_t collection, const char *why);
/* What was found of a collection does not count any more. */
void results_forget_ranges(struct results *results, size_t collection);
/* COMPARED, and the DONE of COMPARE. An attempt that failed is forgotten. */
void results_take_definitions(struct results *results, const bson_t *compared);
void results_take_compared(struct results *results, const bson_t *done);
void results_forget_definitions(struct results *results);

/* All differences of documents so far. */
int64_t results_differences(const struct results *results);
int64_t results_item_differences(const struct results_item *item);

/* NULL: the namespace has no documents of its own, or is not the source's. */
const struct results_item *results_of(const struct results *results, const char *db, const char *coll);

#endif
