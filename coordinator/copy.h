/*
 * The copy: which tasks of the plan are done, and the hand-off to the replay once all are.
 */
#ifndef FERRY_COORDINATOR_COPY_H
#define FERRY_COORDINATOR_COPY_H

#include "coordinator/run/plan.h"
#include "coordinator/state/copy_state.h"

struct copy {
  struct plan plan;
  int64_t began_ms; /* by clock_ms */
  int64_t duplicates;
  struct finished_task *unkept; /* tasks that are done, but not yet so in the bookmark file */
  size_t unkept_count;
  size_t unkept_capacity;
};

void copy_clear(struct copy *copy);

/* A worker has done this task. The plan has it as done already. */
void copy_task_done(struct copy *copy, int64_t number, const bson_t *done);

/*
 * Writes the tasks that are done to the bookmark file. Call it about once a second. A range whose mark is lost is
 * copied again; for a small range that costs less than a write that waits for the disk.
 */
bool copy_keep(struct copy *copy, struct checkpoint *checkpoint, struct error *error);

/* For after the last range and the last index: from here on a start goes on with the replay. */
bool copy_finish(struct copy *copy, struct checkpoint *checkpoint, struct error *error);

#endif
