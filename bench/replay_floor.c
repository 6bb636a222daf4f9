/*
 * The floor of a replay: the source's writes behind a timestamp, read and decoded beforehand, sent to the target with
 * the driver's ordered bulks over one connection. One JSON line on stdout.
 *
 *   replay_floor SOURCE_URI TARGET_URI SECONDS INCREMENT OPERATIONS_A_BULK
 */
#include <stdio.h>
#include <stdlib.h>

#include "applier/oplog/entry.h"
#include "base/clock.h"
#include "base/memory.h"
#include "target/replay/delta.h"

struct operation {
  enum apply_kind kind;
  char *ns;
  bson_t *selector;
  bson_t *change;
};

struct operations {
  struct operation *items;
  size_t count;
  size_t capacity;
};

static void
require(bool ok, const struct error *error)
{
  if (!ok) {
    fprintf(stderr, "replay_floor: %s\n", error->text);
    exit(1);
  }
}

/* A real server's delta: what it sets and adds at the top is all that the workloads do. */
static void
put_fields(const bson_t *diff, bson_t *modifiers)
{
  bson_iter_t section;
  bson_iter_t field;
  bson_t set;
  BSON_APPEND_DOCUMENT_BEGIN(modifiers, "$set", &set);
  for (bson_iter_init(&section, diff); bson_iter_next(&section);) {
    for (bson_iter_recurse(&section, &field); bson_iter_next(&field);) {
      bson_append_iter(&set, NULL, 0, &field);
    }
  }
  bson_append_document_end(modifiers, &set);
}

static void
find_diff(const struct entry *entry, bson_t *diff)
{
  bson_iter_t iter;
  const uint8_t *bytes = NULL;
  uint32_t size = 0;
  bson_iter_init_find(&iter, &entry->o, "diff");
  bson_iter_document(&iter, &size, &bytes);
  bson_init_static(diff, bytes, size);
}

/* What is sent for an update: without $v, and both forms of a diff as modifiers. */
static bson_t *
modifiers_of(const struct entry *entry)
{
  bson_t *modifiers = bson_new();
  bson_t diff;
  if (entry->kind == ENTRY_WRITE && entry->write == APPLY_DELTA) {
    find_diff(entry, &diff);
    put_fields(&diff, modifiers);
  } else if (entry->kind == ENTRY_DIFF) {
    struct error error;
    bson_t truncations;
    find_diff(entry, &diff);
    bson_destroy(modifiers);
    modifiers = memory_new(sizeof *modifiers);
    require(delta_to_modifiers(&diff, &truncations, modifiers, &error), &error);
    bson_destroy(&truncations);
  } else {
    bson_copy_to_excluding_noinit(&entry->o, modifiers, "$v", NULL);
  }
  return modifiers;
}

static void
read_operations(struct operations *operations, const char *uri, uint64_t from)
{
  struct error error;
  struct reader reader;
  struct oplog_cursor *cursor;
  struct optime start = {.ts = from, .term = -1};
  bson_t first;
  const bson_t *document;
  int got;
  require(reader_open(&reader, uri, true, &error), &error);
  got = oplog_find(&reader, from, &first, &error);
  require(got == 1 || (got == 0 && error_set(&error, ERROR_OPLOG, "no entry with that timestamp")), &error);
  start = optime_of(&first);
  bson_destroy(&first);
  require(oplog_open(&cursor, &reader, &start, &error), &error);
  while ((got = oplog_next(cursor, &document, &error)) == 1) {
    struct entry entry;
    require(entry_read(&entry, document, oplog_given(cursor).ts, &error), &error);
    if (entry.kind == ENTRY_WRITE || entry.kind == ENTRY_DIFF) {
      operations->items =
        memory_grow(operations->items, operations->count, &operations->capacity, sizeof *operations->items);
      bool modify = entry.kind == ENTRY_DIFF || entry.write == APPLY_MODIFY || entry.write == APPLY_DELTA;
      operations->items[operations->count++] =
        (struct operation){.kind = modify ? APPLY_MODIFY : entry.write,
                           .ns = memory_format("%s.%s", entry.db, entry.coll),
                           .selector = bson_copy(&entry.id),
                           .change = modify ? modifiers_of(&entry) : bson_copy(&entry.o)};
    }
    entry_clear(&entry);
  }
  require(got == 0, &error);
  oplog_free(cursor);
  reader_close(&reader);
}

static void
add(mongoc_bulk_operation_t *bulk, const struct operation *operation)
{
  switch (operation->kind) {
  case APPLY_INSERT:
    mongoc_bulk_operation_insert(bulk, operation->change);
    break;
  case APPLY_DELETE:
    mongoc_bulk_operation_remove_one(bulk, operation->selector);
    break;
  case APPLY_REPLACE:
    mongoc_bulk_operation_replace_one(bulk, operation->selector, operation->change, false);
    break;
  default:
    mongoc_bulk_operation_update_one(bulk, operation->selector, operation->change, false);
  }
}

/* Consecutive ones of one namespace, `most` of them at most. */
static size_t
send_bulk(mongoc_client_t *client, const struct operations *operations, size_t from, size_t most)
{
  bson_error_t cause;
  const char *ns = operations->items[from].ns;
  const char *dot = strchr(ns, '.');
  char *db = memory_format("%.*s", (int)(dot - ns), ns);
  mongoc_collection_t *collection = mongoc_client_get_collection(client, db, dot + 1);
  mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, NULL);
  mongoc_bulk_operation_set_bypass_document_validation(bulk, true);
  size_t at = from;
  while (at < operations->count && at - from < most && strcmp(operations->items[at].ns, ns) == 0) {
    add(bulk, &operations->items[at++]);
  }
  if (!mongoc_bulk_operation_execute(bulk, NULL, &cause)) {
    fprintf(stderr, "replay_floor: %s\n", cause.message);
    exit(1);
  }
  mongoc_bulk_operation_destroy(bulk);
  mongoc_collection_destroy(collection);
  free(db);
  return at;
}

int
main(int argc, char **argv)
{
  struct operations operations = {0};
  if (argc != 6) {
    fputs("usage: replay_floor SOURCE_URI TARGET_URI SECONDS INCREMENT OPERATIONS_A_BULK\n", stderr);
    return 2;
  }
  mongoc_init();
  read_operations(&operations, argv[1], strtoull(argv[3], NULL, 10) << 32 | strtoull(argv[4], NULL, 10));
  mongoc_client_t *client = mongoc_client_new(argv[2]);
  int64_t begun = clock_ms();
  for (size_t at = 0; at < operations.count;) {
    at = send_bulk(client, &operations, at, strtoull(argv[5], NULL, 10));
  }
  printf("{\"operations\": %zu, \"seconds\": %.3f}\n", operations.count, (double)(clock_ms() - begun) / 1000);
  mongoc_client_destroy(client);
  mongoc_cleanup();
  return 0; /* the system takes the memory back */
}
