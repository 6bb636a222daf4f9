/*
 * What a worker is told of a task of the plan: the fields of COPY, VERIFY and INDEX in ipc/message.def, but for `task`.
 */
#ifndef FERRY_COORDINATOR_RUN_TASK_MESSAGE_H
#define FERRY_COORDINATOR_RUN_TASK_MESSAGE_H

#include "coordinator/run/plan.h"

/*
 * Whether the worker that copies the collection may create it, too. It does where the collection has one range, so that
 * one worker has it whole. What an earlier run left to its workers must not depend on this run's options or servers.
 */
bool task_may_create(const struct collection *collection);

/*
 * Whether the worker that creates and copies the collection builds its indexes between the two. An empty collection's
 * indexes cost the target less, and a small one's documents are inserted quickly in spite of them.
 */
bool task_may_index_first(const struct plan_collection *collection);

void task_message_put(const struct plan *plan, const struct plan_task *task, bson_t *message);

#endif
