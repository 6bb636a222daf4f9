#include "coordinator/report/display.h"

#include <string.h>

#include "base/clock.h"

/* By the port's thread. */
static unsigned
on_post(void *context, const char *path, const char *body, size_t size, char **reply)
{
  return strcmp(path, "/pace") == 0 ? throttle_post(context, body, size, reply) : 404;
}

bool
display_open(struct display *display, const struct http_place *place, struct throttle *throttle, struct error *error)
{
  display->actions = (struct http_actions){on_post, throttle};
  if (place->port != 0 && !http_start(&display->http, place, &display->actions, error)) {
    return false;
  }
  display->phases.http = display->http;
  return true;
}

void
display_close(struct display *display)
{
  http_stop(display->http);
}

void
display_publish(struct display *display, const struct status *status)
{
  if (!display->http) {
    return;
  }
  char *json = status_json(status);
  http_set(display->http, json ? json : "{}");
  bson_free(json);
}

/* The status takes its time where collections are many: a twentieth of all at most. */
static void
publish_if_due(struct display *display, const struct status *status)
{
  int64_t begun_ms = clock_ms();
  if (begun_ms >= display->publish_ms) {
    display_publish(display, status);
    display->publish_ms = clock_ms() + 20 * (clock_ms() - begun_ms);
  }
}

void
display_tick(struct display *display, const struct status *status)
{
  enum phase phase = status_phase(status);
  if (!status->stopping && phase != display->phases.now) {
    phase_begin(&display->phases, phase);
    progress_hurry(&display->progress);
  }
  publish_if_due(display, status);
  if (status->stopping) {
    return;
  }
  if (status->handed_off) {
    progress_tail(&display->progress, phase, status->tail, status->window);
  } else {
    progress_copy(&display->progress, phase, status->plan, status->window);
  }
}
