/*
 * The floor of a migration: N bare connections read the source and throw the documents away, while N others insert
 * the same documents from memory into the target, both at once. Its time is the slower side's. One JSON line on stdout.
 *
 *   floor SOURCE_URI TARGET_URI DATABASE CONNECTIONS COLLECTION...
 *
 * A collection of n documents has the _ids 0 to n-1; connection k of N takes the k-th part of each collection.
 */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BULK_BYTES = 16 * 1000 * 1000, BULK_DOCS = 100 * 1000, MAX_CONNECTIONS = 64 };

struct plan {
  const char *database;
  char **collections;
  int collection_count;
  int64_t *docs; /* of each collection */
  int connections;
  pthread_barrier_t start;
};

/* A bulk and what it holds; the list is one inserter's work, in memory before the clock starts. */
struct bulk {
  struct bulk *next;
  mongoc_bulk_operation_t *operation;
};

struct side {
  const struct plan *plan;
  mongoc_client_t *client;
  struct bulk *bulks;
  pthread_t thread;
  int index;
  int64_t docs;
  int64_t bytes;
  int64_t began_us;
  int64_t ended_us;
};

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  fputs("floor: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

static mongoc_client_t *
client_open(const char *uri)
{
  mongoc_client_t *client = mongoc_client_new(uri);
  bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
  bson_error_t error;

  if (!client) {
    die("not a URI: %s", uri);
  }
  if (!mongoc_client_command_simple(client, "admin", ping, NULL, NULL, &error)) {
    die("%s", error.message);
  }
  bson_destroy(ping);
  return client;
}

/* The side's part of collection i, in _id order. */
static mongoc_cursor_t *
part_open(mongoc_collection_t *collection, const struct side *side, int i)
{
  const struct plan *plan = side->plan;
  int64_t first = plan->docs[i] * side->index / plan->connections;
  int64_t end = plan->docs[i] * (side->index + 1) / plan->connections;
  bson_t *filter = BCON_NEW("_id", "{", "$gte", BCON_INT64(first), "$lt", BCON_INT64(end), "}");
  bson_t *options = BCON_NEW("hint", "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT32(BULK_DOCS));
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, options, NULL);

  bson_destroy(filter);
  bson_destroy(options);
  return cursor;
}

static void
part_close(mongoc_cursor_t *cursor)
{
  bson_error_t error;

  if (mongoc_cursor_error(cursor, &error)) {
    die("reading: %s", error.message);
  }
  mongoc_cursor_destroy(cursor);
}

static void *
read_side(void *argument)
{
  struct side *side = argument;
  struct plan *plan = (struct plan *)side->plan;

  pthread_barrier_wait(&plan->start);
  side->began_us = bson_get_monotonic_time();
  for (int i = 0; i < plan->collection_count; i++) {
    mongoc_collection_t *collection = mongoc_client_get_collection(side->client, plan->database, plan->collections[i]);
    mongoc_cursor_t *cursor = part_open(collection, side, i);
    const bson_t *doc;

    while (mongoc_cursor_next(cursor, &doc)) {
      side->docs++;
      side->bytes += doc->len;
    }
    part_close(cursor);
    mongoc_collection_destroy(collection);
  }
  side->ended_us = bson_get_monotonic_time();
  return NULL;
}

static struct bulk *
bulk_add(struct side *side, mongoc_collection_t *collection, struct bulk ***tail)
{
  bson_t *options = BCON_NEW("ordered", BCON_BOOL(false));
  struct bulk *bulk = calloc(1, sizeof *bulk);

  if (!bulk) {
    die("out of memory");
  }
  bulk->operation = mongoc_collection_create_bulk_operation_with_opts(collection, options);
  mongoc_bulk_operation_set_bypass_document_validation(bulk->operation, true);
  bson_destroy(options);
  **tail = bulk;
  *tail = &bulk->next;
  side->bulks = side->bulks ? side->bulks : bulk;
  return bulk;
}

/* Reads the side's part of the source into bulks for the target; the very last one waits for the majority. */
static void
bulks_build(struct side *side, mongoc_client_t *source)
{
  const struct plan *plan = side->plan;
  struct bulk **tail = &side->bulks;
  struct bulk *bulk = NULL;
  mongoc_write_concern_t *majority = mongoc_write_concern_new();

  for (int i = 0; i < plan->collection_count; i++) {
    mongoc_collection_t *from = mongoc_client_get_collection(source, plan->database, plan->collections[i]);
    mongoc_collection_t *to = mongoc_client_get_collection(side->client, plan->database, plan->collections[i]);
    mongoc_cursor_t *cursor = part_open(from, side, i);
    int64_t bytes = BULK_BYTES;
    int docs = 0;
    const bson_t *doc;

    while (mongoc_cursor_next(cursor, &doc)) {
      if (!bulk || bytes + doc->len > BULK_BYTES || docs == BULK_DOCS) {
        bulk = bulk_add(side, to, &tail);
        bytes = docs = 0;
      }
      mongoc_bulk_operation_insert(bulk->operation, doc);
      bytes += doc->len;
      side->bytes += doc->len;
      side->docs++;
      docs++;
    }
    part_close(cursor);
    mongoc_collection_destroy(from);
    mongoc_collection_destroy(to);
  }
  mongoc_write_concern_set_wmajority(majority, 0);
  if (bulk) {
    mongoc_bulk_operation_set_write_concern(bulk->operation, majority);
  }
  mongoc_write_concern_destroy(majority);
}

static void *
insert_side(void *argument)
{
  struct side *side = argument;
  struct plan *plan = (struct plan *)side->plan;
  bson_error_t error;

  pthread_barrier_wait(&plan->start);
  side->began_us = bson_get_monotonic_time();
  for (struct bulk *bulk = side->bulks; bulk; bulk = bulk->next) {
    if (!mongoc_bulk_operation_execute(bulk->operation, NULL, &error)) {
      die("inserting: %s", error.message);
    }
  }
  side->ended_us = bson_get_monotonic_time();
  return NULL;
}

static void
side_clear(struct side *side)
{
  while (side->bulks) {
    struct bulk *bulk = side->bulks;

    side->bulks = bulk->next;
    mongoc_bulk_operation_destroy(bulk->operation);
    free(bulk);
  }
  mongoc_client_destroy(side->client);
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

static void
report(const struct side *readers, const struct side *inserters, int count)
{
  double read_s = seconds(readers, count);
  double insert_s = seconds(inserters, count);
  int64_t docs = 0;
  int64_t bytes = 0;

  for (int i = 0; i < count; i++) {
    if (readers[i].docs != inserters[i].docs) {
      die("connection %d read %" PRId64 " documents and inserted %" PRId64, i, readers[i].docs, inserters[i].docs);
    }
    docs += inserters[i].docs;
    bytes += inserters[i].bytes;
  }
  printf("{\"docs\": %" PRId64 ", \"bytes\": %" PRId64 ", \"read_s\": %.4f, \"insert_s\": %.4f, \"seconds\": %.4f}\n",
         docs, bytes, read_s, insert_s, read_s > insert_s ? read_s : insert_s);
}

static int64_t *
count(const struct plan *plan, const char *source_uri)
{
  mongoc_client_t *client = client_open(source_uri);
  int64_t *docs = calloc((size_t)plan->collection_count, sizeof *docs);
  bson_error_t error;

  if (!docs) {
    die("out of memory");
  }
  for (int i = 0; i < plan->collection_count; i++) {
    mongoc_collection_t *collection = mongoc_client_get_collection(client, plan->database, plan->collections[i]);
    docs[i] = mongoc_collection_estimated_document_count(collection, NULL, NULL, NULL, &error);
    if (docs[i] < 0) {
      die("counting: %s", error.message);
    }
    mongoc_collection_destroy(collection);
  }
  mongoc_client_destroy(client);
  return docs;
}

static void
run(struct plan *plan, const char *source_uri, const char *target_uri)
{
  struct side readers[MAX_CONNECTIONS] = {0};
  struct side inserters[MAX_CONNECTIONS] = {0};

  plan->docs = count(plan, source_uri);
  for (int i = 0; i < plan->connections; i++) {
    readers[i] = (struct side){.plan = plan, .index = i, .client = client_open(source_uri)};
    inserters[i] = (struct side){.plan = plan, .index = i, .client = client_open(target_uri)};
    bulks_build(&inserters[i], readers[i].client);
  }
  pthread_barrier_init(&plan->start, NULL, (unsigned)plan->connections * 2);
  for (int i = 0; i < plan->connections; i++) {
    if (pthread_create(&readers[i].thread, NULL, read_side, &readers[i]) ||
        pthread_create(&inserters[i].thread, NULL, insert_side, &inserters[i])) {
      die("cannot start a thread");
    }
  }
  for (int i = 0; i < plan->connections; i++) {
    pthread_join(readers[i].thread, NULL);
    pthread_join(inserters[i].thread, NULL);
  }
  report(readers, inserters, plan->connections);
  for (int i = 0; i < plan->connections; i++) {
    side_clear(&readers[i]);
    side_clear(&inserters[i]);
  }
  pthread_barrier_destroy(&plan->start); /* NOLINT(clang-analyzer-unix.Malloc): side_clear freed them */
  free(plan->docs);
}

int
main(int argc, char **argv)
{
  struct plan plan = {0};

  if (argc < 6) {
    die("usage: floor SOURCE_URI TARGET_URI DATABASE CONNECTIONS COLLECTION...");
  }
  plan.database = argv[3];
  plan.connections = atoi(argv[4]);
  plan.collections = argv + 5;
  plan.collection_count = argc - 5;
  if (plan.connections < 1 || plan.connections > MAX_CONNECTIONS) {
    die("1 to %d connections", MAX_CONNECTIONS);
  }
  mongoc_init();
  run(&plan, argv[1], argv[2]);
  mongoc_cleanup();
  return 0;
}
