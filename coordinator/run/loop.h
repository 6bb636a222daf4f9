/*
 * The coordinator's event loop: a tick each second, and the signals that ask for a stop.
 */
#ifndef FERRY_COORDINATOR_RUN_LOOP_H
#define FERRY_COORDINATOR_RUN_LOOP_H

#include "base/error.h"
#include "coordinator/run/signals.h"

struct loop {
  uv_loop_t uv;
  uv_timer_t timer;
  struct signals signals;
};

/* Both callbacks get a handle whose data is `context`. ERROR_INTERNAL if the machine does not allow it. */
bool loop_init(struct loop *loop, uv_timer_cb tick, uv_signal_cb stop, void *context, struct error *error);
void loop_run(struct loop *loop);
/* Makes loop_run return. */
void loop_stop(struct loop *loop);
/* Closes everything that is still open on the loop. From here on signals are ignored, as the end is being recorded. */
void loop_close(struct loop *loop);

#endif
