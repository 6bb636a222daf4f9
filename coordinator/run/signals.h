/*
 * The signals that ask the coordinator to stop: SIGINT, SIGTERM, and SIGHUP (a lost terminal) unless it was ignored
 * from the start or opens the log file again. Supervisors send them to the children as well, which ignore them.
 */
#ifndef FERRY_COORDINATOR_RUN_SIGNALS_H
#define FERRY_COORDINATOR_RUN_SIGNALS_H

#include <uv.h>

#define SIGNALS_COUNT 3

struct signals {
  uv_signal_t handles[SIGNALS_COUNT];
};

/*
 * `told` gets a handle whose data is `context`. Ends when the loop's handles are closed. SIGPIPE is ignored from now
 * on.
 */
void signals_watch(struct signals *signals, uv_loop_t *loop, uv_signal_cb told, void *context);

/* A signal's name, such as "SIGTERM". */
const char *signals_name(int number);

#endif
