#include "server/floor.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"

#define BULK_BYTES (16 * 1000 * 1000)
#define BULK_DOCUMENTS (100 * 1000)
#define SPLIT_DOCUMENTS 1000 /* a collection of fewer is not split */

/* A part of a collection, in _id order. */
struct part {
  const char *collection;
  bson_t *min; /* {_id}; NULL: open */
  bson_t *max;
};

/* A bulk and what it holds; the list is one inserter's work, in memory before the clock starts. */
struct bulk {
  struct bulk *next;
  mongoc_bulk_operation_t *operation;
};

/* The bulk that is being filled. */
struct filling {
  struct bulk *bulk;
  const char *collection;
  int64_t bytes;
  int64_t documents;
};

struct floor_run;

/* One connection. */
struct side {
  const struct floor_run *run;
  struct server server;
  int index;
  struct bulk *bulks;
  struct filling filling;
  pthread_t thread;
  int64_t documents;
  int64_t bytes;
  int64_t began_us;
  int64_t ended_us;
  bool failed;
  struct error error;
};

struct floor_run {
  const struct floor_plan *plan;
  struct part *parts; /* of connection k: those whose number modulo `connections` is k */
  size_t part_count;
  size_t part_capacity;
  pthread_barrier_t start;
  struct side readers[FLOOR_CONNECTIONS_MOST];
  struct side inserters[FLOOR_CONNECTIONS_MOST];
};

static bool
stopped(const struct floor_run *run)
{
  return run->plan->stop && atomic_load(run->plan->stop);
}

static bool
was_stopped(struct error *error)
{
  return error_set(error, ERROR_INTERRUPTED, "stopped by a signal");
}

static void
add_part(struct floor_run *run, const char *collection, bson_t *min, bson_t *max)
{
  run->parts = memory_grow(run->parts, run->part_count, &run->part_capacity, sizeof *run->parts);
  run->parts[run->part_count++] = (struct part){collection, min ? bson_copy(min) : NULL, max ? bson_copy(max) : NULL};
}

/* The {_id} of the document at this place of the index. NULL with `error`: it could not be found. */
static bson_t *
find_bound(struct server *source, const struct floor_plan *plan, const char *name, int64_t skip, struct error *error)
{
  mongoc_cursor_t *cursor;
  const bson_t *document = NULL;
  bson_error_t cause;
  bson_t *bound = NULL;
  bson_t *command =
    BCON_NEW("find", BCON_UTF8(name), "sort", "{", "_id", BCON_INT32(1), "}", "projection", "{", "_id", BCON_INT32(1),
             "}", "skip", BCON_INT64(skip), "limit", BCON_INT32(1), "singleBatch", BCON_BOOL(true));
  if (server_ask_cursor(source, plan->db, command, &cursor, error)) {
    if (mongoc_cursor_next(cursor, &document)) {
      bound = bson_copy(document);
    } else if (mongoc_cursor_error(cursor, &cause)) {
      server_error(source, &cause, error);
    } else {
      error_set(error, source->kind, "%s.%s has fewer documents than it said", plan->db, name);
    }
  }
  mongoc_cursor_destroy(cursor);
  bson_destroy(command);
  return bound;
}

static bool
split(struct floor_run *run, struct server *source, const char *name, struct error *error)
{
  const struct floor_plan *plan = run->plan;
  bson_error_t cause;
  mongoc_collection_t *collection = mongoc_client_get_collection(source->client, plan->db, name);
  int64_t documents = mongoc_collection_estimated_document_count(collection, NULL, NULL, NULL, &cause);
  mongoc_collection_destroy(collection);
  if (documents < 0) {
    return server_error(source, &cause, error);
  }
  int parts = documents < SPLIT_DOCUMENTS ? 1 : plan->connections;
  bson_t *min = NULL;
  bool ok = true;
  for (int i = 1; ok && i <= parts; i++) {
    bson_t *max = i < parts ? find_bound(source, plan, name, documents * i / parts, error) : NULL;
    ok = i == parts || max;
    if (ok) {
      add_part(run, name, min, max);
    }
    bson_destroy(min);
    min = max;
  }
  bson_destroy(min);
  return ok;
}

static bool
split_all(struct floor_run *run, struct error *error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < run->plan->collection_count; i++) {
    ok = split(run, &run->readers[0].server, run->plan->collections[i], error);
  }
  return ok;
}

