/*
 * The floor of many small collections: what the servers take for them, with nobody between. N connections a side share
 * the collections; each lists one's indexes and reads it whole, then sends create, insert and createIndexes, the
 * unique index by itself. All writes wait for the majority. One JSON line on stdout.
 *
 *   collections_floor SOURCE_URI TARGET_URI DATABASE CONNECTIONS COLLECTIONS
 *
 * The collections are c0, c1, ...; their indexes are k_1 and, unique, u_1.
 */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CONNECTIONS = 64 };

struct share {
  const char *database;
  mongoc_client_t *source;
  mongoc_client_t *target;
  pthread_t thread;
  int index;
  int connections;
  int collections;
};

static void
require(bool ok, const bson_error_t *error)
{
  if (!ok) {
    fprintf(stderr, "collections_floor: %s\n", error->message);
    exit(1);
  }
}

/* Sends and destroys the command. */
static void
run(mongoc_client_t *client, const char *database, bson_t *command, bson_t *reply)
{
  bson_error_t error;
  require(mongoc_client_command_simple(client, database, command, NULL, reply, &error), &error);
  bson_destroy(command);
}

static mongoc_client_t *
client_open(const char *uri)
{
  mongoc_client_t *client = mongoc_client_new(uri);
  if (!client) {
    fprintf(stderr, "collections_floor: not a URI: %s\n", uri);
    exit(1);
  }
  run(client, "admin", BCON_NEW("ping", BCON_INT32(1)), NULL);
  return client;
}

#define MAJORITY "writeConcern", "{", "w", "majority", "}"

static void
create_index(const struct share *share, const char *name, const char *field, bool unique)
{
  char index[8];
  snprintf(index, sizeof index, "%s_1", field);
  run(share->target, share->database,
      BCON_NEW("createIndexes", BCON_UTF8(name), "indexes", "[", "{", "key", "{", field, BCON_INT32(1), "}", "name",
               BCON_UTF8(index), "unique", BCON_BOOL(unique), "}", "]", MAJORITY),
      NULL);
}

static void
copy_one(const struct share *share, const char *name)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t batch;
  run(share->source, share->database, BCON_NEW("listIndexes", BCON_UTF8(name)), NULL);
  run(share->source, share->database, BCON_NEW("find", BCON_UTF8(name)), &reply);
  run(share->target, share->database, BCON_NEW("create", BCON_UTF8(name), MAJORITY), NULL);
  bson_iter_init(&iter, &reply);
  if (bson_iter_find_descendant(&iter, "cursor.firstBatch", &batch)) {
    bson_t *insert = BCON_NEW("insert", BCON_UTF8(name), "ordered", BCON_BOOL(false), MAJORITY);
    BSON_APPEND_VALUE(insert, "documents", bson_iter_value(&batch));
    run(share->target, share->database, insert, NULL);
  }
  bson_destroy(&reply);
  create_index(share, name, "k", false);
  create_index(share, name, "u", true);
}

static void *
copy_share(void *argument)
{
  const struct share *share = argument;
  for (int i = share->index; i < share->collections; i += share->connections) {
    char name[24];
    snprintf(name, sizeof name, "c%d", i);
    copy_one(share, name);
  }
  return NULL;
}

int
main(int argc, char **argv)
{
  struct share shares[MAX_CONNECTIONS];
  int connections = argc == 6 ? atoi(argv[4]) : 0;
  if (connections < 1 || connections > MAX_CONNECTIONS) {
    fprintf(stderr, "usage: collections_floor SOURCE_URI TARGET_URI DATABASE CONNECTIONS COLLECTIONS\n");
    return 2;
  }
  mongoc_init();
  for (int i = 0; i < connections; i++) {
    shares[i] = (struct share){.database = argv[3],
                               .source = client_open(argv[1]),
                               .target = client_open(argv[2]),
                               .index = i,
                               .connections = connections,
                               .collections = atoi(argv[5])};
  }
  int64_t begun_us = bson_get_monotonic_time();
  for (int i = 0; i < connections; i++) {
    if (pthread_create(&shares[i].thread, NULL, copy_share, &shares[i]) != 0) {
      fputs("collections_floor: cannot start a thread\n", stderr);
      return 1;
    }
  }
  for (int i = 0; i < connections; i++) {
    pthread_join(shares[i].thread, NULL);
  }
  printf("{\"seconds\": %.3f}\n", (double)(bson_get_monotonic_time() - begun_us) / 1e6);
  for (int i = 0; i < connections; i++) {
    mongoc_client_destroy(shares[i].source);
    mongoc_client_destroy(shares[i].target);
  }
  mongoc_cleanup();
  return 0;
}
