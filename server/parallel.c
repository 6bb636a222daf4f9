#include "server/parallel.h"

#include <pthread.h>

struct shared {
  const struct parallel *parallel;
  size_t count;
  pthread_mutex_t lock;
  size_t next;
  bool failed;
  struct error error;
};

/* False if there is no more to do. */
static bool
take_number(struct shared *shared, size_t *number)
{
  pthread_mutex_lock(&shared->lock);
  bool any = !shared->failed && shared->next < shared->count;
  *number = shared->next;
  shared->next += any;
  pthread_mutex_unlock(&shared->lock);
  return any;
}

static void
keep_error(struct shared *shared, const struct error *error)
{
  pthread_mutex_lock(&shared->lock);
  if (!shared->failed) {
    shared->failed = true;
    shared->error = *error;
  }
  pthread_mutex_unlock(&shared->lock);
}

static void *
run_thread(void *argument)
{
  struct shared *shared = argument;
  const struct parallel *parallel = shared->parallel;
  struct server server;
  struct error error;
  size_t number;
  bool ok = server_open(&server, parallel->kind, parallel->uri, parallel->patient, &error);
  while (ok && take_number(shared, &number)) {
    ok = parallel->work(parallel->context, number, &server, &error);
  }
  if (!ok) {
    keep_error(shared, &error);
  }
  server_close(&server);
  return NULL;
}

static bool
run_alone(const struct parallel *parallel, size_t count, struct error *error)
{
  for (size_t number = 0; number < count; number++) {
    if (!parallel->work(parallel->context, number, parallel->own, error)) {
      return false;
    }
  }
  return true;
}

bool
parallel_run(const struct parallel *parallel, size_t count, struct error *error)
{
  struct shared shared = {.parallel = parallel, .count = count};
  pthread_t threads[PARALLEL_MOST];
  size_t started = 0;
  if (parallel->own && parallel->own->command) {
    return run_alone(parallel, count, error);
  }
  size_t wanted = count < parallel->threads ? count : parallel->threads;
  pthread_mutex_init(&shared.lock, NULL);
  while (started < wanted && pthread_create(&threads[started], NULL, run_thread, &shared) == 0) {
    started++;
  }
  for (size_t i = 0; i < started; i++) {
    pthread_join(threads[i], NULL);
  }
  pthread_mutex_destroy(&shared.lock);
  if (shared.failed) {
    *error = shared.error;
    return false;
  }
  return started > 0 || count == 0 ||
         error_set(error, ERROR_INTERNAL,
                   "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
}
