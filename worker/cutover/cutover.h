/*
 * The tasks of a cut-over that need a server. The coordinator asks a worker, as it never waits for a server itself.
 */
#ifndef FERRY_WORKER_CUTOVER_CUTOVER_H
#define FERRY_WORKER_CUTOVER_CUTOVER_H

#include "worker/cutover/compare.h"

struct cutover {
  const struct compare_sides *sides;
  struct excuses excuses; /* taken since the last COMPARE */
};

/* Whether the message is one of these tasks. */
bool cutover_is_task(enum message_type type);
/* Of these tasks, only COMPARE needs the target. */
bool cutover_needs_target(enum message_type type);

/* Takes a part of what the next COMPARE is about. */
void cutover_take_excuses(struct cutover *cutover, const bson_t *message);

/* Puts the answer into `done`. COMPARED goes over the channel before that. */
bool cutover_run(struct cutover *cutover, enum message_type type, const bson_t *message, bson_t *done,
                 struct error *error);

void cutover_clear(struct cutover *cutover);

#endif
