/*
 * The answers to the requests of the control socket and the status port, made on the loop's thread.
 */
#ifndef FERRY_COORDINATOR_ANSWERS_H
#define FERRY_COORDINATOR_ANSWERS_H

#include "coordinator/control/requests.h"
#include "coordinator/cutover.h"
#include "coordinator/pace/throttle.h"
#include "coordinator/report/status.h"
#include "coordinator/steer.h"

/* A text that is kept for a while: making it takes its time where collections are many. */
struct answers_text {
  char *text;
  int64_t until_ms; /* by clock_ms */
};

struct answers {
  struct throttle *throttle;
  struct steer *steer;
  struct cutover *cutover;
  struct status (*status)(const void *context); /* the state as it is now */
  const void *context;
  struct answers_text kept[REQUEST_COUNT];
};

/* `context` is the struct answers. See exchange_answer. */
struct answer answers_make(void *context, const struct request *request);

void answers_clear(struct answers *answers);

#endif
