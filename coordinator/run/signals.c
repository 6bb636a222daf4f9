#include "coordinator/run/signals.h"

#include <signal.h>

#include "base/log.h"
#include "base/process.h"

static const struct {
  int number;
  const char *name;
} watched[SIGNALS_COUNT] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

void
signals_watch(struct signals *signals, uv_loop_t *loop, uv_signal_cb told, void *context)
{
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < SIGNALS_COUNT; i++) {
    uv_signal_t *handle = &signals->handles[i];
    uv_signal_init(loop, handle);
    handle->data = context;
    if (watched[i].number != SIGHUP || !(process_survives_terminal() || log_has_file())) {
      uv_signal_start(handle, told, watched[i].number);
    }
  }
}

const char *
signals_name(int number)
{
  for (int i = 0; i < SIGNALS_COUNT; i++) {
    if (watched[i].number == number) {
      return watched[i].name;
    }
  }
  return "a signal";
}
