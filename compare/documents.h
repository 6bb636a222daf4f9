/*
 * Compares the documents of one range, or those of a list of `_id`s, on two servers: every byte of each of them. Two
 * cursors read at once, and equal documents are not decoded.
 *
 * Nothing is known of the order in which a server gives them. What one side gives first is kept until the other side
 * gives it, too (compare/unmatched.h). So versions that order types or collations in another way need no rule of
 * their own. If both sides give the same documents in the same order, nothing is ever kept.
 *
 * What differs is read again from both sides, by its `_id`, before it counts. That also tells what is different.
 */
#ifndef FERRY_COMPARE_DOCUMENTS_H
#define FERRY_COMPARE_DOCUMENTS_H

#include "compare/comparison.h"
#include "compare/difference.h"
#include "compare/digest.h"
#include "compare/excused_documents.h"
#include "source/reader/range.h"

#define DOCUMENTS_LISTED 100 /* most differences of a range that are named */

/* Why a difference does not count. The list is closed: docs/verify.md has it, too. */
enum documents_excuse {
  /*
   * The source's collection has no `_id` index, and several documents of one `_id`. The target has one of them; its
   * index takes no second one.
   */
  EXCUSE_REPEATED_ID,
  /* The oldest documents of a full capped collection that one side has removed already, and the other one not yet. */
  EXCUSE_CAPPED_OLDEST,
  /* The target refused it in a migration, so it is missing there, or has other bytes. */
  EXCUSE_REFUSED,
  DOCUMENTS_EXCUSES
};

/* "repeatedId"... as the report says it; and the reason for people. */
const char *documents_excuse_name(enum documents_excuse excuse);
const char *documents_excuse_text(enum documents_excuse excuse);

struct documents_task {
  struct reader *readers[COMPARISON_SIDES];
  struct range ranges[COMPARISON_SIDES];
  bool has_id_index[COMPARISON_SIDES]; /* so each `_id` is there once, and is quickly found */
  bool capped;                         /* on both sides, so the order counts */
  int64_t capped_bytes;                /* how much fits in, by the smaller side's options; 0: does not apply */
  bool show_values;
  const struct excused_documents *excused; /* NULL: none is known */
  const char *folder;                      /* for what does not fit into memory */
  /* Called every thousand documents or so, with what the source's side has given. False ends the comparison. */
  bool (*progress)(void *context, int64_t documents, int64_t bytes, struct error *error);
  /*
   * NULL: what differs is read again, and is in the result. Else it is told here at once, by the {_id} of one side, and
   * is not: 1 of one side and 1.0 of the other are told apart. For collections with an `_id` index on both sides.
   */
  bool (*unequal)(void *context, enum difference_kind kind, const bson_t *selector, struct error *error);
  void *context;
};

struct documents_side {
  int64_t documents;
  int64_t bytes;
  struct digest digest;
};

struct documents_result {
  struct documents_side sides[COMPARISON_SIDES];
  int64_t kinds[DIFFERENCE_KINDS];
  int64_t excused[DOCUMENTS_EXCUSES];
  int64_t settled;    /* differed in the readings, and were equal when they were read again */
  bool order_unknown; /* of a capped collection: too much differed to tell whether the order does */
  /* the first ones: [{id: {_id}?, kind, path?, source_value?, target_value?}...] */
  bson_t list;
  uint32_t listed;
  bson_t excused_list; /* the first ones that the target refused: [{id: {_id} | id_begins, text}...] */
  uint32_t excused_listed;
};

void documents_result_init(struct documents_result *result);
void documents_result_clear(struct documents_result *result);

/* On false the result means nothing. A collection that a side does not have counts as empty there. */
bool documents_compare(const struct documents_task *task, struct documents_result *result, struct error *error);

#endif
