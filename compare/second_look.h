/*
 * Documents that differed in the reading of a range are read again, each by its `_id`, from both sides. That tells what
 * is different about them, and leaves out what is equal now. The first hundred of a range are looked at; the others
 * count as they were found.
 */
#ifndef FERRY_COMPARE_SECOND_LOOK_H
#define FERRY_COMPARE_SECOND_LOOK_H

#include "compare/difference.h"

struct documents_task;
struct documents_result;
struct error;

struct second_look {
  const struct documents_task *task;
  struct documents_result *result;
  bson_t **selectors; /* {_id} */
  enum difference_kind *kinds;
  uint32_t count;
  int64_t read[2]; /* bytes, by the looks so far */
  bool id_differs; /* in the last look both sides had the document, with `_id`s as 1 and 1.0 */
};

void second_look_init(struct second_look *look, const struct documents_task *task, struct documents_result *result);
void second_look_clear(struct second_look *look);

/*
 * Notes one for the second look, or counts it. Only where the source has no `_id` index does it ask a server; there, a
 * missing one may only be noted when the readers have nothing else to do.
 */
bool second_look_note(struct second_look *look, enum difference_kind kind, const bson_t *selector, struct error *error);

/* Appends id, or id_begins (see documents_result). */
void second_look_put_id(const bson_t *selector, bson_t *item);

/* Looks at those that were noted, when the readers have nothing else to do. Fills in the result. */
bool second_look_end(struct second_look *look, struct error *error);

/*
 * Looks at one document now, by its {_id}, where both sides have an index on that. 1: it differs, and `*difference` says
 * in what; 0: it is equal, or gone on both sides; -1 on error.
 */
int second_look_at(struct second_look *look, const bson_t *selector, struct difference *difference,
                   struct error *error);

#endif
