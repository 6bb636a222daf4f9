#include "source/legacy/legacy.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "source/legacy/members.h"

#define AWAIT_MS 1000
#define POLL_MS 50
#define EMPTY_MOST 1000 /* batches without a document, one after another, of a cursor that does not wait for any */

struct legacy {
  struct server side; /* for errors */
  struct members members;
  bool patient;
  struct link *link;   /* NULL: to be connected */
  uint64_t generation; /* of the connection */
  int wire_version;
  bool majority;
  struct link_reply reply; /* of commands */
};

struct legacy_cursor {
  struct legacy *legacy;
  uint64_t generation; /* of the connection on which it was opened */
  char *db;
  char *ns;        /* for OP_GET_MORE; the server may name another one */
  bson_t *request; /* the query, or the command that makes the cursor */
  bson_t *fields;
  int32_t flags;
  int32_t skip;
  int32_t number;  /* see wire_query */
  int64_t left;    /* how many documents may still come; INT64_MAX: any */
  bool by_command; /* the first batch comes by a command */
  bool tailable;
  bool opened;
  int64_t id;
  struct link_reply reply;
  bson_iter_t batch; /* of a command's reply */
  bson_t document;
};

static bool
connected(struct legacy *legacy, struct error *error)
{
  struct server_hello hello;
  if (legacy->link && !legacy->link->broken) {
    return true;
  }
  link_close(legacy->link);
  legacy->link = NULL;
  if (!members_connect(&legacy->members, legacy->patient, &legacy->link, &hello, error)) {
    return false;
  }
  legacy->generation++;
  legacy->wire_version = hello.wire_version;
  return true;
}

/* The member is no primary any more, or shuts down. The next call looks for another one. */
static bool
lost(struct legacy *legacy, const struct error *error)
{
  static const int64_t codes[] = {91, 189, 10058, 10107, 11600, 11602, 13435, 13436};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    if (error->code == codes[i]) {
      legacy->link->broken = true;
    }
  }
  return false;
}

/* As the driver does: a command that only reads is tried once more if the connection turns out to be broken. */
static bool
is_to_try(const struct legacy *legacy, int attempt)
{
  return attempt == 0 || (attempt == 1 && legacy->link && legacy->link->broken);
}

/* Whether a find may ask for what a majority holds. Only a server that was started for that takes it. */
static void
ask_majority(struct legacy *legacy)
{
  struct error ignored;
  bson_t *command = BCON_NEW("find", BCON_UTF8("oplog.rs"), "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
                             "readConcern", "{", "level", BCON_UTF8("majority"), "}");
  legacy->majority = legacy->wire_version >= WIRE_3_2 && legacy_command(legacy, "local", command, NULL, &ignored);
  bson_destroy(command);
}

bool
legacy_open(struct legacy **legacy, const struct server *side, const char *uri, bool patient, struct error *error)
{
  struct legacy *made = memory_new(sizeof *made);
  made->side = *side;
  made->side.client = NULL;
  made->patient = patient;
  if (!members_init(&made->members, &made->side, uri, error) || !connected(made, error)) {
    legacy_close(made);
    return false;
  }
  ask_majority(made);
  *legacy = made;
  return true;
}

void
legacy_close(struct legacy *legacy)
{
  if (legacy) {
    link_close(legacy->link);
    link_reply_clear(&legacy->reply);
    members_clear(&legacy->members);
    free(legacy);
  }
}

bool
legacy_reads_majority(const struct legacy *legacy)
{
  return legacy->majority;
}

bool
legacy_command(void *context, const char *db, const bson_t *command, bson_t *reply, struct error *error)
{
  struct legacy *legacy = context;
  bson_t answer = BSON_INITIALIZER;
  bool ok = false;
  for (int attempt = 0; !ok && is_to_try(legacy, attempt); attempt++) {
    ok = connected(legacy, error) &&
         (link_command(legacy->link, db, command, &legacy->reply, &answer, error) || lost(legacy, error));
  }
  if (reply) {
    bson_copy_to(&answer, reply);
  }
  return ok;
}

