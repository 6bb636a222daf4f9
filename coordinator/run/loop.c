#include "coordinator/run/loop.h"

#include "base/process.h"

#define FIRST_MS 250
#define EVERY_MS 1000

bool
loop_init(struct loop *loop, uv_timer_cb tick, uv_signal_cb stop, void *context, struct error *error)
{
  int result = uv_loop_init(&loop->uv);
  if (result != 0) {
    return error_set(error, ERROR_INTERNAL, "cannot begin: %s; raise the limit of open files (ulimit -n)",
                     uv_strerror(result));
  }
  signals_watch(&loop->signals, &loop->uv, stop, context);
  uv_timer_init(&loop->uv, &loop->timer);
  loop->timer.data = context;
  uv_timer_start(&loop->timer, tick, FIRST_MS, EVERY_MS);
  return true;
}

void
loop_run(struct loop *loop)
{
  uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
loop_stop(struct loop *loop)
{
  uv_stop(&loop->uv);
}

static void
close_handle(uv_handle_t *handle, void *context)
{
  (void)context;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

void
loop_close(struct loop *loop)
{
  uv_walk(&loop->uv, close_handle, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  process_ignore_signals();
  uv_loop_close(&loop->uv);
}
