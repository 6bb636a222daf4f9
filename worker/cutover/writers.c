#include "worker/cutover/writers.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "ipc/message.h"
#include "source/catalog/catalog.h"

#define LOOKS 8
#define PAUSE_MS 100
#define ENTRIES 200
#define OPERATIONS_MOST 1000
#define WRITERS_MOST 100

/*
 * Commands that write, as currentOp or an oplog entry names them. Those with `oplog` are in the oplog under this name.
 * An aggregate writes if it has $out or $merge.
 */
static const struct {
  const char *name;
  bool oplog;
} commands[] = {{"insert", false},
                {"update", false},
                {"delete", false},
                {"findAndModify", false},
                {"findandmodify", false},
                {"bulkWrite", false},
                {"aggregate", false},
                {"mapReduce", false},
                {"mapreduce", false},
                {"commitTransaction", false},
                {"applyOps", false},
                {"create", true},
                {"createIndexes", true},
                {"startIndexBuild", true},
                {"commitIndexBuild", true},
                {"collMod", true},
                {"drop", true},
                {"dropIndexes", true},
                {"deleteIndexes", true},
                {"dropDatabase", true},
                {"renameCollection", true},
                {"convertToCapped", true},
                {"emptycapped", true},
                {"cloneCollectionAsCapped", false}};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

/* A writer before it is kept. */
struct seen {
  const char *op;
  const char *app;
  const char *client;
  bool in_oplog;
  uint64_t ts;
};

void
writers_clear(struct writers *writers)
{
  for (size_t i = 0; i < writers->count; i++) {
    struct writer *writer = &writers->items[i];
    free(writer->db);
    free(writer->coll);
    free(writer->op);
    free(writer->app);
    free(writer->client);
  }
  free(writers->items);
  *writers = (struct writers){0};
}

/* A namespace without a dot is a database. */
static void
note(struct writers *writers, const char *ns, const struct seen *seen)
{
  const char *dot = strchr(ns, '.');
  size_t length = dot ? (size_t)(dot - ns) : strlen(ns);
  const char *coll = dot ? dot + 1 : "";
  coll = strcmp(coll, "$cmd") == 0 ? "" : coll;
  char *db = memory_format("%.*s", (int)length, ns);
  bool known = catalog_is_internal(db, coll) || writers->count >= WRITERS_MOST;
  for (size_t i = 0; i < writers->count && !known; i++) {
    struct writer *writer = &writers->items[i];
    known = writer->in_oplog == seen->in_oplog && strcmp(writer->db, db) == 0 && strcmp(writer->coll, coll) == 0 &&
            strcmp(writer->op, seen->op) == 0 && strcmp(writer->app, seen->app) == 0 &&
            strcmp(writer->client, seen->client) == 0;
    if (known && seen->ts > writer->ts) {
      writer->ts = seen->ts;
    }
  }
  if (known) {
    free(db);
    return;
  }
  writers->items = memory_grow(writers->items, writers->count, &writers->capacity, sizeof *writers->items);
  writers->items[writers->count++] = (struct writer){.db = db,
                                                     .coll = memory_string(coll),
                                                     .op = memory_string(seen->op),
                                                     .app = memory_string(seen->app),
                                                     .client = memory_string(seen->client),
                                                     .in_oplog = seen->in_oplog,
                                                     .ts = seen->ts};
}

/* Whether the aggregation's last stage writes. */
static bool
writes_result(const bson_t *command)
{
  bson_t pipeline;
  bson_t stage;
  bson_iter_t iter;
  struct error absent;
  bool writes = false;
  if (!message_document(command, "pipeline", &pipeline, &absent)) {
    return false;
  }
  for (bson_iter_init(&iter, &pipeline); bson_iter_next(&iter);) {
    writes = message_item(&iter, &stage) && (bson_has_field(&stage, "$out") || bson_has_field(&stage, "$merge"));
  }
  return writes;
}

/* The command's name, if it is one that writes; else NULL. */
static const char *
writing_command(const bson_t *command)
{
  bson_iter_t first;
  if (!bson_iter_init(&first, command) || !bson_iter_next(&first)) {
    return NULL;
  }
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(bson_iter_key(&first), commands[i].name) == 0) {
      return strcmp(commands[i].name, "aggregate") != 0 || writes_result(command) ? commands[i].name : NULL;
    }
  }
  return NULL;
}

/* What the operation writes; NULL: nothing. Up to 3.4 the command is in the field `query`. */
static const char *
writing_operation(const bson_t *operation, bson_t *command)
{
  struct error absent;
  const char *op = message_text_or_none(operation, "op");
  bool has =
    message_document(operation, "command", command, &absent) || message_document(operation, "query", command, &absent);
  if (!has) {
    bson_init(command);
  }
  if (strcmp(op, "insert") == 0 || strcmp(op, "update") == 0) {
    return op;
  }
  if (strcmp(op, "remove") == 0) {
    return "delete";
  }
  return has && (strcmp(op, "command") == 0 || strcmp(op, "query") == 0) ? writing_command(command) : NULL;
}

