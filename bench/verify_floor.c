/*
 * The floor of a verification: N bare connections read the source and throw the documents away, while N others read the
 * target, all at once. One JSON line on stdout.
 *
 *   verify_floor SOURCE_URI TARGET_URI DATABASE COLLECTION CONNECTIONS
 *
 * A collection of n documents has the _ids 0 to n-1; connection k of N takes the k-th part.
 */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CONNECTIONS = 64 };

struct part {
  mongoc_client_t *client;
  const char *database;
  const char *collection;
  int64_t first;
  int64_t end;
  int64_t docs;
  int64_t bytes;
  pthread_barrier_t *start;
  pthread_t thread;
};

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  fputs("verify_floor: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

static int64_t
count(mongoc_client_t *client, const char *database, const char *name)
{
  bson_error_t error;
  mongoc_collection_t *collection = mongoc_client_get_collection(client, database, name);
  int64_t documents = mongoc_collection_estimated_document_count(collection, NULL, NULL, NULL, &error);
  mongoc_collection_destroy(collection);
  if (documents < 0) {
    die("%s", error.message);
  }
  return documents;
}

/* As a worker of a verification reads: by the bounds of the index, in its order. */
static void *
read_part(void *argument)
{
  struct part *part = argument;
  const bson_t *document;
  bson_error_t error;
  bson_t nothing = BSON_INITIALIZER;
  mongoc_collection_t *collection = mongoc_client_get_collection(part->client, part->database, part->collection);
  bson_t *options = BCON_NEW("hint", "{", "_id", BCON_INT32(1), "}", "sort", "{", "_id", BCON_INT32(1), "}", "min", "{",
                             "_id", BCON_INT64(part->first), "}", "max", "{", "_id", BCON_INT64(part->end), "}");
  pthread_barrier_wait(part->start);
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, &nothing, options, NULL);
  while (mongoc_cursor_next(cursor, &document)) {
    part->docs++;
    part->bytes += document->len;
  }
  if (mongoc_cursor_error(cursor, &error)) {
    die("reading: %s", error.message);
  }
  mongoc_cursor_destroy(cursor);
  mongoc_collection_destroy(collection);
  bson_destroy(options);
  return NULL;
}

int
main(int argc, char **argv)
{
  static struct part parts[2 * MAX_CONNECTIONS];
  pthread_barrier_t start;
  int connections = argc == 6 ? atoi(argv[5]) : 0;
  if (connections < 1 || connections > MAX_CONNECTIONS) {
    die("usage: verify_floor SOURCE_URI TARGET_URI DATABASE COLLECTION CONNECTIONS");
  }
  mongoc_init();
  pthread_barrier_init(&start, NULL, (unsigned)(2 * connections + 1));
  for (int i = 0; i < 2 * connections; i++) {
    mongoc_client_t *client = mongoc_client_new(argv[1 + i % 2]);
    int64_t documents = client ? count(client, argv[3], argv[4]) : 0;
    parts[i] = (struct part){.client = client,
                             .database = argv[3],
                             .collection = argv[4],
                             .first = documents * (i / 2) / connections,
                             .end = documents * (i / 2 + 1) / connections,
                             .start = &start};
    if (pthread_create(&parts[i].thread, NULL, read_part, &parts[i]) != 0) {
      die("cannot start a thread");
    }
  }
  pthread_barrier_wait(&start);
  int64_t began_us = bson_get_monotonic_time();
  int64_t docs = 0;
  int64_t bytes = 0;
  for (int i = 0; i < 2 * connections; i++) {
    pthread_join(parts[i].thread, NULL);
    docs += parts[i].docs;
    bytes += parts[i].bytes;
    mongoc_client_destroy(parts[i].client);
  }
  printf("{\"seconds\": %.3f, \"docs\": %lld, \"bytes\": %lld}\n", (double)(bson_get_monotonic_time() - began_us) / 1e6,
         (long long)docs, (long long)bytes);
  pthread_barrier_destroy(&start);
  mongoc_cleanup();
  return 0;
}
