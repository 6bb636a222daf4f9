#include "target/replay/apply.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "server/failure.h"

/*
 * Sends everything in one transaction, whose failure leaves nothing behind. `committing`: the commit was sent, and it
 * may be unknown whether it was done.
 */
static bool
send_transaction(struct apply *apply, bool *committing, struct error *error)
{
  bson_error_t cause;
  bson_t reply;
  bool ok = true;
  struct bulk bulk = apply->bulk;
  bulk.session = mongoc_client_start_session(apply->target.client, NULL, &cause);
  if (!bulk.session) {
    return server_error(&apply->target, &cause, error);
  }
  mongoc_transaction_opt_t *options = mongoc_transaction_opts_new();
  mongoc_write_concern_t *majority = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(majority, 0);
  mongoc_transaction_opts_set_write_concern(options, majority);
  ok = mongoc_client_session_start_transaction(bulk.session, options, &cause) ||
       server_error(&apply->target, &cause, error);
  for (struct batch_run *run = apply->sending.runs; ok && run; run = run->hh.next) {
    ok = bulk_send(&bulk, &apply->sending, run, error);
  }
  *committing = ok;
  if (ok) {
    ok = mongoc_client_session_commit_transaction(bulk.session, &reply, &cause) ||
         server_error(&apply->target, &cause, error);
    bson_destroy(&reply);
  }
  mongoc_client_session_destroy(bulk.session); /* aborts what is not committed */
  mongoc_write_concern_destroy(majority);
  mongoc_transaction_opts_destroy(options);
  return ok;
}

static bool
send_all(struct apply *apply, struct error *error)
{
  if (!mark_look_after_rest(&apply->target, apply->mark, &apply->used_ms, error)) {
    return false;
  }
  if (apply->sending.atomic && apply->takes_transactions) {
    bool committing = false;
    int tries = 0;
    do {
      if (send_transaction(apply, &committing, error)) {
        return true;
      }
      if (server_error_passes(error) && (committing || !failure_interrupted(error))) {
        return false;
      }
    } while (failure_try_again(error, &tries));
    if (!apply->told) {
      log_warn("a transaction is applied write by write, as the target does not take it as one: %s", error->text);
      apply->told = true;
    }
  }
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
    int64_t begun_us = clock_us();
    bool ok = send_all(apply, &error);
    int64_t took_us = clock_us() - begun_us;
    fault_point("batch-sent");
    batch_empty(&apply->sending);
    pthread_mutex_lock(&apply->lock);
    apply->busy = false;
    histogram_add(&apply->batches, took_us);
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
apply_init(struct apply *apply, const char *target_uri, const struct mark *mark, struct error *error)
{
  *apply = (struct apply){.opened = true, .mark = mark};
  pthread_mutex_init(&apply->lock, NULL);
  pthread_cond_init(&apply->changed, NULL);
  struct server_hello hello;
  bson_init(&apply->reports);
  if (!server_open(&apply->target, ERROR_TARGET, target_uri, true, error) ||
      !server_ask_hello(&apply->target, false, &hello, error) || !bulk_init(&apply->bulk, &apply->target, error)) {
    return false;
  }
  apply->bulk.refused = &apply->refused;
  apply->bulk.reports = &apply->reports;
  apply->bulk.again = &apply->again;
  apply->bulk.capped = &apply->capped;
  apply->takes_transactions = hello.wire_version >= (hello.mongos ? WIRE_4_2 : WIRE_4_0);
  apply->started = pthread_create(&apply->thread, NULL, send_batches, apply) == 0;
  return apply->started ||
         error_set(error, ERROR_INTERNAL,
                   "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
}

void
apply_clear(struct apply *apply)
{
  if (!apply->opened) {
    return;
  }
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
  batch_clear(&apply->again);
  refused_clear(&apply->refused);
  capped_clear(&apply->capped);
  bson_destroy(&apply->reports);
  server_close(&apply->target);
  *apply = (struct apply){0};
}

/* Waits for the thread, with the lock held; false if what it sent failed. */
static bool
wait_idle(struct apply *apply, struct error *error)
{
  if (apply->busy) {
    int64_t begun_us = clock_us();
    while (apply->busy) {
      pthread_cond_wait(&apply->changed, &apply->lock);
    }
    apply->waited_us += clock_us() - begun_us;
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
    apply->sent++;
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
  if (ok && majority) {
    int64_t begun_us = clock_us();
    ok = server_confirm_writes(&apply->target, error);
    apply->majority_us += clock_us() - begun_us;
  }
  return ok;
}

struct histogram
apply_batches(struct apply *apply)
{
  pthread_mutex_lock(&apply->lock);
  struct histogram batches = apply->batches;
  pthread_mutex_unlock(&apply->lock);
  return batches;
}

bool
apply_judge_capped(struct apply *apply, uint64_t complete, struct error *error)
{
  return capped_judge(&apply->capped, &apply->target, complete, &apply->again, error);
}

bool
apply_take_refused(struct apply *apply, bson_t *list)
{
  if (bson_empty(&apply->reports)) {
    return false;
  }
  bson_copy_to(&apply->reports, list);
  bson_reinit(&apply->reports);
  return true;
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
  batch_empty(&apply->again);
  capped_forget(&apply->capped);
}
