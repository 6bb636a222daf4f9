#include "coordinator/control/control.h"

#include "base/log.h"

void
control_init(struct control *control)
{
  *control = (struct control){0};
  exchange_init(&control->exchange);
}

bool
control_open(struct control *control, const struct http_place *place, struct error *error)
{
  return place->port == 0 || http_start(&control->port, place, &control->exchange, error);
}

void
control_listen(struct control *control, const char *bookmark)
{
  struct error error;
  int listening = socket_listen(&control->socket, bookmark, &error);
  if (listening < 0 || !http_start_on(&control->local, listening, &control->exchange, &error)) {
    log_warn("%s; the commands status, pause, resume, set, cutover and stop do not reach this run", error.text);
  }
}

void
control_close(struct control *control)
{
  socket_remove(&control->socket);
  http_stop(control->local);
  http_stop(control->port);
  exchange_clear(&control->exchange);
}
