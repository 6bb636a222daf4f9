#include "target/replay/apply.h"

#include "base/clock.h"
#include "base/memory.h"
#include "target/replay/dealing.h"

#define GATHERED_BYTES (16u << 20) /* before somebody has to wait */
#define SENDING_BYTES (16u << 20)  /* on their way at once, over all connections; a larger part goes by itself */
#define PART_ENTRIES 10000
#define AGAIN_MS 30000 /* before a connection that did not open is tried again */
#define PARTS_IN_HAND                                                                                                  \
  4 /* an idle connection takes what is at least this share of its own of all that may be gathered */

static void
wait_done(struct apply *apply, int64_t *counted_us)
{
  int64_t begun_us = clock_us();
  pthread_cond_wait(&apply->shared.done, &apply->shared.lock);
  int64_t took_us = clock_us() - begun_us;
  apply->waited_us += took_us;
  *counted_us += took_us;
}

static bool
is_busy(const struct connection *connection)
{
  return connection->busy || connection->confirming;
}

/* With the lock held, as all of these. False if something that was sent failed. */
static bool
check(const struct apply *apply, struct error *error)
{
  if (apply->shared.failed) {
    *error = apply->shared.error;
  }
  return !apply->shared.failed;
}

static bool
all_idle(const struct apply *apply)
{
  for (int i = 0; i < apply->started; i++) {
    if (is_busy(&apply->connections[i])) {
      return false;
    }
  }
  return true;
}

/* `counted_us` gets what it took. */
static bool
wait_idle(struct apply *apply, int64_t *counted_us, struct error *error)
{
  while (!all_idle(apply)) {
    wait_done(apply, counted_us);
  }
  return check(apply, error);
}

static void
hand_over(struct apply *apply, struct connection *connection)
{
  struct batch empty = connection->sending;
  connection->sending = connection->gathering;
  connection->gathering = empty;
  struct server *target = &connection->target;
  connection->bulk = apply->bulk;
  connection->bulk.target = target;
  connection->bulk.refused = &apply->refused;
  connection->bulk.reports = &connection->reports;
  connection->bulk.again = &connection->again;
  connection->bulk.capped = &connection->capped;
  connection->bulk.reading = &apply->reading;
  connection->bulk.read_bytes = SENDING_BYTES / (unsigned)apply->count;
  connection->busy = connection->written = true;
  apply->shared.sending += connection->sending.size;
  apply->sent++;
  pthread_cond_signal(&connection->work);
}

static bool
may_take(const struct apply *apply, const struct connection *connection)
{
  size_t size = connection->gathering.size;
  return connection_idle(connection) && connection->gathering.count > 0 &&
         (apply->shared.sending == 0 || apply->shared.sending + size <= SENDING_BYTES);
}

/* Gives each connection that can take it what is gathered for it, if that is `least` writes. */
static void
hand_out(struct apply *apply, size_t least)
{
  for (int i = 0; i < apply->count; i++) {
    if (apply->connections[i].gathering.count >= least && may_take(apply, &apply->connections[i])) {
      hand_over(apply, &apply->connections[i]);
    }
  }
}

size_t
apply_gathered(const struct apply *apply)
{
  size_t gathered = 0;
  for (int i = 0; i < apply->count; i++) {
    gathered += apply->connections[i].gathering.count;
  }
  return gathered;
}

static bool
is_full(const struct apply *apply)
{
  size_t size = 0;
  for (int i = 0; i < apply->count; i++) {
    size += apply->connections[i].gathering.size;
  }
  return size >= GATHERED_BYTES || apply_gathered(apply) >= (size_t)apply->part_entries;
}

/* Before anything is handed over: a transaction overlaps with nothing. */
static bool
keep_apart(struct apply *apply, int64_t *counted_us, struct error *error)
{
  if (!apply->whole && !apply->alone) {
    return true;
  }
  bool ok = wait_idle(apply, counted_us, error);
  apply->alone = apply->whole;
  return ok;
}

static bool
make_room(struct apply *apply, struct error *error)
{
  bool ok = keep_apart(apply, &apply->held_us, error);
  while (ok && is_full(apply)) {
    hand_out(apply, 1);
    if (is_full(apply)) {
      wait_done(apply, &apply->held_us);
    }
    ok = check(apply, error);
  }
  return ok;
}