static bool
open_part(struct server *source, const struct floor_run *run, const struct part *part, mongoc_cursor_t **cursor,
          struct error *error)
{
  bson_t *command = BCON_NEW("find", BCON_UTF8(part->collection), "hint", "{", "_id", BCON_INT32(1), "}", "batchSize",
                             BCON_INT32(BULK_DOCUMENTS));
  if (part->min) {
    BSON_APPEND_DOCUMENT(command, "min", part->min);
  }
  if (part->max) {
    BSON_APPEND_DOCUMENT(command, "max", part->max);
  }
  bool ok = server_ask_cursor(source, run->plan->db, command, cursor, error);
  bson_destroy(command);
  return ok;
}

/* Called for each document; `error` is set if it says false. */
typedef bool (*take_document)(struct side *side, const struct part *part, const bson_t *document, struct error *error);

/* Reads the parts of connection `side->index` from `source`. */
static bool
read_parts(struct side *side, struct server *source, take_document take, struct error *error)
{
  const struct floor_run *run = side->run;
  bool ok = true;
  for (size_t i = (size_t)side->index; ok && i < run->part_count; i += (size_t)run->plan->connections) {
    mongoc_cursor_t *cursor;
    const bson_t *document;
    bson_error_t cause;
    ok = open_part(source, run, &run->parts[i], &cursor, error);
    while (ok && mongoc_cursor_next(cursor, &document)) {
      ok = take(side, &run->parts[i], document, error);
      if (stopped(run)) {
        ok = was_stopped(error);
      }
    }
    ok = ok && (!mongoc_cursor_error(cursor, &cause) || server_error(source, &cause, error));
    mongoc_cursor_destroy(cursor);
  }
  return ok;
}

static bool
count_document(struct side *side, const struct part *part, const bson_t *document, struct error *error)
{
  (void)part;
  (void)error;
  side->documents++;
  side->bytes += document->len;
  return true;
}

static void *
read_side(void *context)
{
  struct side *side = context;
  pthread_barrier_wait((pthread_barrier_t *)&side->run->start);
  side->began_us = bson_get_monotonic_time();
  side->failed = !read_parts(side, &side->server, count_document, &side->error);
  side->ended_us = bson_get_monotonic_time();
  return NULL;
}

static void
begin_bulk(struct side *side, const char *name)
{
  struct filling *filling = &side->filling;
  struct bulk *bulk = memory_new(sizeof *bulk);
  bson_t *options = BCON_NEW("ordered", BCON_BOOL(false));
  mongoc_collection_t *collection = mongoc_client_get_collection(side->server.client, side->run->plan->db, name);
  bulk->operation = mongoc_collection_create_bulk_operation_with_opts(collection, options);
  mongoc_bulk_operation_set_bypass_document_validation(bulk->operation, true);
  mongoc_collection_destroy(collection);
  bson_destroy(options);
  if (filling->bulk) {
    filling->bulk->next = bulk;
  } else {
    side->bulks = bulk;
  }
  *filling = (struct filling){.bulk = bulk, .collection = name};
}

static bool
add_document(struct side *side, const struct part *part, const bson_t *document, struct error *error)
{
  struct filling *filling = &side->filling;
  (void)error;
  if (!filling->bulk || filling->collection != part->collection || filling->documents == BULK_DOCUMENTS ||
      filling->bytes + (int64_t)document->len > BULK_BYTES) {
    begin_bulk(side, part->collection);
  }
  mongoc_bulk_operation_insert(filling->bulk->operation, document);
  filling->bytes += document->len;
  filling->documents++;
  side->documents++;
  side->bytes += document->len;
  return true;
}

/* Reads the side's parts of the source into bulks for the target; the very last one waits for the majority. */
static bool
build_bulks(struct side *side, struct server *source, struct error *error)
{
  if (!read_parts(side, source, add_document, error)) {
    return false;
  }
  if (side->filling.bulk) {
    mongoc_write_concern_t *majority = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(majority, 0);
    mongoc_bulk_operation_set_write_concern(side->filling.bulk->operation, majority);
    mongoc_write_concern_destroy(majority);
  }
  return true;
}

static void *
insert_side(void *context)
{
  struct side *side = context;
  bson_error_t cause;
  pthread_barrier_wait((pthread_barrier_t *)&side->run->start);
  side->began_us = bson_get_monotonic_time();
  for (struct bulk *bulk = side->bulks; bulk && !side->failed; bulk = bulk->next) {
    side->failed = stopped(side->run) ? !was_stopped(&side->error)
                                      : !mongoc_bulk_operation_execute(bulk->operation, NULL, &cause) &&
                                          !server_error(&side->server, &cause, &side->error);
  }
  side->ended_us = bson_get_monotonic_time();
  return NULL;
}

