/*
 * The copy: tasks of the plan that workers have done, and the hand-off to the replay once all are.
 */
#ifndef FERRY_COORDINATOR_COPY_H
#define FERRY_COORDINATOR_COPY_H

#include "coordinator/run/plan.h"
#include "coordinator/state/copy_state.h"

struct copy {
  struct plan plan;
  int64_t began_ms; /* by clock_ms */
  int64_t duplicates;
  struct finished_task *unkept; /* tasks that are done, and the bookmark file does not say so yet */
  size_t unkept_count;
  size_t unkept_capacity;
};

void copy_clear(struct copy *copy);

/* A worker has done this task; the plan knows it already. */
void copy_task_done(struct copy *copy, int64_t number, const bson_t *done);

/*
 * Keeps what is done in the bookmark file. Call it about once a second: a range whose mark is lost is copied again, and a small
 * one costs less than a write that waits for the disk.
 */
bool copy_keep(struct copy *copy, struct checkpoint *checkpoint, struct error *error);

/* The last range and the last index are done: from here on a start goes on with the replay. */
bool copy_finish(struct copy *copy, struct checkpoint *checkpoint, struct error *error);

/* The seconds that it may still take; -1: not known. */
int64_t copy_needs_s(const struct copy *copy);

#endif
