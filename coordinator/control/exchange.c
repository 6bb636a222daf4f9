#include "coordinator/control/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/version.h"
#include "coordinator/control/page.h"

enum place_state { PLACE_WAITS, PLACE_TAKEN, PLACE_ANSWERED };

/* A request on the stack of the thread that asks. */
struct exchange_place {
  const struct request *request;
  struct answer answer;
  enum place_state state;
  struct exchange_place *next;
};

void
exchange_init(struct exchange *exchange)
{
  pthread_condattr_t monotonic;
  *exchange = (struct exchange){.phase = "initializing"};
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&exchange->lock, NULL);
  pthread_cond_init(&exchange->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

void
exchange_clear(struct exchange *exchange)
{
  pthread_cond_destroy(&exchange->changed);
  pthread_mutex_destroy(&exchange->lock);
}

void
exchange_set_phase(void *context, const char *phase)
{
  struct exchange *exchange = context;
  pthread_mutex_lock(&exchange->lock);
  exchange->phase = phase;
  pthread_mutex_unlock(&exchange->lock);
}

/* With the lock held: takes out a request that still waits; NULL: there is none. */
static struct exchange_place *
take(struct exchange *exchange, const struct exchange_place *wanted)
{
  for (struct exchange_place **at = &exchange->asked; *at; at = &(*at)->next) {
    if (!wanted || *at == wanted) {
      struct exchange_place *taken = *at;
      *at = taken->next;
      taken->state = PLACE_TAKEN;
      return taken;
    }
  }
  return NULL;
}

static void
answer_all(uv_async_t *wake)
{
  struct exchange *exchange = wake->data;
  struct exchange_place *place;
  pthread_mutex_lock(&exchange->lock);
  while (exchange->open && (place = take(exchange, NULL)) != NULL) {
    pthread_mutex_unlock(&exchange->lock);
    struct answer answer = exchange->answer(exchange->context, place->request);
    pthread_mutex_lock(&exchange->lock);
    place->answer = answer;
    place->state = PLACE_ANSWERED;
    pthread_cond_broadcast(&exchange->changed);
  }
  pthread_mutex_unlock(&exchange->lock);
}

void
exchange_open(struct exchange *exchange, uv_loop_t *loop, exchange_answer answer, void *context)
{
  uv_async_init(loop, &exchange->wake, answer_all);
  uv_unref((uv_handle_t *)&exchange->wake);
  exchange->wake.data = exchange;
  exchange->answer = answer;
  exchange->context = context;
  pthread_mutex_lock(&exchange->lock);
  exchange->open = true;
  pthread_mutex_unlock(&exchange->lock);
}

void
exchange_close(struct exchange *exchange)
{
  pthread_mutex_lock(&exchange->lock);
  exchange->open = false;
  exchange->ended = true;
  pthread_cond_broadcast(&exchange->changed);
  pthread_mutex_unlock(&exchange->lock);
}

/* As GET /progress, before there is more to tell. */
static char *
preparing(const char *phase)
{
  return memory_format("{\"version\": \"%s\", \"pid\": %d, \"state\": \"preparing\", \"phase\": \"%s\"}",
                       version_number, getpid(), phase);
}

static struct answer
prepare_page(const char *phase)
{
  char *progress = preparing(phase);
  struct answer answer = {.status = 200, .type = PAGE_CONTENT_TYPE, .text = page_html(progress)};
  free(progress);
  return answer;
}

static struct answer
answer_alone(const char *phase, const struct request *request)
{
  switch (request->kind->name) {
  case REQUEST_STATUS:
    return (struct answer){.status = 200,
                           .text = memory_format("{\"stage\": \"initializing\", \"phase\": \"%s\"}", phase)};
  case REQUEST_PROGRESS:
    return (struct answer){.status = 200, .text = preparing(phase)};
  case REQUEST_UI:
    return prepare_page(phase);
  case REQUEST_STOP:
    return (struct answer){.status = 202, .text = memory_string("{}\n")};
  default:
    return answer_error(503, "this cannot be asked for now, in the phase '%s'; ask again when the copy runs", phase);
  }
}

struct answer
exchange_ask(struct exchange *exchange, const struct request *request)
{
  struct exchange_place place = {.request = request, .next = NULL};
  int64_t until_ms = clock_ms() + EXCHANGE_WAIT_MS;
  struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = (long)(until_ms % 1000) * 1000000};
  pthread_mutex_lock(&exchange->lock);
  if (exchange->open) {
    struct exchange_place **last = &exchange->asked;
    while (*last) {
      last = &(*last)->next;
    }
    *last = &place;
    uv_async_send(&exchange->wake);
  }
  while (place.state == PLACE_TAKEN || (place.state == PLACE_WAITS && exchange->open && clock_ms() < until_ms)) {
    if (place.state == PLACE_TAKEN) { /* the answer is being made, here on this stack */
      pthread_cond_wait(&exchange->changed, &exchange->lock);
    } else {
      pthread_cond_timedwait(&exchange->changed, &exchange->lock, &until);
    }
  }
  bool busy = place.state == PLACE_WAITS && take(exchange, &place) && exchange->open;
  const char *phase = exchange->phase;
  bool ended = exchange->ended;
  pthread_mutex_unlock(&exchange->lock);
  return place.answer.text ? place.answer
         : busy            ? answer_error(503, "mongoferry is busy; ask again")
         : ended           ? answer_error(503, "the run ends")
                           : answer_alone(phase, request);
}