static struct legacy_cursor *
cursor_new(struct legacy *legacy, const char *db, bson_t *request)
{
  struct legacy_cursor *cursor = memory_new(sizeof *cursor);
  cursor->legacy = legacy;
  cursor->db = memory_string(db);
  cursor->request = request;
  cursor->left = INT64_MAX;
  return cursor;
}

/* $cmd.sys.inprog and its like are no collections. They take the filter itself, and hang up on anything about it. */
static bool
is_pseudo(const struct find *find)
{
  return strncmp(find->coll, "$cmd.", strlen("$cmd.")) == 0;
}

static void
put_documents(bson_t *to, const struct find *find, bool command)
{
  const struct {
    const char *query;
    const char *command;
    const bson_t *value;
  } documents[] = {{"$query", "filter", find->filter},
                   {"$orderby", "sort", find->sort},
                   {"$hint", "hint", find->hint},
                   {"$min", "min", find->min},
                   {"$max", "max", find->max}};
  bson_t nothing = BSON_INITIALIZER;
  for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
    const bson_t *value = documents[i].value ? documents[i].value : i == 0 ? &nothing : NULL;
    if (value) {
      bson_append_document(to, command ? documents[i].command : documents[i].query, -1, value);
    }
  }
}

/* From 3.2 on: the find command. */
static bson_t *
find_command(const struct legacy *legacy, const struct find *find)
{
  bson_t *command = BCON_NEW("find", BCON_UTF8(find->coll));
  put_documents(command, find, true);
  if (find->projection) {
    BSON_APPEND_DOCUMENT(command, "projection", find->projection);
  }
  if (find->limit) {
    BSON_APPEND_INT64(command, "limit", find->limit);
  }
  if (find->skip) {
    BSON_APPEND_INT64(command, "skip", find->skip);
  }
  if (find->batch_size) {
    BSON_APPEND_INT32(command, "batchSize", find->batch_size);
  }
  if (find->tailable) {
    BSON_APPEND_BOOL(command, "tailable", true);
    BSON_APPEND_BOOL(command, "awaitData", true);
  }
  if (find->oplog) {
    BSON_APPEND_BOOL(command, "oplogReplay", true);
  }
  if (find->majority && legacy->majority) {
    bson_t concern;
    BSON_APPEND_DOCUMENT_BEGIN(command, "readConcern", &concern);
    BSON_APPEND_UTF8(&concern, "level", "majority");
    bson_append_document_end(command, &concern);
  }
  return command;
}

struct legacy_cursor *
legacy_find(struct legacy *legacy, const struct find *find)
{
  bool by_command = legacy->wire_version >= WIRE_3_2;
  struct legacy_cursor *cursor = cursor_new(legacy, find->db, by_command ? find_command(legacy, find) : bson_new());
  cursor->ns = memory_format("%s.%s", find->db, find->coll);
  cursor->by_command = by_command;
  cursor->tailable = find->tailable;
  if (!by_command) {
    if (!is_pseudo(find)) {
      put_documents(cursor->request, find, false);
    } else if (find->filter) {
      bson_concat(cursor->request, find->filter);
    }
    cursor->fields = find->projection ? bson_copy(find->projection) : NULL;
    cursor->flags = (find->tailable ? WIRE_TAILABLE : 0) | (find->oplog ? WIRE_OPLOG_REPLAY : 0);
    cursor->skip = (int32_t)find->skip;
    cursor->left = find->limit ? find->limit : INT64_MAX;
    /* One document and no cursor is -1. A larger limit is only the most that a batch may have. */
    cursor->number = find->limit == 1 ? -1 : find->limit ? (int32_t)find->limit : find->batch_size;
  }
  return cursor;
}

