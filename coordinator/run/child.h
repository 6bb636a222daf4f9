/*
 * A child process and its two pipes, on the coordinator's loop.
 *
 * It has ended when its pipe is drained to the end *and* its status is reaped; then `ended` is called, once.
 */
#ifndef FERRY_COORDINATOR_RUN_CHILD_H
#define FERRY_COORDINATOR_RUN_CHILD_H

#include <uv.h>

#include "coordinator/pace/rate.h"
#include "ipc/frame.h"

struct child;

struct child_events {
  void (*message)(void *context, struct child *child, enum message_type type, const bson_t *document);
  void (*ended)(void *context, struct child *child);
  void *context;
};

struct child {
  const char *role; /* "worker" or "applier" */
  int index;
  int64_t task;     /* lent to it, -1 if none */
  int64_t pause_ms; /* how long it is lent nothing after a failure that may pass; 0: the last task was done */
  int64_t pause_until_ms;
  struct rate told; /* the pace it was told last */
  bool ready;       /* it said so */
  bool running;     /* not ended yet */
  bool failed;      /* it said why: */
  struct error error;
  char cause[160]; /* how it ended, in words; "" for a clean exit */
  bool starved;    /* that may be for want of memory */
  bool killed;     /* by child_kill */
  struct child_events events;
  struct frame_reader frames;
  uv_process_t process;
  uv_pipe_t in;  /* to the child */
  uv_pipe_t out; /* from the child */
  uv_pipe_t log; /* its stderr, where the terminal shows progress: a line of its own would be taken off as progress */
  bool log_piped;
  char line[4096]; /* what came of a line so far */
  size_t line_size;
  bool drained;
  bool reaped;
  int handles; /* still open */
};

/*
 * Starts this same binary in a role, with the channel on descriptors 3 and 4. The child may be started again after it
 * ended. False with ERROR_CHILD if it cannot be started.
 */
bool child_start(struct child *child, uv_loop_t *loop, const char *role, int index, const struct child_events *events,
                 struct error *error);
void child_send(struct child *child, enum message_type type, const bson_t *document);
/* One that waits for nobody any more, or did not stop in time. */
void child_kill(struct child *child);

/* What may mend how it ended, as the end of a line. */
const char *child_mend(const struct child *child);

#endif
