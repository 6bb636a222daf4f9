#include "coordinator/run/child.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#define THIS_PROGRAM "/proc/self/exe" /* although an upgrade may have put another one in its place meanwhile */

struct sending {
  uv_write_t request;
  uint8_t bytes[];
};

static void
finish_if_over(struct child *child)
{
  if (child->drained && child->reaped && child->handles == 0 && child->running) {
    child->running = false;
    frame_reader_clear(&child->frames);
    child->events.ended(child->events.context, child);
  }
}

static void
on_closed(uv_handle_t *handle)
{
  struct child *child = handle->data;
  child->handles--;
  finish_if_over(child);
}

static void
on_child_exit(uv_process_t *process, int64_t status, int signal)
{
  struct child *child = process->data;
  child->reaped = true;
  child->starved = (signal == SIGKILL && !child->killed) || status == error_exit_status(ERROR_INTERNAL);
  if (child->killed) {
    snprintf(child->cause, sizeof child->cause, "did not stop and was killed");
  } else if (signal) {
    snprintf(child->cause, sizeof child->cause, "was killed by signal %d (%s)", signal, strsignal(signal));
  } else if (status != 0) {
    snprintf(child->cause, sizeof child->cause, "exited with status %d", (int)status);
  }
  uv_close((uv_handle_t *)&child->process, on_closed);
  uv_close((uv_handle_t *)&child->in, on_closed);
}

static void
on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
  (void)handle;
  *buffer = uv_buf_init(memory_new(suggested), (unsigned)suggested);
}

static void
take_messages(struct child *child)
{
  enum message_type type;
  bson_t document;
  struct error error;
  int got;
  while ((got = frame_reader_next(&child->frames, &type, &document, &error)) == 1) {
    child->events.message(child->events.context, child, type, &document);
  }
  if (got < 0) { /* what follows cannot be trusted */
    child->failed = true;
    child->error = error;
    error_wrap(&child->error, "%s %d", child->role, child->index);
    child_kill(child);
    frame_reader_clear(&child->frames);
  }
}

static void
on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
  struct child *child = stream->data;
  if (size > 0) {
    frame_reader_feed(&child->frames, buffer->base, (size_t)size);
    take_messages(child);
  } else if (size < 0) {
    child->drained = true;
    uv_close((uv_handle_t *)&child->out, on_closed);
  }
  free(buffer->base);
}

static void
pass_lines(struct child *child, const char *bytes, size_t size)
{
  char role[LOG_ROLE_BYTES];
  snprintf(role, sizeof role, child->index > 0 ? "%s[%d]" : "%s", child->role, child->index);
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != '\n') {
      child->line[child->line_size++] = bytes[i];
    }
    if (bytes[i] == '\n' || child->line_size == sizeof child->line) {
      log_pass(role, child->line, child->line_size);
      child->line_size = 0;
    }
  }
}

static void
on_log(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
  struct child *child = stream->data;
  if (size > 0) {
    pass_lines(child, buffer->base, (size_t)size);
  } else if (size < 0) {
    if (child->line_size > 0) {
      pass_lines(child, "\n", 1);
    }
    uv_close((uv_handle_t *)&child->log, on_closed);
  }
  free(buffer->base);
}

bool
child_start(struct child *child, uv_loop_t *loop, const char *role, int index, const struct child_events *events,
            struct error *error)
{
  char role_text[32];
  char index_text[32];
  char parent_text[32];
  snprintf(role_text, sizeof role_text, "--role=%s", role);
  snprintf(index_text, sizeof index_text, "--index=%d", index);
  snprintf(parent_text, sizeof parent_text, "--parent=%d", (int)getpid());
  char name[] = "mongoferry: a child that has not named itself yet"; /* room for its process title */
  char *arguments[] = {name, role_text, index_text, parent_text, NULL};
  memset(child, 0, sizeof *child);
  child->role = role;
  child->index = index;
  child->task = -1;
  child->events = *events;
  frame_reader_init(&child->frames, CHILD);
  uv_pipe_init(loop, &child->in, 0);
  uv_pipe_init(loop, &child->out, 0);
  uv_pipe_init(loop, &child->log, 0);
  child->in.data = child->out.data = child->log.data = child->process.data = child;
  uv_stdio_container_t stdio[] = {
    {.flags = UV_IGNORE},
    {.flags = UV_IGNORE},
    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->log},
    {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&child->in},
    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->out},
  };
  uv_process_options_t options = {.exit_cb = on_child_exit, .args = arguments, .stdio = stdio, .stdio_count = 5};
  options.file = THIS_PROGRAM;
  int result = uv_spawn(loop, &child->process, &options);
  child->running = true;
  child->handles = 4;
  if (result != 0) {
    child->drained = child->reaped = true;
    uv_close((uv_handle_t *)&child->process, on_closed);
    uv_close((uv_handle_t *)&child->in, on_closed);
    uv_close((uv_handle_t *)&child->out, on_closed);
    uv_close((uv_handle_t *)&child->log, on_closed);
    return error_set(error, ERROR_CHILD,
                     "cannot start %s %d: %s; raise the limits of open files and processes (ulimit -n, -u), or lower "
                     "--workers",
                     role, index, uv_strerror(result));
  }
  uv_read_start((uv_stream_t *)&child->out, on_allocate, on_read);
  uv_read_start((uv_stream_t *)&child->log, on_allocate, on_log);
  return true;
}

static void
on_written(uv_write_t *request, int status)
{
  struct sending *sending = (struct sending *)request;
  (void)status; /* a child that is gone is met as such */
  free(sending);
}

void
child_send(struct child *child, enum message_type type, const bson_t *document)
{
  size_t size = FRAME_HEADER_SIZE + document->len;
  if (!child->running || child->reaped) {
    return;
  }
  struct sending *sending = memory_new(sizeof *sending + size);
  frame_header(sending->bytes, type, document->len);
  memcpy(sending->bytes + FRAME_HEADER_SIZE, bson_get_data(document), document->len);
  uv_buf_t buffer = uv_buf_init((char *)sending->bytes, (unsigned)size);
  if (uv_write(&sending->request, (uv_stream_t *)&child->in, &buffer, 1, on_written) != 0) {
    free(sending);
  }
}

void
child_kill(struct child *child)
{
  if (child->running && !child->reaped) {
    child->killed = true;
    uv_process_kill(&child->process, SIGKILL);
  }
}

const char *
child_mend(const struct child *child)
{
  return child->starved ? "; if that was for want of memory, give it more, or lower --workers" : "";
}
