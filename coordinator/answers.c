#include "coordinator/answers.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "coordinator/control/page.h"
#include "coordinator/report/metrics.h"
#include "coordinator/report/progress_json.h"

#define NAMESPACES_MOST 1000 /* of a verification in one answer: the loop makes it */

#define KEEP_COSTS 100 /* a text is kept for so many times what making it took: one per cent of the loop's time */

#define DOWNTIME_MOST_S 86400
#define IDLE_S 2 /* no write has to come for so long before the end */

/* The caller's to free. */
static char *
json_text(const bson_t *document)
{
  char *json = bson_as_relaxed_extended_json(document, NULL);
  char *text = memory_format("%s\n", json ? json : "{}");
  bson_free(json);
  return text;
}

/* What one of the texts is made by. */
typedef char *(*text_maker)(const struct status *status);

static struct answer
state(struct answers *answers, enum request_name name, const char *type, text_maker make)
{
  struct answers_text *kept = &answers->kept[name];
  int64_t begun_us = clock_us();
  if (!kept->text || begun_us / 1000 >= kept->until_ms) {
    struct status status = answers->status(answers->context);
    bson_t cutover = BSON_INITIALIZER;
    if (name == REQUEST_PROGRESS || name == REQUEST_UI) {
      cutover_put(answers->cutover, &status, &cutover);
      status.cutover = &cutover;
    }
    free(kept->text);
    kept->text = make(&status);
    bson_destroy(&cutover);
    int64_t now_us = clock_us();
    kept->until_ms = (now_us + KEEP_COSTS * (now_us - begun_us)) / 1000;
  }
  return (struct answer){.status = 200, .type = type, .text = memory_string(kept->text)};
}

static char *
page_of(const struct status *status)
{
  char *progress = progress_json(status);
  char *html = page_html(progress);
  free(progress);
  return html;
}

static struct answer
done(bool ok, const struct error *error)
{
  return ok ? (struct answer){.status = 200, .text = memory_string("{}\n")} : answer_error(400, "%s", error->text);
}

/* What is shown from now on has the change. */
static void
forget_kept(struct answers *answers)
{
  for (int i = 0; i < REQUEST_COUNT; i++) {
    answers->kept[i].until_ms = 0;
  }
}

static struct answer
steered(struct answers *answers, bool ok, bool changed, const struct error *error)
{
  forget_kept(answers);
  return ok ? (struct answer){.status = 200, .text = memory_format("{\"changed\": %s}\n", changed ? "true" : "false")}
            : answer_error(400, "%s", error->text);
}

/* {workers: N}, or {workers: "auto"}, which is 0 */
static bool
read_workers(const bson_t *document, int *workers, struct error *error)
{
  bson_iter_t iter;
  bool there = bson_iter_init_find(&iter, document, "workers");
  bool whole = there && (BSON_ITER_HOLDS_INT32(&iter) || BSON_ITER_HOLDS_INT64(&iter));
  bool automatic = there && BSON_ITER_HOLDS_UTF8(&iter) && strcmp(bson_iter_utf8(&iter, NULL), "auto") == 0;
  int64_t number = whole ? bson_iter_as_int64(&iter) : 0;
  *workers = number > INT_MAX ? INT_MAX : (int)number;
  if (whole && number < 1) {
    return error_set(error, ERROR_USAGE, "there are 1 to %d workers, not %lld", POOL_WORKERS_MOST, (long long)number);
  }
  return whole || automatic ||
         error_set(error, ERROR_USAGE, "this takes a whole number of workers, or auto: {\"workers\": 8}");
}

static bool
read_cutover(const bson_t *document, struct cutover_request *asked, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  for (bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    bool *flag = strcmp(key, "blockWrites") == 0     ? &asked->block
                 : strcmp(key, "rehearse") == 0      ? &asked->rehearse
                 : strcmp(key, "acceptRefused") == 0 ? &asked->accept_refused
                                                     : NULL;
    if (flag) {
      ok = BSON_ITER_HOLDS_BOOL(&iter) || error_set(error, ERROR_USAGE, "%s takes true or false", key);
      *flag = ok && bson_iter_bool(&iter);
    } else {
      int64_t number = BSON_ITER_HOLDS_INT32(&iter) || BSON_ITER_HOLDS_INT64(&iter) ? bson_iter_as_int64(&iter) : 0;
      asked->max_downtime_s = number;
      ok = (number >= 1 && number <= DOWNTIME_MOST_S) ||
           error_set(error, ERROR_USAGE, "%s takes a whole number from 1 to %d", key, DOWNTIME_MOST_S);
    }
  }
  return ok;
}

