#include "source/reader/reader.h"

#include "base/memory.h"
#include "base/nesting.h"
#include "server/failure.h"
#include "source/legacy/legacy.h"
#include "source/reader/majority.h"

#define AWAIT_MS 1000
#define VERSION_4_0 400

struct reader_cursor {
  struct reader *reader;
  struct legacy_cursor *legacy;    /* the reader of old servers' own; the rest is the driver's then */
  mongoc_collection_t *collection; /* NULL for a command's cursor */
  mongoc_cursor_t *cursor;
  bool decoded; /* its documents are read here; others are only passed on */
  bool given;   /* a document, at least */
  int tries;    /* to get the first */
  bool failed;  /* the command that makes the cursor, and this is why */
  struct error cause;
};

/*
 * Servers of 3.6 to 4.4 may have been started with enableMajorityReadConcern: false, as is advised for sets with an
 * arbiter. A parameter would say so, if the user may ask for it. Whoever may read the oplog sees it in the refusal of
 * such a read.
 */
static bool
ask_majority(struct reader *reader, struct error *error)
{
  if (reader->legacy) {
    reader->majority = legacy_reads_majority(reader->legacy);
    return true;
  }
  bson_t *command = BCON_NEW("find", BCON_UTF8("oplog.rs"), "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
                             "readConcern", "{", "level", BCON_UTF8("majority"), "}");
  bool ok = reader_command(reader, "local", command, NULL, error);
  bson_destroy(command);
  reader->majority = ok || error->code != CODE_MAJORITY_NOT_ENABLED;
  return ok || error->code != 0; /* a "no" is an answer; only a lost connection is none */
}

/*
 * A command on a collection that nobody has. Servers that know UUIDs say that it does not exist, others say something
 * else.
 */
static bool
ask_by_uuid(struct reader *reader, struct error *error)
{
  static const uint8_t nobody[16] = {0x6d, 0x6f, 0x6e, 0x67, 0x6f, 0x66, 0x45, 0x72,
                                     0xa2, 0x79, 0x2d, 0x6e, 0x6f, 0x6e, 0x65, 0x21};
  bson_t command = BSON_INITIALIZER;
  BSON_APPEND_BINARY(&command, "find", BSON_SUBTYPE_UUID, nobody, sizeof nobody);
  BSON_APPEND_BOOL(&command, "singleBatch", true);
  bool found = reader_command(reader, "admin", &command, NULL, error);
  bson_destroy(&command);
  reader->by_uuid = !found && error->code == CODE_NAMESPACE_NOT_FOUND;
  return found || error->code != 0; /* a "no" is an answer; only a lost connection is none */
}

/*
 * MMAPv1 moves a document that grows. A scan in natural order may then miss it, or meet it twice. From 3.0 on there
 * are several storage engines, and a collection's statistics show which it is. A server that may not be asked is taken
 * for MMAPv1.
 */
static bool
ask_moves(struct reader *reader, struct error *error)
{
  bson_t reply;
  if (reader->version > VERSION_4_0) {
    return true;
  }
  bson_t *command = BCON_NEW("collStats", BCON_UTF8("oplog.rs"));
  bool ok = reader_command(reader, "local", command, &reply, error);
  reader->moves = !ok || !bson_has_field(&reply, "wiredTiger");
  bson_destroy(&reply);
  bson_destroy(command);
  return ok || error->code != 0;
}

/* The driver connects. If it says that the server is too old for it, our own reader does. */
static bool
connect_either(struct reader *reader, enum error_kind kind, const char *uri, bool patient, struct server_hello *hello,
               struct error *error)
{
  if (server_open(&reader->server, kind, uri, patient, error) &&
      server_ask_hello(&reader->server, true, hello, error)) {
    return true;
  }
  server_close(&reader->server);
  if (error->code != CODE_TOO_OLD || !legacy_open(&reader->legacy, &reader->server, uri, patient, error)) {
    return false;
  }
  reader->server.command = legacy_command;
  reader->server.context = reader->legacy;
  return server_ask_hello(&reader->server, true, hello, error);
}

