/*
 * Repairs documents of a range: what differs is read again from the source, by its `_id`, and written to the target as it
 * is, or deleted there. One log line each.
 */
#ifndef FERRY_WORKER_RANGE_REPAIR_H
#define FERRY_WORKER_RANGE_REPAIR_H

#include "compare/documents.h"

struct range_repair {
  struct reader *source;
  struct server *target;
  const struct range *ranges; /* names of both sides, by comparison_side */
  int64_t repaired;           /* so far */
};

/* What a comparison found, to be repaired when its cursors are closed. */
struct range_repair_list {
  bson_t **selectors; /* {_id} */
  enum difference_kind *kinds;
  size_t count;
  size_t capacity;
  size_t kinds_capacity;
  size_t bytes;
};

/* Beyond some megabytes nothing is noted: the next comparison finds it. */
void range_repair_note(struct range_repair_list *list, enum difference_kind kind, const bson_t *selector);
void range_repair_list_clear(struct range_repair_list *list);

/*
 * Returns when a majority of the target has it. What the target refuses is logged, and stays as it is. False if a server
 * cannot be asked.
 */
bool range_repair_all(struct range_repair *repair, const struct range_repair_list *list, struct error *error);

#endif