bool
apply_added(struct apply *apply, struct error *error)
{
  size_t least = (size_t)apply->part_entries / (size_t)(apply->count * PARTS_IN_HAND) + 1;
  bool full = is_full(apply);
  if (!full && (apply->whole || apply->current->gathering.count < least)) {
    return true;
  }
  pthread_mutex_lock(&apply->shared.lock);
  bool ok = full ? make_room(apply, error) : check(apply, error);
  if (ok && !apply->whole && (!apply->alone || all_idle(apply))) {
    apply->alone = false;
    hand_out(apply, least);
  }
  pthread_mutex_unlock(&apply->shared.lock);
  return ok;
}

bool
apply_send(struct apply *apply, struct error *error)
{
  int64_t counted_us = 0;
  pthread_mutex_lock(&apply->shared.lock);
  bool ok = check(apply, error);
  if (ok && apply_gathered(apply) > 0) {
    ok = keep_apart(apply, &counted_us, error);
    while (ok && apply_gathered(apply) > 0) {
      hand_out(apply, 1);
      if (apply_gathered(apply) > 0) {
        wait_done(apply, &counted_us);
      }
      ok = check(apply, error);
    }
  }
  pthread_mutex_unlock(&apply->shared.lock);
  return ok;
}

bool
apply_begin_transaction(struct apply *apply, struct error *error)
{
  apply->whole = apply_send(apply, error);
  return apply->whole;
}

bool
apply_end_transaction(struct apply *apply, int64_t sent, struct error *error)
{
  struct batch *batch = &apply->connections[0].gathering;
  batch->atomic = batch->count > 0 && apply->sent == sent;
  bool ok = apply_send(apply, error);
  apply->whole = false;
  return ok;
}

bool
apply_flush(struct apply *apply, bool majority, struct error *error)
{
  int64_t counted_us = 0;
  if (!apply_send(apply, error)) {
    return false;
  }
  pthread_mutex_lock(&apply->shared.lock);
  bool ok = wait_idle(apply, &counted_us, error);
  if (ok && majority) {
    int64_t waited_us = apply->waited_us;
    apply->connections[0].written = true; /* it also stands for what others wrote to this primary */
    for (int i = 0; i < apply->started; i++) {
      apply->connections[i].confirming = apply->connections[i].written;
      pthread_cond_signal(&apply->connections[i].work);
    }
    ok = wait_idle(apply, &apply->majority_us, error);
    apply->waited_us = waited_us;
  }
  apply->alone = false;
  pthread_mutex_unlock(&apply->shared.lock);
  for (int i = 0; ok && i < apply->started; i++) {
    batch_move(&apply->again, &apply->connections[i].again);
  }
  return ok;
}

struct batch *
apply_gather(struct apply *apply, const char *db, const char *coll, const bson_t *selector, enum apply_order order)
{
  bool dealt = apply->count > 1 && !apply->whole && order != APPLY_CAPPED;
  uint64_t hash = dealt && order == APPLY_DEALT ? batch_hash(selector) : 0;
  apply->current = &apply->connections[dealt ? dealing_place(db, coll, hash, apply->count) : 0];
  apply->current->gathering.hash = hash;
  batch_into(&apply->current->gathering, db, coll);
  return &apply->current->gathering;
}

bool
apply_init(struct apply *apply, const char *target_uri, const struct mark *mark, struct error *error)
{
  struct server_hello hello;
  struct connection *first = &apply->connections[0];
  *apply = (struct apply){.opened = true,
                          .target_uri = memory_string(target_uri),
                          .refused = REFUSED_NONE,
                          .shared = {.mark = mark},
                          .count = 1,
                          .reading = {.lock = PTHREAD_MUTEX_INITIALIZER},
                          .part_entries = PART_ENTRIES};
  pthread_mutex_init(&apply->shared.lock, NULL);
  pthread_cond_init(&apply->shared.done, NULL);
  if (!connection_start(first, &apply->shared, target_uri, error)) {
    return false;
  }
  apply->started = 1;
  first->ready = true;
  if (!server_ask_hello(&first->target, false, &hello, error) || !bulk_init(&apply->bulk, &first->target, error)) {
    return false;
  }
  apply->shared.takes_transactions = hello.wire_version >= (hello.mongos ? WIRE_4_2 : WIRE_4_0);
  return true;
}

