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
 * Whether it is so small that building an index costs the target more than the documents do. Then the fewest commands
 * are best. Plain indexes are built by the worker that copies the collection, before its documents, as an empty
 * collection's are the cheapest. Or, where unique ones wait, they wait for them: one command builds all.
 */
bool task_is_small(const struct collection *collection);

void task_message_put(const struct plan *plan, const struct plan_task *task, bson_t *message);

#endif
