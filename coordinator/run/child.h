/*
 * A child process and its two pipes, on the coordinator's loop.
 *
 * A child has ended when its pipe is read to the end *and* its status is reaped. Then `ended` is called, once.
 */
#ifndef FERRY_COORDINATOR_RUN_CHILD_H
#define FERRY_COORDINATOR_RUN_CHILD_H

#include <uv.h>

#include "coordinator/pace/rate.h"
#include "ipc/frame.h"
#include "ipc/measures.h"

struct child;

struct child_events {
  void (*message)(void *context, struct child *child, enum message_type type, const bson_t *document);
  void (*ended)(void *context, struct child *child);
  void *context;
};

struct child {
  const char *role; /* "worker" or "applier" */
  int index;
  int64_t task;             /* lent to the child; -1: none */
  int64_t lent_ms;          /* when it was */
  struct measures measures; /* as the child last told */
  int64_t pause_ms; /* how long the child gets no task after a failure that may pass; 0: its last task succeeded */
  int64_t pause_until_ms;
  struct rate told; /* the pace that it was last told */
  bool told_pause;  /* and whether to wait */
  bool was_paused;  /* during its present task */
  bool ready;       /* it sent READY */
  bool leaving;     /* it was told to end, at leave_ms, and another one does not take its place */
  int64_t leave_ms;
  bool running; /* not ended yet */
  bool failed;  /* it sent FAILED, with: */
  struct error error;
  char cause[160]; /* how it ended, in words; "" for a clean exit */
  bool starved;    /* it may have ended for lack of memory */
  bool killed;     /* by child_kill */
  struct child_events events;
  struct frame_reader frames;
  uv_process_t process;
  uv_pipe_t in;    /* to the child */
  uv_pipe_t out;   /* from the child */
  uv_pipe_t log;   /* its stderr: the coordinator writes the log */
  char line[4096]; /* the line that is not complete yet */
  size_t line_size;
  bool drained;
  bool reaped;
  int handles; /* still open */
};

/*
 * Starts this same binary in a role, with the channel on descriptors 3 and 4. A child that ended may be started again.
 * False with ERROR_CHILD if it cannot be started.
 */
bool child_start(struct child *child, uv_loop_t *loop, const char *role, int index, const struct child_events *events,
                 struct error *error);
void child_send(struct child *child, enum message_type type, const bson_t *document);
/* For a child that waits for nobody any more, or did not stop in time. */
void child_kill(struct child *child);

/* What the user can do about how the child ended, as the end of a message. */
const char *child_mend(const struct child *child);

#endif