bool
reader_open(struct reader *reader, const char *uri, bool patient, struct error *error)
{
  return reader_open_side(reader, ERROR_SOURCE, uri, patient, error);
}

bool
reader_open_side(struct reader *reader, enum error_kind kind, const char *uri, bool patient, struct error *error)
{
  struct server_hello hello = {0};
  *reader = (struct reader){0};
  bool ok = connect_either(reader, kind, uri, patient, &hello, error);
  reader->wire_version = hello.wire_version;
  reader->version = hello.version_number[0] * 100 + hello.version_number[1];
  reader->primary = hello.primary_answers;
  ok = ok && (reader->wire_version < WIRE_3_6 || ask_by_uuid(reader, error)) && ask_moves(reader, error) &&
       ask_majority(reader, error);
  reader->unordered = reader->wire_version >= WIRE_3_6 && !reader->by_uuid; /* SecantusDB */
  if (!ok) {
    reader_close(reader);
  }
  return ok;
}

void
reader_close(struct reader *reader)
{
  legacy_close(reader->legacy);
  reader->legacy = NULL;
  server_close(&reader->server);
}

/* The driver speaks to nothing older. */
struct reader
reader_view(const struct server *server)
{
  return (struct reader){.server = *server, .wire_version = WIRE_3_6, .majority = true};
}

bool
reader_command(struct reader *reader, const char *db, const bson_t *command, bson_t *reply, struct error *error)
{
  return server_command(&reader->server, db, command, reply, error);
}

static void
find_options(const struct reader *reader, const struct find *find, bson_t *options)
{
  const struct {
    const char *name;
    const bson_t *value;
  } documents[] = {{"projection", find->projection},
                   {"sort", find->sort},
                   {"hint", find->hint},
                   {"min", find->min},
                   {"max", find->max}};
  for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
    if (documents[i].value) {
      BSON_APPEND_DOCUMENT(options, documents[i].name, documents[i].value);
    }
  }
  if (find->limit) {
    BSON_APPEND_INT64(options, "limit", find->limit);
  }
  if (find->skip) {
    BSON_APPEND_INT64(options, "skip", find->skip);
  }
  if (find->batch_size) {
    BSON_APPEND_INT32(options, "batchSize", find->batch_size);
  }
  if (find->tailable) {
    BSON_APPEND_BOOL(options, "tailable", true);
    BSON_APPEND_BOOL(options, "awaitData", true);
    BSON_APPEND_INT64(options, "maxAwaitTimeMS", AWAIT_MS);
  }
  if (find->oplog && reader->wire_version <= WIRE_4_2) {
    BSON_APPEND_BOOL(options, "oplogReplay", true);
  }
  if (find->majority && reader->majority) {
    mongoc_read_concern_t *concern = mongoc_read_concern_new();
    mongoc_read_concern_set_level(concern, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    mongoc_read_concern_append(concern, options);
    mongoc_read_concern_destroy(concern);
  }
}

static struct reader_cursor *
cursor_new(struct reader *reader, const char *db, const char *coll)
{
  struct reader_cursor *cursor = memory_new(sizeof *cursor);
  cursor->reader = reader;
  if (coll && !reader->legacy) {
    cursor->collection = mongoc_client_get_collection(reader->server.client, db, coll);
  }
  return cursor;
}

void
reader_name_collection(const struct reader *reader, bson_t *command, const char *verb, const char *collection,
                       const uint8_t *uuid)
{
  if (uuid && reader->by_uuid) {
    BSON_APPEND_BINARY(command, verb, BSON_SUBTYPE_UUID, uuid, 16);
  } else {
    BSON_APPEND_UTF8(command, verb, collection);
  }
}

