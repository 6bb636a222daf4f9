#include "target/apply.h"

/* The confirmation of a majority names a collection; it need not exist. */
#define PROBE_DB "mongoferry"
#define PROBE_COLL "mongoferry.probe"

static bool
send_all(struct apply *apply, struct error *error)
{
  for (struct batch_run *run = apply->sending.runs; run; run = run->hh.next) {
    if (!bulk_send(&apply->bulk, &apply->sending, run, error)) {
      return false;
    }
  }
  return true;
}

static void *
send_batches(void *context)
{
  struct apply *apply = context;
  pthread_mutex_lock(&apply->lock);
  while (!apply->stop) {
    if (!apply->busy) {
      pthread_cond_wait(&apply->changed, &apply->lock);
      continue;
    }
    struct error error;
    pthread_mutex_unlock(&apply->lock);
    bool ok = send_all(apply, &error);
    batch_empty(&apply->sending);
    pthread_mutex_lock(&apply->lock);
    apply->busy = false;
    if (!ok) {
      apply->failed = true;
      apply->error = error;
    }
    pthread_cond_broadcast(&apply->changed);
  }
  pthread_mutex_unlock(&apply->lock);
  return NULL;
}

bool
apply_init(struct apply *apply, const char *target_uri, struct error *error)
{
  *apply = (struct apply){0};
  pthread_mutex_init(&apply->lock, NULL);
  pthread_cond_init(&apply->changed, NULL);
  if (!server_open(&apply->target, ERROR_TARGET, target_uri, true, error) ||
      !bulk_init(&apply->bulk, &apply->target, error)) {
    return false;
  }
  apply->started = pthread_create(&apply->thread, NULL, send_batches, apply) == 0;
  return apply->started || error_set(error, ERROR_INTERNAL, "cannot start a thread");
}

void
apply_clear(struct apply *apply)
{
  if (apply->started) {
    pthread_mutex_lock(&apply->lock);
    apply->stop = true;
    pthread_cond_broadcast(&apply->changed);
    pthread_mutex_unlock(&apply->lock);
    pthread_join(apply->thread, NULL);
  }
  pthread_cond_destroy(&apply->changed);
  pthread_mutex_destroy(&apply->lock);
  batch_clear(&apply->gathering);
  batch_clear(&apply->sending);
  server_close(&apply->target);
}

/* Waits for the thread, with the lock held; false if what it sent failed. */
static bool
wait_idle(struct apply *apply, struct error *error)
{
  while (apply->busy) {
    pthread_cond_wait(&apply->changed, &apply->lock);
  }
  if (apply->failed) {
    *error = apply->error;
  }
  return !apply->failed;
}

bool
apply_send(struct apply *apply, struct error *error)
{
  pthread_mutex_lock(&apply->lock);
  bool ok = wait_idle(apply, error);
  if (ok && apply->gathering.count > 0) {
    struct batch empty = apply->sending;
    apply->sending = apply->gathering;
    apply->gathering = empty;
    apply->busy = true;
    pthread_cond_broadcast(&apply->changed);
  }
  pthread_mutex_unlock(&apply->lock);
  return ok;
}

bool
apply_flush(struct apply *apply, bool majority, struct error *error)
{
  if (!apply_send(apply, error)) {
    return false;
  }
  pthread_mutex_lock(&apply->lock);
  bool ok = wait_idle(apply, error);
  pthread_mutex_unlock(&apply->lock);
  return ok && (!majority || server_confirm_majority(&apply->target, PROBE_DB, PROBE_COLL, error));
}

void
apply_forget(struct apply *apply)
{
  struct error ignored;
  pthread_mutex_lock(&apply->lock);
  wait_idle(apply, &ignored);
  apply->failed = false;
  pthread_mutex_unlock(&apply->lock);
  batch_empty(&apply->gathering);
}
