/*
 * Where the threads that speak HTTP hand their requests to the loop. The loop answers each on its own thread, so what
 * answers needs no lock; the asking thread waits for the answer.
 *
 * Before the loop runs, and after it, nobody is there to answer. Before it a request for the state gets the phase; all
 * else is refused with 503.
 */
#ifndef FERRY_COORDINATOR_CONTROL_EXCHANGE_H
#define FERRY_COORDINATOR_CONTROL_EXCHANGE_H

#include <pthread.h>
#include <uv.h>

#include "coordinator/control/requests.h"

#define EXCHANGE_WAIT_MS 5000 /* for a loop that is busy with something else */

struct exchange_place;

/* Answers a request, on the loop's thread. It never waits for a server. */
typedef struct answer (*exchange_answer)(void *context, const struct request *request);

struct exchange {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct exchange_place *asked; /* those that wait for the loop */
  bool open;
  bool ended;
  const char *phase; /* static */
  uv_async_t wake;
  exchange_answer answer;
  void *context;
};

void exchange_init(struct exchange *exchange);
void exchange_clear(struct exchange *exchange);

/* What is told while no loop runs. The text must be static. */
void exchange_set_phase(void *exchange, const char *phase);

/* From here on the loop answers. Call it on the loop's thread, and exchange_close before the loop's handles are closed. */
void exchange_open(struct exchange *exchange, uv_loop_t *loop, exchange_answer answer, void *context);
void exchange_close(struct exchange *exchange);

/* For any other thread. The answer's text is the caller's to free. */
struct answer exchange_ask(struct exchange *exchange, const struct request *request);

#endif
