#include "target/replay/connection.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "server/failure.h"

/*
 * Sends everything in one transaction, whose failure leaves nothing behind. `committing`: the commit was sent, and it
 * may be unknown whether it was done.
 */
static bool
send_transaction(struct connection *connection, bool *committing, struct error *error)
{
  bson_error_t cause;
  bson_t reply;
  bool ok = true;
  struct server *target = &connection->target;
  struct bulk bulk = connection->bulk;
  bulk.session = mongoc_client_start_session(target->client, NULL, &cause);
  if (!bulk.session) {
    return server_error(target, &cause, error);
  }
  mongoc_transaction_opt_t *options = mongoc_transaction_opts_new();
  mongoc_write_concern_t *majority = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(majority, 0);
  mongoc_transaction_opts_set_write_concern(options, majority);
  ok = mongoc_client_session_start_transaction(bulk.session, options, &cause) || server_error(target, &cause, error);
  for (struct batch_run *run = connection->sending.runs; ok && run; run = run->hh.next) {
    ok = bulk_send(&bulk, &connection->sending, run, error);
  }
  *committing = ok;
  if (ok) {
    ok = mongoc_client_session_commit_transaction(bulk.session, &reply, &cause) || server_error(target, &cause, error);
    bson_destroy(&reply);
  }
  mongoc_client_session_destroy(bulk.session); /* aborts what is not committed */
  mongoc_write_concern_destroy(majority);
  mongoc_transaction_opts_destroy(options);
  return ok;
}

/* True if it is done, or must not be tried in another way: `*ok` says which. */
static bool
send_as_one(struct connection *connection, bool *ok, struct error *error)
{
  bool committing = false;
  int tries = 0;
  do {
    *ok = send_transaction(connection, &committing, error);
    if (*ok || (server_error_passes(error) && (committing || !failure_interrupted(error)))) {
      return true;
    }
  } while (failure_try_again(error, &tries));
  if (!connection->shared->told) {
    log_warn("a transaction is applied write by write, as the target does not take it as one: %s", error->text);
    connection->shared->told = true; /* no other connection sends transactions, nor anything while this one does */
  }
  return false;
}

static bool
send_all(struct connection *connection, struct error *error)
{
  bool ok = true;
  if (!mark_look_after_rest(&connection->target, connection->shared->mark, &connection->used_ms, error)) {
    return false;
  }
  if (connection->sending.atomic && connection->shared->takes_transactions && send_as_one(connection, &ok, error)) {
    return ok;
  }
  ok = true;
  for (struct batch_run *run = connection->sending.runs; ok && run; run = run->hh.next) {
    ok = bulk_send(&connection->bulk, &connection->sending, run, error);
  }
  return ok;
}

/* With the lock held. What does not pass says more than a server that is away. */
static void
note_failure(struct connections *shared, const struct error *error)
{
  if (!shared->failed || (server_error_passes(&shared->error) && !server_error_passes(error))) {
    shared->error = *error;
  }
  shared->failed = true;
}

/* These are called with the lock held, and let go of it while they talk to the target. */
static void
send_part(struct connection *connection)
{
  struct connections *shared = connection->shared;
  struct error error;
  size_t size = connection->sending.size;
  if (!shared->failed) {
    pthread_mutex_unlock(&shared->lock);
    int64_t begun_us = clock_us();
    bool ok = send_all(connection, &error);
    int64_t took_us = clock_us() - begun_us;
    pthread_mutex_lock(&shared->lock);
    fault_point("batch-sent");
    histogram_add(&shared->batches, took_us);
    if (!ok) {
      note_failure(shared, &error);
    }
  }
  if (shared->keep > 0 && connection->sending.capacity > shared->keep) {
    batch_clear(&connection->sending);
  } else {
    batch_empty(&connection->sending);
  }
  shared->sending -= size;
  connection->busy = false;
}

static void
confirm(struct connection *connection)
{
  struct connections *shared = connection->shared;
  struct error error;
  pthread_mutex_unlock(&shared->lock);
  bool ok = server_confirm_writes(&connection->target, &error);
  pthread_mutex_lock(&shared->lock);
  if (ok) {
    connection->written = false;
  } else {
    note_failure(shared, &error);
  }
  connection->confirming = false;
}

static void
ask_target(struct connection *connection)
{
  struct connections *shared = connection->shared;
  struct server_hello hello;
  struct error error;
  pthread_mutex_unlock(&shared->lock);
  bool ok = server_ask_hello(&connection->target, false, &hello, &error);
  pthread_mutex_lock(&shared->lock);
  if (!ok) {
    log_debug("the replay goes on over fewer connections: %s", error.text);
  }
  connection->ready = ok;
  connection->opening = false;
}

static void *
run(void *context)
{
  struct connection *connection = context;
  struct connections *shared = connection->shared;
  pthread_mutex_lock(&shared->lock);
  while (!connection->stop) {
    if (connection->opening) {
      ask_target(connection);
    } else if (connection->busy) {
      send_part(connection);
    } else if (connection->confirming) {
      confirm(connection);
    } else {
      pthread_cond_wait(&connection->work, &shared->lock);
      continue;
    }
    pthread_cond_broadcast(&shared->done);
  }
  pthread_mutex_unlock(&shared->lock);
  return NULL;
}

bool
connection_start(struct connection *connection, struct connections *shared, const char *target_uri, struct error *error)
{
  if (!server_open(&connection->target, ERROR_TARGET, target_uri, true, error)) {
    return false;
  }
  connection->shared = shared;
  bson_init(&connection->reports);
  pthread_cond_init(&connection->work, NULL);
  connection->started = pthread_create(&connection->thread, NULL, run, connection) == 0;
  if (!connection->started) {
    pthread_cond_destroy(&connection->work);
    bson_destroy(&connection->reports);
    server_close(&connection->target);
    return error_set(error, ERROR_INTERNAL,
                     "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
  }
  return true;
}

void
connection_clear(struct connection *connection)
{
  if (!connection->started) {
    return;
  }
  pthread_mutex_lock(&connection->shared->lock);
  connection->stop = true;
  pthread_cond_signal(&connection->work);
  pthread_mutex_unlock(&connection->shared->lock);
  pthread_join(connection->thread, NULL);
  pthread_cond_destroy(&connection->work);
  bson_destroy(&connection->reports);
  batch_clear(&connection->gathering);
  batch_clear(&connection->sending);
  batch_clear(&connection->again);
  capped_clear(&connection->capped);
  server_close(&connection->target);
  connection->started = false;
}

bool
connection_idle(const struct connection *connection)
{
  return !connection->opening && !connection->busy && !connection->confirming;
}