struct legacy_cursor *
legacy_command_cursor(struct legacy *legacy, const char *db, const bson_t *command)
{
  struct legacy_cursor *cursor = cursor_new(legacy, db, bson_copy(command));
  cursor->by_command = true;
  return cursor;
}

void
legacy_cursor_free(struct legacy_cursor *cursor)
{
  if (!cursor) {
    return;
  }
  struct legacy *legacy = cursor->legacy;
  if (cursor->id && legacy_same(cursor)) {
    link_kill_cursor(legacy->link, cursor->id);
  }
  link_reply_clear(&cursor->reply);
  bson_destroy(cursor->request);
  bson_destroy(cursor->fields);
  free(cursor->db);
  free(cursor->ns);
  free(cursor);
}

static bool
no_cursor(const struct legacy_cursor *cursor, struct error *error)
{
  return error_set(error, cursor->legacy->side.kind, "%s: a reply has no cursor in it", cursor->legacy->side.side);
}

/* {cursor: {id, ns, firstBatch or nextBatch}} */
static bool
take_batch(struct legacy_cursor *cursor, const bson_t *answer, const char *name, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t field;
  bool found = false;
  if (!bson_iter_init_find(&iter, answer, "cursor") || !BSON_ITER_HOLDS_DOCUMENT(&iter) ||
      !bson_iter_recurse(&iter, &field)) {
    return no_cursor(cursor, error);
  }
  cursor->id = 0;
  while (bson_iter_next(&field)) {
    const char *key = bson_iter_key(&field);
    if (strcmp(key, "id") == 0 && BSON_ITER_HOLDS_INT(&field)) {
      cursor->id = bson_iter_as_int64(&field);
    } else if (strcmp(key, "ns") == 0 && BSON_ITER_HOLDS_UTF8(&field)) {
      free(cursor->ns);
      cursor->ns = memory_string(bson_iter_utf8(&field, NULL));
    } else if (strcmp(key, name) == 0 && BSON_ITER_HOLDS_ARRAY(&field)) {
      found = bson_iter_recurse(&field, &cursor->batch);
    }
  }
  return (found && (cursor->id == 0 || cursor->ns)) || no_cursor(cursor, error);
}

static bool
send_request(struct legacy_cursor *cursor, struct error *error)
{
  struct legacy *legacy = cursor->legacy;
  bson_t answer;
  if (cursor->by_command) {
    return (link_command(legacy->link, cursor->db, cursor->request, &cursor->reply, &answer, error) ||
            lost(legacy, error)) &&
           take_batch(cursor, &answer, "firstBatch", error);
  }
  struct wire_query query = {.ns = cursor->ns,
                             .flags = cursor->flags,
                             .skip = cursor->skip,
                             .number = cursor->number,
                             .query = cursor->request,
                             .fields = cursor->fields};
  if (!link_query(legacy->link, &query, &cursor->reply, error)) {
    return lost(legacy, error);
  }
  cursor->id = cursor->reply.wire.cursor;
  return true;
}

static bool
open_cursor(struct legacy_cursor *cursor, struct error *error)
{
  struct legacy *legacy = cursor->legacy;
  bool ok = false;
  for (int attempt = 0; !ok && is_to_try(legacy, attempt); attempt++) {
    ok = connected(legacy, error) && send_request(cursor, error);
    cursor->generation = legacy->generation;
  }
  cursor->opened = true;
  return ok;
}

static bool
more_by_command(struct legacy_cursor *cursor, struct error *error)
{
  struct legacy *legacy = cursor->legacy;
  bson_t answer;
  const char *dot = strchr(cursor->ns, '.');
  bson_t *command = BCON_NEW("getMore", BCON_INT64(cursor->id), "collection", BCON_UTF8(dot ? dot + 1 : cursor->ns));
  if (cursor->tailable) {
    BSON_APPEND_INT64(command, "maxTimeMS", AWAIT_MS);
  }
  bool ok = (link_command(legacy->link, cursor->db, command, &cursor->reply, &answer, error) || lost(legacy, error)) &&
            take_batch(cursor, &answer, "nextBatch", error);
  bson_destroy(command);
  return ok;
}