/* What stands in the way, as 409; a request that makes no sense, as 400. */
static struct answer
refuse_cutover(const struct error *error, const bson_t *obstacles)
{
  if (error->kind != ERROR_NOT_READY || bson_empty(obstacles)) {
    return answer_error(error->kind == ERROR_USAGE ? 400 : 409, "%s", error->text);
  }
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&document, "errorMessage", error->text);
  BSON_APPEND_ARRAY(&document, "obstacles", obstacles);
  struct answer answer = {.status = 409, .text = json_text(&document)};
  bson_destroy(&document);
  return answer;
}

static struct answer
cut_over(struct answers *answers, const bson_t *document)
{
  struct status status = answers->status(answers->context);
  struct cutover_request asked = {.max_downtime_s = answers->cutover->usual_downtime_s, .idle_s = IDLE_S};
  bson_t obstacles = BSON_INITIALIZER;
  struct error error;
  struct answer answer = {.status = 202};
  bool ok = read_cutover(document, &asked, &error);
  asked.compare_s = asked.max_downtime_s;
  if (ok && cutover_start(answers->cutover, &asked, &status, &obstacles, &error)) {
    forget_kept(answers); /* it tells of an earlier one */
    answer.text = memory_string("{}\n");
  } else {
    answer = refuse_cutover(&error, &obstacles);
  }
  bson_destroy(&obstacles);
  return answer;
}

static struct answer
report(const struct answers *answers)
{
  bson_t document;
  struct error error;
  int got = cutover_record_report(answers->cutover->checkpoint, &document, &error);
  if (got != 1) {
    return got == 0 ? answer_error(404, "there was no cut-over yet") : answer_error(500, "%s", error.text);
  }
  struct answer answer = {.status = 200, .text = json_text(&document)};
  bson_destroy(&document);
  return answer;
}

static struct answer
verification(const struct answers *answers)
{
  bson_t document;
  beside_report(answers->cutover->verification, NAMESPACES_MOST, &document);
  struct answer answer = {.status = 200, .text = json_text(&document)};
  bson_destroy(&document);
  return answer;
}

static struct answer
act(struct answers *answers, const struct request *request, const bson_t *document)
{
  struct error error = {.kind = ERROR_NONE};
  bool changed = false;
  bool ok;
  int workers = 0;
  switch (request->kind->name) {
  case REQUEST_PACE:
    return done(throttle_change(answers->throttle, document, &error), &error);
  case REQUEST_PAUSE:
    if (cutover_is_busy(answers->cutover)) { /* it may hold back the writes of the source */
      return answer_error(409, "a cut-over is under way: it cannot be paused");
    }
    ok = steer_pause(answers->steer, &changed, &error);
    return steered(answers, ok, changed, &error);
  case REQUEST_RESUME:
    ok = steer_resume(answers->steer, &changed, &error);
    return steered(answers, ok, changed, &error);
  case REQUEST_WORKERS:
    ok = read_workers(document, &workers, &error) && steer_workers(answers->steer, workers, &changed, &error);
    return steered(answers, ok, changed, &error);
  case REQUEST_CUTOVER:
    return cut_over(answers, document);
  case REQUEST_STOP:
    return (struct answer){.status = 202, .text = memory_string("{}\n")};
  default:
    return answer_error(404, "there is no such path");
  }
}

struct answer
answers_make(void *context, const struct request *request)
{
  struct answers *answers = context;
  struct error error;
  bson_t document;
  switch (request->kind->name) {
  case REQUEST_STATUS:
    return state(answers, REQUEST_STATUS, NULL, status_json);
  case REQUEST_PROGRESS:
    return state(answers, REQUEST_PROGRESS, NULL, progress_json);
  case REQUEST_METRICS:
    return state(answers, REQUEST_METRICS, METRICS_CONTENT_TYPE, metrics_text);
  case REQUEST_UI:
    return state(answers, REQUEST_UI, PAGE_CONTENT_TYPE, page_of);
  case REQUEST_REPORT:
    return report(answers);
  case REQUEST_VERIFICATION:
    return verification(answers);
  default:
    break;
  }
  if (!request_read(request, &document, &error)) {
    return answer_error(400, "%s", error.text);
  }
  struct answer answer = act(answers, request, &document);
  bson_destroy(&document);
  return answer;
}

void
answers_clear(struct answers *answers)
{
  for (int i = 0; i < REQUEST_COUNT; i++) {
    free(answers->kept[i].text);
    answers->kept[i].text = NULL;
  }
}