static void
clear_side(struct side *side)
{
  while (side->bulks) {
    struct bulk *bulk = side->bulks;
    side->bulks = bulk->next;
    mongoc_bulk_operation_destroy(bulk->operation);
    free(bulk);
  }
  server_close(&side->server);
}

static double
seconds(const struct side *sides, int count)
{
  int64_t began = sides[0].began_us;
  int64_t ended = sides[0].ended_us;
  for (int i = 1; i < count; i++) {
    began = sides[i].began_us < began ? sides[i].began_us : began;
    ended = sides[i].ended_us > ended ? sides[i].ended_us : ended;
  }
  return (double)(ended - began) / 1e6;
}

static bool
open_sides(struct floor_run *run, struct error *error)
{
  const struct floor_plan *plan = run->plan;
  struct server_hello hello;
  bool ok = true;
  for (int i = 0; ok && i < plan->connections; i++) {
    run->readers[i].run = run->inserters[i].run = run;
    run->readers[i].index = run->inserters[i].index = i;
    ok = server_open(&run->readers[i].server, ERROR_SOURCE, plan->source_uri, true, error) &&
         server_open(&run->inserters[i].server, ERROR_TARGET, plan->target_uri, true, error) &&
         server_ask_hello(&run->readers[i].server, false, &hello, error) &&
         server_ask_hello(&run->inserters[i].server, false, &hello, error);
  }
  return ok;
}

/* The threads that were started begin together. If one could not be, the process cannot go on measuring. */
static bool
run_threads(struct floor_run *run, struct error *error)
{
  int count = run->plan->connections;
  pthread_barrier_init(&run->start, NULL, (unsigned)count * 2);
  for (int i = 0; i < count; i++) {
    if (pthread_create(&run->readers[i].thread, NULL, read_side, &run->readers[i]) != 0 ||
        pthread_create(&run->inserters[i].thread, NULL, insert_side, &run->inserters[i]) != 0) {
      /* those that wait at the barrier would wait for ever */
      fputs("cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)\n", stderr);
      _exit(error_exit_status(ERROR_INTERNAL));
    }
  }
  const struct side *failed = NULL;
  for (int i = 0; i < count; i++) {
    pthread_join(run->readers[i].thread, NULL);
    pthread_join(run->inserters[i].thread, NULL);
    failed = run->readers[i].failed ? &run->readers[i] : run->inserters[i].failed ? &run->inserters[i] : failed;
  }
  pthread_barrier_destroy(&run->start);
  if (failed) {
    *error = failed->error;
  }
  return !failed;
}

static bool
sum_up(const struct floor_run *run, struct floor_result *result, struct error *error)
{
  int count = run->plan->connections;
  *result = (struct floor_result){.read_s = seconds(run->readers, count), .insert_s = seconds(run->inserters, count)};
  result->seconds = result->read_s > result->insert_s ? result->read_s : result->insert_s;
  for (int i = 0; i < count; i++) {
    if (run->readers[i].documents != run->inserters[i].documents) {
      return error_set(error, ERROR_SOURCE, "connection %d read %lld documents and inserted %lld: the data changes", i,
                       (long long)run->readers[i].documents, (long long)run->inserters[i].documents);
    }
    result->documents += run->inserters[i].documents;
    result->bytes += run->inserters[i].bytes;
  }
  return true;
}

bool
floor_run(const struct floor_plan *plan, struct floor_result *result, struct error *error)
{
  struct floor_run *run = memory_new(sizeof *run);
  run->plan = plan;
  bool ok = open_sides(run, error) && split_all(run, error);
  for (int i = 0; ok && i < plan->connections; i++) {
    ok = build_bulks(&run->inserters[i], &run->readers[i].server, error);
  }
  ok = ok && run_threads(run, error) && sum_up(run, result, error);
  for (int i = 0; i < plan->connections; i++) {
    clear_side(&run->readers[i]);
    clear_side(&run->inserters[i]);
  }
  for (size_t i = 0; i < run->part_count; i++) {
    bson_destroy(run->parts[i].min);
    bson_destroy(run->parts[i].max);
  }
  free(run->parts);
  free(run);
  return ok;
}
