/*
 * What a worker is told of a task of the plan: the fields of COPY, VERIFY and INDEX in ipc/message.def, but for `task`.
 */
#ifndef FERRY_COORDINATOR_RUN_TASK_MESSAGE_H
#define FERRY_COORDINATOR_RUN_TASK_MESSAGE_H

#include "coordinator/run/plan.h"

void task_message_put(const struct plan *plan, const struct plan_task *task, bson_t *message);

#endif
