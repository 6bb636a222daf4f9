#include "coordinator/copy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/memory.h"
#include "coordinator/state/bookmark.h"
#include "ipc/message.h"

void
copy_clear(struct copy *copy)
{
  plan_clear(&copy->plan);
  free(copy->unkept);
  copy->unkept = NULL;
}

void
copy_task_done(struct copy *copy, int64_t number, const bson_t *done)
{
  struct plan_task *task = &copy->plan.tasks[number];
  if (task->kind == PLAN_COPY) {
    struct plan_collection *collection = &copy->plan.collections[task->collection];
    task->documents = message_number(done, "documents", 0);
    task->bytes = message_number(done, "bytes", 0);
    copy->duplicates += message_number(done, "duplicates", 0);
    collection->start = message_timestamp(done, "start");
    collection->lost = collection->lost || message_flag(done, "lost");
  }
  bson_t seen;
  struct error absent;
  struct finished_task finished = {.task = (size_t)number};
  if (message_document(done, "seen", &seen, &absent)) {
    finished.seen = optime_of(&seen);
  }
  copy->unkept = memory_grow(copy->unkept, copy->unkept_count, &copy->unkept_capacity, sizeof *copy->unkept);
  copy->unkept[copy->unkept_count++] = finished;
}

bool
copy_keep(struct copy *copy, struct checkpoint *checkpoint, struct error *error)
{
  if (copy->unkept_count == 0) {
    return true;
  }
  fault_point("range-done");
  bool ok = checkpoint_begin(checkpoint, error);
  for (size_t i = 0; ok && i < copy->unkept_count; i++) {
    ok = copy_state_put_task(checkpoint, &copy->plan, &copy->unkept[i], error);
  }
  ok = ok && checkpoint_commit(checkpoint, error);
  fault_point("range-kept");
  copy->unkept_count = 0;
  return ok;
}

bool
copy_finish(struct copy *copy, struct checkpoint *checkpoint, struct error *error)
{
  if (!copy_keep(copy, checkpoint, error) || !bookmark_begin(checkpoint, &copy->plan, error)) {
    return false;
  }
  plan_log_copied(&copy->plan, clock_ms() - copy->began_ms, copy->duplicates);
  fault_point("hand-off");
  return true;
}
