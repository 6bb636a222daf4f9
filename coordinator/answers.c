#include "coordinator/answers.h"

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

struct answer
answers_make(void *context, const struct request *request)
{
  struct answers *answers = context;
  struct error error;
  switch (request->kind->name) {
  case REQUEST_STATUS:
    return state(answers, REQUEST_STATUS, NULL, status_json);
  case REQUEST_METRICS:
    return state(answers, REQUEST_METRICS, METRICS_CONTENT_TYPE, metrics_text);
  case REQUEST_PACE:
    return done(throttle_change(answers->throttle, request->body, request->size, &error), &error);
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
