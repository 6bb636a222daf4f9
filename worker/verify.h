/*
 * The task VERIFY: every document of one range, on both sides.
 */
#ifndef FERRY_WORKER_VERIFY_H
#define FERRY_WORKER_VERIFY_H

#include "worker/cutover/compare.h"

/* Called with what the source has given so far; false ends the task. */
typedef bool (*verify_progress_call)(void *context, int64_t documents, int64_t bytes, struct error *error);

/* Changes nothing on either side. Puts the answer into `done` (ipc/message.def). */
bool verify_range(const struct compare_sides *sides, const bson_t *message, verify_progress_call progress,
                  void *context, bson_t *done, struct error *error);

#endif
