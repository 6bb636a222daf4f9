/*
 * The task COMPARE: the definitions of all collections, and perhaps how many documents each has.
 */
#ifndef FERRY_WORKER_CUTOVER_COMPARE_H
#define FERRY_WORKER_CUTOVER_COMPARE_H

#include "compare/comparison.h"
#include "ipc/channel.h"

/* Both servers, as a worker reads them. All of it is the worker's. */
struct compare_sides {
  struct reader *readers[COMPARISON_SIDES];
  const char *uris[COMPARISON_SIDES];
  const bson_t *settings; /* of SETUP */
  struct channel *channel;
  struct server *target; /* for writes; not open if the settings say readOnly */
};

/* Sends COMPARED over the channel, and puts the answer into `done`. The excuses are taken: empty afterwards. */
bool compare_run(const struct compare_sides *sides, struct excuses *excuses, const struct selection *selection,
                 const bson_t *message, bson_t *done, struct error *error);

#endif