void
writers_note_operation(struct writers *writers, const bson_t *operation)
{
  bson_t command;
  bson_iter_t first;
  const char *op = writing_operation(operation, &command);
  const char *ns = message_text_or_none(operation, "ns");
  const char *app = message_text_or_none(operation, "appName");
  const char *client = message_text_or_none(operation, "client");
  size_t length = strlen(ns);
  if (!op || !*ns || (writers->own && strcmp(app, writers->own) == 0)) {
    return;
  }
  struct seen seen = {
    .op = op, .app = (*app || *client ? app : message_text_or_none(operation, "desc")), .client = client};
  bool database = length > 5 && strcmp(ns + length - 5, ".$cmd") == 0;
  if (database && bson_iter_init(&first, &command) && bson_iter_next(&first) && BSON_ITER_HOLDS_UTF8(&first)) {
    const char *coll = bson_iter_utf8(&first, NULL); /* up to 3.4 the namespace is the database's */
    char *whole = strchr(coll, '.') && strcmp(op, "renameCollection") == 0
                    ? memory_string(coll)
                    : memory_format("%.*s.%s", (int)(length - 5), ns, coll);
    note(writers, whole, &seen);
    free(whole);
    return;
  }
  note(writers, ns, &seen);
}

static void note_entry(struct writers *writers, const bson_t *entry, uint64_t ts);

/* A command of the oplog. Its namespace is the database's, and it names the collection. */
static void
note_command(struct writers *writers, const char *ns, const bson_t *o, struct seen *seen)
{
  bson_t inner;
  bson_t item;
  bson_iter_t iter;
  struct error absent;
  if (message_document(o, "applyOps", &inner, &absent)) {
    for (bson_iter_init(&iter, &inner); bson_iter_next(&iter);) {
      if (message_item(&iter, &item)) {
        note_entry(writers, &item, seen->ts);
      }
    }
    return;
  }
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    bson_iter_t value;
    if (!commands[i].oplog || !bson_iter_init_find(&value, o, commands[i].name)) {
      continue;
    }
    seen->op = commands[i].name;
    const char *coll = BSON_ITER_HOLDS_UTF8(&value) ? bson_iter_utf8(&value, NULL) : "";
    const char *dot = strchr(ns, '.');
    char *whole = strcmp(seen->op, "renameCollection") == 0
                    ? memory_string(coll)
                    : memory_format("%.*s.%s", dot ? (int)(dot - ns) : (int)strlen(ns), ns, coll);
    note(writers, whole, seen);
    free(whole);
    return;
  }
}

static void
note_entry(struct writers *writers, const bson_t *entry, uint64_t ts)
{
  static const char *const kinds[][2] = {{"i", "insert"}, {"u", "update"}, {"d", "delete"}};
  bson_t o;
  struct error absent;
  const char *op = message_text_or_none(entry, "op");
  const char *ns = message_text_or_none(entry, "ns");
  struct seen seen = {.app = "", .client = "", .in_oplog = true, .ts = ts};
  if (strcmp(op, "c") == 0 && message_document(entry, "o", &o, &absent)) {
    note_command(writers, ns, &o, &seen);
    return;
  }
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(op, kinds[i][0]) == 0 && *ns) {
      seen.op = kinds[i][1];
      note(writers, ns, &seen);
    }
  }
}

void
writers_note_entry(struct writers *writers, const bson_t *entry)
{
  note_entry(writers, entry, message_timestamp(entry, "ts"));
}

static void
note_operations(struct writers *writers, const bson_t *reply, const char *where)
{
  bson_iter_t iter;
  bson_iter_t list;
  bson_iter_t item;
  if (!bson_iter_init(&iter, reply) || !bson_iter_find_descendant(&iter, where, &list) ||
      !BSON_ITER_HOLDS_ARRAY(&list)) {
    return;
  }
  for (bson_iter_recurse(&list, &item); bson_iter_next(&item);) {
    bson_t operation;
    if (message_item(&item, &operation)) {
      writers_note_operation(writers, &operation);
    }
  }
}