void
apply_clear(struct apply *apply)
{
  if (!apply->opened) {
    return;
  }
  for (int i = 0; i < apply->started; i++) {
    connection_clear(&apply->connections[i]);
  }
  pthread_cond_destroy(&apply->shared.done);
  pthread_mutex_destroy(&apply->shared.lock);
  memory_wipe(apply->target_uri);
  batch_clear(&apply->again);
  refused_clear(&apply->refused);
  *apply = (struct apply){0};
}

/* With what the first one has learned of the target. */
static bool
start_next(struct apply *apply, struct error *error)
{
  struct connection *connection = &apply->connections[apply->started];
  const struct server *first = &apply->connections[0].target;
  if (!connection_start(connection, &apply->shared, apply->target_uri, error)) {
    return false;
  }
  connection->target.knows_mongos = first->knows_mongos;
  connection->target.mongos = first->mongos;
  connection->target.probe_refused = first->probe_refused;
  memcpy(connection->target.probe_db, first->probe_db, sizeof first->probe_db);
  apply->started++;
  return true;
}

bool
apply_connect(struct apply *apply, int count, int spare, struct error *error)
{
  bool ok = true;
  int ready = 1;
  int wanted = count + spare > APPLY_CONNECTIONS_MOST ? APPLY_CONNECTIONS_MOST : count + spare;
  while (ok && apply->started < wanted) {
    ok = start_next(apply, error);
  }
  pthread_mutex_lock(&apply->shared.lock);
  for (int i = 1; i < apply->started && i < wanted; i++) {
    struct connection *connection = &apply->connections[i];
    if (!connection->ready && !connection->opening && clock_ms() - connection->tried_ms >= AGAIN_MS) {
      connection->tried_ms = clock_ms();
      connection->opening = true;
      pthread_cond_signal(&connection->work);
    }
  }
  while (ready < apply->started && ready < count && apply->connections[ready].ready) {
    ready++;
  }
  apply->count = ready;
  apply->shared.keep = GATHERED_BYTES / (unsigned)ready;
  pthread_mutex_unlock(&apply->shared.lock);
  return ok;
}

struct histogram
apply_batches(struct apply *apply)
{
  pthread_mutex_lock(&apply->shared.lock);
  struct histogram batches = apply->shared.batches;
  pthread_mutex_unlock(&apply->shared.lock);
  return batches;
}

bool
apply_judge_capped(struct apply *apply, uint64_t complete, struct error *error)
{
  struct connection *first = &apply->connections[0];
  return capped_judge(&first->capped, &first->target, complete, &apply->again, error);
}

bool
apply_capped_waits(const struct apply *apply)
{
  return apply->connections[0].capped.pending.count > 0;
}

bool
apply_take_refused(struct apply *apply, bson_t *list)
{
  bson_init(list);
  for (int i = 0; i < apply->started; i++) {
    bson_t *reports = &apply->connections[i].reports;
    bson_iter_t iter;
    for (bson_iter_init(&iter, reports); bson_iter_next(&iter);) {
      bson_append_iter(list, NULL, -1, &iter);
    }
    bson_reinit(reports);
  }
  if (bson_empty(list)) {
    bson_destroy(list);
    return false;
  }
  return true;
}

void
apply_forget(struct apply *apply)
{
  struct error ignored;
  int64_t counted_us = 0;
  pthread_mutex_lock(&apply->shared.lock);
  wait_idle(apply, &counted_us, &ignored);
  apply->shared.failed = apply->whole = apply->alone = false;
  apply->count = 1;
  for (int i = 0; i < apply->started; i++) {
    struct connection *connection = &apply->connections[i];
    connection->ready = i == 0;
    connection->written = false;
    connection->tried_ms = 0;
    batch_empty(&connection->gathering);
    batch_empty(&connection->again);
  }
  pthread_mutex_unlock(&apply->shared.lock);
  batch_empty(&apply->again);
  capped_forget(&apply->connections[0].capped);
}
