#include "coordinator/answers.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "coordinator/report/metrics.h"

#define KEEP_COSTS 100 /* a text is kept for so many times what making it took: one per cent of the loop's time */

/* What one of the texts is made by. */
typedef char *(*text_maker)(const struct status *status);

static struct answer
state(struct answers *answers, enum request_name name, const char *type, text_maker make)
{
  struct answers_text *kept = &answers->kept[name];
  int64_t begun_us = clock_us();
  if (!kept->text || begun_us / 1000 >= kept->until_ms) {
    struct status status = answers->status(answers->context);
    free(kept->text);
    kept->text = make(&status);
    int64_t now_us = clock_us();
    kept->until_ms = (now_us + KEEP_COSTS * (now_us - begun_us)) / 1000;
  }
  return (struct answer){.status = 200, .type = type, .text = memory_string(kept->text)};
}

static struct answer
done(bool ok, const struct error *error)
{
  return ok ? (struct answer){.status = 200, .text = memory_string("{}\n")} : answer_error(400, "%s", error->text);
}

/* What is shown from now on has the change. */
static struct answer
steered(struct answers *answers, bool ok, bool changed, const struct error *error)
{
  for (int i = 0; i < REQUEST_COUNT; i++) {
    answers->kept[i].until_ms = 0;
  }
  return ok ? (struct answer){.status = 200, .text = memory_format("{\"changed\": %s}\n", changed ? "true" : "false")}
            : answer_error(400, "%s", error->text);
}

/* {workers: N} */
static bool
read_workers(const struct request *request, int *workers, struct error *error)
{
  bson_t document;
  bson_error_t cause;
  bson_iter_t iter;
  if (request->size == 0 || !bson_init_from_json(&document, request->body, (ssize_t)request->size, &cause)) {
    return error_set(error, ERROR_USAGE, "this takes a JSON object: {\"workers\": 8}");
  }
  bool one = bson_count_keys(&document) == 1 && bson_iter_init_find(&iter, &document, "workers");
  bool whole = one && (BSON_ITER_HOLDS_INT32(&iter) || BSON_ITER_HOLDS_INT64(&iter));
  int64_t number = whole ? bson_iter_as_int64(&iter) : 0;
  *workers = number > INT_MAX ? INT_MAX : number < 0 ? 0 : (int)number;
  bson_destroy(&document);
  return whole ||
         error_set(error, ERROR_USAGE, "this takes a whole number of workers, and nothing else: {\"workers\": 8}");
}

struct answer
answers_make(void *context, const struct request *request)
{
  struct answers *answers = context;
  struct error error = {.kind = ERROR_NONE};
  bool changed = false;
  bool ok;
  int workers = 0;
  switch (request->kind->name) {
  case REQUEST_STATUS:
    return state(answers, REQUEST_STATUS, NULL, status_json);
  case REQUEST_METRICS:
    return state(answers, REQUEST_METRICS, METRICS_CONTENT_TYPE, metrics_text);
  case REQUEST_PACE:
    return done(throttle_change(answers->throttle, request->body, request->size, &error), &error);
  case REQUEST_PAUSE:
    ok = steer_pause(answers->steer, &changed, &error);
    return steered(answers, ok, changed, &error);
  case REQUEST_RESUME:
    ok = steer_resume(answers->steer, &changed, &error);
    return steered(answers, ok, changed, &error);
  case REQUEST_WORKERS:
    ok = read_workers(request, &workers, &error) && steer_workers(answers->steer, workers, &changed, &error);
    return steered(answers, ok, changed, &error);
  case REQUEST_STOP:
    kill(getpid(), SIGTERM); /* the loop takes it as it takes every signal */
    return (struct answer){.status = 202, .text = memory_string("{}\n")};
  case REQUEST_COUNT:
    break;
  }
  return answer_error(404, "there is no such path");
}

void
answers_clear(struct answers *answers)
{
  for (int i = 0; i < REQUEST_COUNT; i++) {
    free(answers->kept[i].text);
    answers->kept[i].text = NULL;
  }
}