/* The driver's own finds take names only, and no empty field name in a filter or a bound, as an `_id` may have. */
static struct reader_cursor *
find_by_command(struct reader *reader, const struct find *find)
{
  bson_t command = BSON_INITIALIZER;
  reader_name_collection(reader, &command, "find", find->coll, find->uuid);
  if (find->filter) {
    BSON_APPEND_DOCUMENT(&command, "filter", find->filter);
  }
  find_options(reader, find, &command);
  struct reader_cursor *cursor = reader_command_cursor(reader, find->db, &command);
  cursor->decoded = !find->passed_on;
  if (find->batch_size && cursor->cursor) { /* the driver does not take it from the command */
    mongoc_cursor_set_batch_size(cursor->cursor, (uint32_t)find->batch_size);
  }
  bson_destroy(&command);
  return cursor;
}

struct reader_cursor *
reader_find(struct reader *reader, const struct find *find)
{
  if (reader->legacy) {
    struct reader_cursor *cursor = cursor_new(reader, find->db, NULL);
    cursor->legacy = legacy_find(reader->legacy, find);
    cursor->decoded = !find->passed_on;
    return cursor;
  }
  if (!find->oplog) {
    return find_by_command(reader, find);
  }
  bson_t nothing = BSON_INITIALIZER;
  bson_t options = BSON_INITIALIZER;
  struct reader_cursor *cursor = cursor_new(reader, find->db, find->coll);
  find_options(reader, find, &options);
  cursor->decoded = !find->passed_on;
  cursor->cursor =
    mongoc_collection_find_with_opts(cursor->collection, find->filter ? find->filter : &nothing, &options, NULL);
  bson_destroy(&options);
  return cursor;
}

static struct reader_cursor *
legacy_aggregate(struct reader *reader, const char *db, const char *coll, const bson_t *pipeline)
{
  bson_t command = BSON_INITIALIZER;
  bson_iter_t stages;
  bson_t options = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&command, "aggregate", coll);
  if (bson_iter_init_find(&stages, pipeline, "pipeline")) {
    bson_append_iter(&command, NULL, 0, &stages);
  }
  BSON_APPEND_DOCUMENT(&command, "cursor", &options);
  BSON_APPEND_BOOL(&command, "allowDiskUse", true);
  struct reader_cursor *cursor = reader_command_cursor(reader, db, &command);
  bson_destroy(&command);
  return cursor;
}

struct reader_cursor *
reader_aggregate(struct reader *reader, const char *db, const char *coll, const bson_t *pipeline)
{
  if (reader->legacy) {
    return legacy_aggregate(reader, db, coll, pipeline);
  }
  struct reader_cursor *cursor = cursor_new(reader, db, coll);
  bson_t *options = BCON_NEW("allowDiskUse", BCON_BOOL(true));
  cursor->cursor = mongoc_collection_aggregate(cursor->collection, MONGOC_QUERY_NONE, pipeline, options, NULL);
  bson_destroy(options);
  return cursor;
}

struct reader_cursor *
reader_command_cursor(struct reader *reader, const char *db, const bson_t *command)
{
  struct reader_cursor *cursor = cursor_new(reader, db, NULL);
  cursor->decoded = true;
  if (reader->legacy) {
    cursor->legacy = legacy_command_cursor(reader->legacy, db, command);
    return cursor;
  }
  cursor->failed = !server_ask_cursor(&reader->server, db, command, &cursor->cursor, &cursor->cause);
  return cursor;
}

void
reader_cursor_free(struct reader_cursor *cursor)
{
  if (cursor) {
    legacy_cursor_free(cursor->legacy);
    mongoc_cursor_destroy(cursor->cursor);
    mongoc_collection_destroy(cursor->collection);
    free(cursor);
  }
}

/* A new primary may have been started otherwise than the one before. The next attempt reads as the new one can. */
static void
note_refusal(struct reader *reader, const struct error *error)
{
  reader->majority = reader->majority && error->code != CODE_MAJORITY_NOT_ENABLED;
}