static bool
ask_aggregate(struct reader *reader, struct writers *writers, struct error *error)
{
  bson_t reply;
  bson_t *command = BCON_NEW("aggregate", BCON_INT32(1), "pipeline", "[", "{", "$currentOp", "{", "allUsers",
                             BCON_BOOL(true), "}", "}", "{", "$match", "{", "active", BCON_BOOL(true), "op", "{", "$in",
                             "[", BCON_UTF8("insert"), BCON_UTF8("update"), BCON_UTF8("remove"), BCON_UTF8("command"),
                             "]", "}", "}", "}", "]", "cursor", "{", "batchSize", BCON_INT32(OPERATIONS_MOST), "}");
  bool ok = reader_command(reader, "admin", command, &reply, error);
  note_operations(writers, &reply, "cursor.firstBatch");
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

static bool
ask_command(struct reader *reader, struct writers *writers, struct error *error)
{
  bson_t reply;
  bson_t *command = BCON_NEW("currentOp", BCON_INT32(1), "active", BCON_BOOL(true));
  bool ok = reader_command(reader, "admin", command, &reply, error);
  note_operations(writers, &reply, "inprog");
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

static bool
ask_collection(struct reader *reader, struct writers *writers, struct error *error)
{
  bson_t reply;
  bson_t *active = BCON_NEW("active", BCON_BOOL(true));
  struct find find = {.db = "admin", .coll = "$cmd.sys.inprog", .filter = active, .limit = 1};
  int got = reader_find_one(reader, &find, &reply, error);
  bson_destroy(active);
  if (got != 1) {
    return got == 0;
  }
  bson_iter_t iter;
  bool refused = bson_iter_init_find(&iter, &reply, "err");
  note_operations(writers, &reply, "inprog");
  bson_destroy(&reply);
  return !refused || error_set(error, ERROR_AUTH, "unauthorized");
}

static bool
ask_operations(struct reader *reader, struct writers *writers, struct error *error)
{
  bool ok = true;
  for (int look = 0; ok && look < LOOKS; look++) {
    if (look > 0) {
      clock_sleep_ms(PAUSE_MS);
    }
    ok = reader->wire_version >= WIRE_3_6   ? ask_aggregate(reader, writers, error)
         : reader->wire_version >= WIRE_3_2 ? ask_command(reader, writers, error)
                                            : ask_collection(reader, writers, error);
  }
  return ok;
}

/* The documents may be large, and only the names matter. */
static void
entry_fields(bson_t *projection)
{
  static const char *const fields[] = {"ts", "op", "ns", "o.applyOps.op", "o.applyOps.ns"};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    bson_append_int32(projection, fields[i], -1, 1);
  }
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (commands[i].oplog) {
      char *field = memory_format("o.%s", commands[i].name);
      bson_append_int32(projection, field, -1, 1);
      free(field);
    }
  }
}

static bool
read_entries(struct reader *reader, struct writers *writers, uint64_t since, struct error *error)
{
  int got;
  const bson_t *entry;
  bson_t projection = BSON_INITIALIZER;
  bson_t *backwards = BCON_NEW("$natural", BCON_INT32(-1));
  entry_fields(&projection);
  struct find find = {
    .db = "local", .coll = "oplog.rs", .sort = backwards, .projection = &projection, .limit = ENTRIES};
  struct reader_cursor *cursor = reader_find(reader, &find);
  while ((got = reader_next(cursor, &entry, error)) == 1 && message_timestamp(entry, "ts") > since) {
    writers_note_entry(writers, entry);
  }
  reader_cursor_free(cursor);
  bson_destroy(backwards);
  bson_destroy(&projection);
  return got >= 0;
}

static void
put_writer(const struct writer *writer, const struct selection *selection, uint32_t index, bson_t *list)
{
  bson_t item = BSON_INITIALIZER;
  char *ns = memory_format("%s%s%s", writer->db, *writer->coll ? "." : "", writer->coll);
  BSON_APPEND_UTF8(&item, "ns", ns);
  BSON_APPEND_UTF8(&item, "db", writer->db);
  BSON_APPEND_UTF8(&item, "coll", writer->coll);
  BSON_APPEND_UTF8(&item, "op", writer->op);
  BSON_APPEND_UTF8(&item, "seen", writer->in_oplog ? "oplog" : "currentOp");
  if (*writer->app) {
    BSON_APPEND_UTF8(&item, "app", writer->app);
  }
  if (*writer->client) {
    BSON_APPEND_UTF8(&item, "client", writer->client);
  }
  if (writer->ts) {
    message_put_timestamp(&item, "ts", writer->ts);
  }
  BSON_APPEND_BOOL(&item, "selected", !*writer->coll || selection_wants(selection, writer->db, writer->coll));
  message_put_item(list, index, &item);
  bson_destroy(&item);
  free(ns);
}

static void
put_answer(const struct writers *writers, const struct selection *selection, bson_t *answer)
{
  bson_t list;
  BSON_APPEND_ARRAY_BEGIN(answer, "writers", &list);
  for (size_t i = 0; i < writers->count; i++) {
    put_writer(&writers->items[i], selection, (uint32_t)i, &list);
  }
  bson_append_array_end(answer, &list);
}

bool
writers_ask(struct reader *reader, const struct writers_question *question, bson_t *answer, struct error *error)
{
  struct writers writers = {.own = question->own};
  struct error cause = {.kind = ERROR_NONE};
  bool asked = question->oplog_only || ask_operations(reader, &writers, &cause);
  if (!asked && server_error_passes(&cause)) {
    *error = cause;
    writers_clear(&writers);
    return false;
  }
  bool ok = read_entries(reader, &writers, question->since, error);
  if (ok) {
    put_answer(&writers, question->selection, answer);
  }
  if (ok && !asked && cause.kind == ERROR_AUTH) {
    BSON_APPEND_UTF8(answer, "note",
                     "the source's user may not ask which applications write: that needs the action inprog on the "
                     "cluster, which clusterMonitor has");
  } else if (ok && !asked) {
    BSON_APPEND_UTF8(answer, "note", "the source does not tell which applications write");
  }
  writers_clear(&writers);
  return ok;
}
