#include "coordinator/cutover/obstacles.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"

struct found {
  bson_t *list;
  uint32_t count;
};

static void add(struct found *found, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct found *found, const char *format, ...)
{
  char text[800];
  char key[16];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char *escaped = text_escaped(text);
  snprintf(key, sizeof key, "%u", found->count++);
  BSON_APPEND_UTF8(found->list, key, escaped);
  free(escaped);
}

/* How far the run is. */
static void
look_at_phase(const struct status *status, struct found *found)
{
  const struct tail *tail = status->tail;
  switch (status_phase(status)) {
  case PHASE_TAILING:
    break;
  case PHASE_BUILDING_UNIQUE:
    add(found, "unique indexes are still being built, now those of %s", tail->building);
    break;
  case PHASE_CATCHING_UP:
    add(found, "the replay is still catching up");
    break;
  case PHASE_DRAINING:
    add(found, "the run is stopping");
    break;
  default:
    add(found, "the copy is not complete: the run is at '%s'", phase_text(status_phase(status)));
  }
}

/* Every range has to be compared; what is written meanwhile is compared in the end. */
static void
look_at_verification(const struct verify_view *view, struct found *found)
{
  if (view->state == VERIFY_FAILED) {
    add(found, "the verification failed: %s", view->error);
  } else if (view->state != VERIFY_FOLLOWING) {
    add(found, "the verification is not through: %lld of %lld ranges are compared%s", (long long)view->ranges_done,
        (long long)view->ranges, view->holds_back ? ", and it waits, as the replay is behind" : "");
  }
  if (view->different > 0) {
    add(found, "the verification found %lld documents that differ; GET /verification names them",
        (long long)view->different);
  }
}

bool
obstacles_find(const struct status *status, const struct obstacles_limits *limits, bson_t *list)
{
  struct found found = {.list = list};
  const struct tail *tail = status->tail;
  if (status->error) {
    add(&found, "the run has failed: %s", status->error->text);
  } else if (status->stopping) {
    add(&found, "the run is stopping");
  } else {
    look_at_phase(status, &found);
  }
  if (status->paused_since_ms) {
    add(&found, "the run is paused; resume it first");
  }
  if (status->handed_off && !tail_answers(tail, status->now_ms)) {
    add(&found, "the applier does not answer");
  }
  int64_t lag_s = status->handed_off ? tail_lag_s(tail, status->now_ms) : 0;
  if (limits->lag_s > 0 && lag_s > limits->lag_s) {
    add(&found, "the target is %lld s behind, more than --maxDowntime allows", (long long)lag_s);
  }
  if (status->verification) {
    look_at_verification(status->verification, &found);
  }
  if (status->refused > 0 && !limits->accept_refused) {
    add(&found,
        "the target refused %lld documents, indexes or options, which the log names; --acceptRefused goes on without "
        "them",
        (long long)status->refused);
  }
  return found.count == 0;
}