/* A find or an aggregation that was interrupted before it gave anything is sent again. */
static bool
begin_again(struct reader_cursor *cursor, const struct error *error)
{
  if (cursor->given || !cursor->collection || !failure_try_again(error, &cursor->tries)) {
    return false;
  }
  mongoc_cursor_t *again = mongoc_cursor_clone(cursor->cursor);
  mongoc_cursor_destroy(cursor->cursor);
  cursor->cursor = again;
  return true;
}

static int
next_document(struct reader_cursor *cursor, const bson_t **document, struct error *error)
{
  bson_error_t cause;
  if (cursor->legacy) {
    return legacy_next(cursor->legacy, document, error);
  }
  if (cursor->failed) {
    *error = cursor->cause;
    note_refusal(cursor->reader, error);
    return -1;
  }
  do {
    if (mongoc_cursor_next(cursor->cursor, document)) {
      cursor->given = true;
      return 1;
    }
    if (!mongoc_cursor_error(cursor->cursor, &cause)) {
      return 0;
    }
    server_error(&cursor->reader->server, &cause, error);
  } while (begin_again(cursor, error));
  note_refusal(cursor->reader, error);
  return -1;
}

int
reader_next(struct reader_cursor *cursor, const bson_t **document, struct error *error)
{
  int got = next_document(cursor, document, error);
  if (got == 1 && cursor->decoded && !nesting_fits(bson_get_data(*document), (*document)->len)) {
    error_set(error, cursor->reader->server.kind,
              "the %s sends a document that is damaged or nested in more than %d levels, which no server writes: look "
              "at its own log and at what answers at its address",
              cursor->reader->server.side, NESTING_MOST);
    error->code = CODE_INVALID_BSON;
    return -1;
  }
  return got;
}

bool
reader_alive(const struct reader_cursor *cursor)
{
  return cursor->legacy ? legacy_alive(cursor->legacy) : mongoc_cursor_more(cursor->cursor);
}

bool
reader_member(struct reader *reader, uint64_t *member, struct error *error)
{
  struct server_hello hello;
  if (reader->legacy) {
    *member = legacy_generation(reader->legacy);
    return true;
  }
  bool ok = server_ask_hello(&reader->server, false, &hello, error);
  memcpy(member, hello.election.bytes + sizeof hello.election.bytes - sizeof *member, sizeof *member); /* its term */
  return ok;
}

bool
reader_committed(struct reader_cursor *cursor, uint64_t *committed, struct error *error)
{
  struct server member = cursor->reader->server;
  bool primary = false;
  member.member = cursor->legacy ? 0 : mongoc_cursor_get_server_id(cursor->cursor);
  if (!majority_ask_member(&member, committed, &primary, error)) {
    return false;
  }
  bool same = cursor->legacy ? legacy_same(cursor->legacy) : primary || !cursor->reader->primary;
  return same || error_set(error, ERROR_SOURCE, "the oplog is now read from another member of the source");
}

bool
reader_cursor_died(const struct error *error)
{
  /*
   * Up to 4.2 a rename kills cursors (S:src/mongo/db/catalog/rename_collection.cpp@r4.0.14). 4.0 answers a getMore
   * whose collection was dropped with "operation failed" (seen on 4.0.14).
   */
  return error->kind == ERROR_SOURCE && (failure_interrupted(error) || error->code == CODE_OPERATION_FAILED ||
                                         error->code == CODE_CAPPED_POSITION_LOST);
}

int
reader_find_one(struct reader *reader, const struct find *find, bson_t *document, struct error *error)
{
  const bson_t *found = NULL;
  struct find one = *find;
  one.limit = 1;
  struct reader_cursor *cursor = reader_find(reader, &one);
  int got = reader_next(cursor, &found, error);
  if (got == 1) {
    bson_copy_to(found, document);
  }
  reader_cursor_free(cursor);
  return got;
}