static bool
get_more(struct legacy_cursor *cursor, struct error *error)
{
  struct legacy *legacy = cursor->legacy;
  if (!legacy_same(cursor)) {
    cursor->id = 0;
    return error_set(error, legacy->side.kind, "%s: the connection on which the cursor was opened is gone",
                     legacy->side.side);
  }
  if (cursor->by_command && legacy->wire_version >= WIRE_3_2) {
    return more_by_command(cursor, error);
  }
  cursor->by_command = false;
  if (!link_get_more(legacy->link, cursor->ns, cursor->number > 0 ? cursor->number : 0, cursor->id, &cursor->reply,
                     error)) {
    return lost(legacy, error);
  }
  cursor->id = cursor->reply.wire.cursor;
  return true;
}

/* The next document of the batch in hand: 1; 0 at its end; -1 if it is damaged. */
static int
next_in_batch(struct legacy_cursor *cursor, struct error *error)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!cursor->by_command) {
    return wire_next(&cursor->reply.wire, &cursor->document);
  }
  if (!bson_iter_next(&cursor->batch) && cursor->batch.err_off == 0) {
    return 0;
  }
  if (cursor->batch.err_off == 0 && BSON_ITER_HOLDS_DOCUMENT(&cursor->batch)) {
    bson_iter_document(&cursor->batch, &size, &bytes);
    if (bson_init_static(&cursor->document, bytes, size)) {
      return 1;
    }
  }
  error_set(error, cursor->legacy->side.kind, "%s: a batch of documents is damaged", cursor->legacy->side.side);
  return -1;
}

/*
 * Up to 3.0 a server that awaits data does so for four seconds, whatever it is told. The reader has to be back after
 * one second. So it asks again and again.
 */
static bool
is_to_poll(const struct legacy_cursor *cursor, int64_t until_ms)
{
  if (cursor->by_command || clock_ms() + POLL_MS > until_ms) {
    return false;
  }
  clock_sleep_ms(POLL_MS);
  return true;
}

int
legacy_next(struct legacy_cursor *cursor, const bson_t **document, struct error *error)
{
  int64_t until_ms = cursor->tailable ? clock_ms() + AWAIT_MS : 0;
  bool had_all = !cursor->opened; /* an empty batch of a tailable cursor says that nothing came */
  int empty = 0;
  if (cursor->left == 0) {
    return 0;
  }
  if (!cursor->opened && !open_cursor(cursor, error)) {
    cursor->id = 0;
    return -1;
  }
  for (;;) {
    int got = next_in_batch(cursor, error);
    if (got == 1) {
      *document = &cursor->document;
      cursor->left -= cursor->left != INT64_MAX;
      return 1;
    }
    if (got == 0 && !cursor->tailable && empty++ >= EMPTY_MOST) {
      error_set(error, cursor->legacy->side.kind, "%s: the server sends one empty batch after another",
                cursor->legacy->side.side);
      got = -1;
    }
    if (got < 0) {
      cursor->id = 0;
      return -1;
    }
    if (cursor->id == 0 || (cursor->tailable && had_all && !is_to_poll(cursor, until_ms))) {
      return 0;
    }
    if (!get_more(cursor, error)) {
      cursor->id = 0;
      return -1;
    }
    had_all = true;
  }
}

bool
legacy_alive(const struct legacy_cursor *cursor)
{
  return !cursor->opened || cursor->id != 0;
}

bool
legacy_same(const struct legacy_cursor *cursor)
{
  const struct legacy *legacy = cursor->legacy;
  return cursor->generation == legacy->generation && legacy->link && !legacy->link->broken;
}

uint64_t
legacy_generation(const struct legacy *legacy)
{
  return legacy->generation;
}
