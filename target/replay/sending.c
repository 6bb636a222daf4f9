#include "target/replay/sending.h"

#include "server/write_errors.h"
#include "target/definition/schema.h"
#include "target/insert/writer.h"

#define RACES_MOST 1000

bool
sending_diverged(const struct sending *sending, const struct batch_op *op, const char *why, struct error *error)
{
  static const char *const names[] = {"insert", "replacement", "update", "update", "delete"};
  bson_t selector;
  batch_selector(sending->batch, op, &selector);
  char *id = server_show_id(&selector);
  error_set(error, ERROR_DIVERGED,
            "the oplog's %s at %u.%u does not fit the target's %s %s: %s; something else writes to the target, or "
            "it lost data: start again with --forceDump --drop",
            names[op->kind], (unsigned)(op->ts >> 32), (unsigned)op->ts, sending->run->ns, id, why);
  free(id);
  return false;
}

bool
sending_is_whole(const struct sending *sending, const struct batch_op *op)
{
  const struct bulk *bulk = sending->bulk;
  bool replaces = bulk->lenient || (bulk->upsert && !sending->run->no_id_index) || op->loose;
  return op->kind == APPLY_REPLACE || (op->kind == APPLY_INSERT && replaces);
}

int
sending_finds(const struct sending *sending, const struct batch_op *op, bson_t *document, struct error *error)
{
  bson_t selector;
  batch_selector(sending->batch, op, &selector);
  return server_find_one(sending->bulk->target, sending->run->db, sending->run->coll, &selector, document, error);
}

bool
sending_notes(const struct sending *sending)
{
  if (!sending->bulk->again) {
    return false;
  }
  return sending->run->capped ? sending->strict : sending->run->expires || (!sending->strict && sending->bulk->missed);
}

void
sending_read_again(const struct sending *sending, const struct batch_op *op)
{
  struct batch *again = sending->bulk->again;
  bson_t selector;
  batch_selector(sending->batch, op, &selector);
  batch_into(again, sending->run->db, sending->run->coll);
  batch_add(again, APPLY_DELETE, op->ts, &selector, NULL);
}

bool
sending_finds_nothing(const struct sending *sending, const struct batch_op *op, struct error *error)
{
  if (sending_notes(sending)) {
    sending_read_again(sending, op);
    return true;
  }
  return sending->bulk->lenient || sending_diverged(sending, op, "the document is not there", error);
}

/* Makes one update of the paths from `first` on, in the place of the last of them. Returns its number. */
static size_t
join_paths(const struct sending *sending, size_t first)
{
  size_t last = first;
  bson_t update = BSON_INITIALIZER;
  bson_t set;
  BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
  for (bool more = true; more; last++) {
    bson_t change;
    bson_iter_t iter;
    bson_iter_t field;
    batch_change(sending->batch, &sending->run->ops[last], &change);
    if (bson_iter_init_find(&iter, &change, "$set") && bson_iter_recurse(&iter, &field) && bson_iter_next(&field)) {
      bson_append_iter(&set, NULL, 0, &field);
    }
    more = sending->run->ops[last].more;
  }
  last--;
  bson_append_document_end(&update, &set);
  batch_set_change(sending->batch, &sending->run->ops[last], &update);
  bson_destroy(&update);
  return last;
}

/* A write command's first error, 0 without one. */
static int64_t
reply_code(const bson_t *reply)
{
  struct write_error first;
  return write_errors_first(reply, &first) ? first.code : 0;
}

/*
 * In lenient replay the target's state is not the source's: what the document is in the end decides. Capped
 * collections have an order, so their documents are not read again.
 */
static bool
is_open(const struct sending *sending)
{
  return !sending->strict && sending->bulk->again && !sending->bulk->settled && !sending->run->capped;
}

/* Sends one path of an update by itself. `*open`: the target refused it, but not because the path does not fit. */
static bool
try_path(const struct sending *sending, const bson_t *selector, const char *modifier, const bson_iter_t *path,
         bool *open, struct error *error)
{
  bson_t update = BSON_INITIALIZER;
  bson_t fields;
  bson_t reply;
  bson_append_document_begin(&update, modifier, -1, &fields);
  bson_append_iter(&fields, NULL, 0, path);
  bson_append_document_end(&update, &fields);
  bson_t *command = BCON_NEW("update", BCON_UTF8(sending->run->coll), "updates", "[", "{", "q", BCON_DOCUMENT(selector),
                             "u", BCON_DOCUMENT(&update), "}", "]", "bypassDocumentValidation",
                             BCON_BOOL(writer_bypasses(sending->run->coll)));
  bool done = server_command(sending->bulk->target, sending->run->db, command, &reply, error);
  bool ok = done || !server_error_passes(error);
  int64_t code = done ? reply_code(&reply) : error->code;
  *open |= code != 0 && code != CODE_PATH_NOT_VIABLE;
  bson_destroy(&reply);
  bson_destroy(command);
  bson_destroy(&update);
  return ok;
}

static bool
path_by_path(const struct sending *sending, const struct batch_op *op, struct error *error)
{
  bson_t selector;
  bson_t change;
  bson_iter_t modifier;
  bson_iter_t path;
  bool open = false;
  batch_selector(sending->batch, op, &selector);
  batch_change(sending->batch, op, &change);
  for (bson_iter_init(&modifier, &change); bson_iter_next(&modifier);) {
    if (!BSON_ITER_HOLDS_DOCUMENT(&modifier) || !bson_iter_recurse(&modifier, &path)) {
      continue;
    }
    while (bson_iter_next(&path)) {
      if (!try_path(sending, &selector, bson_iter_key(&modifier), &path, &open, error)) {
        return false;
      }
    }
  }
  if (open && is_open(sending)) {
    sending_read_again(sending, op);
  }
  return true;
}

/* Deletes the document, if there is one. An _id that the target cannot even read is not there. */
static bool
delete_if_there(const struct sending *sending, const bson_t *selector, struct error *error)
{
  bson_t *command = BCON_NEW("delete", BCON_UTF8(sending->run->coll), "deletes", "[", "{", "q", BCON_DOCUMENT(selector),
                             "limit", BCON_INT32(1), "}", "]");
  bool ok = server_command(sending->bulk->target, sending->run->db, command, NULL, error) ||
            refused_by_content(error->code, true);
  bson_destroy(command);
  return ok;
}

void
sending_report(const struct sending *sending, const bson_t *selector, bool kept, const char *text)
{
  bson_t *reports = sending->bulk->reports;
  bson_t report;
  char key[24];
  snprintf(key, sizeof key, "%u", bson_count_keys(reports));
  BSON_APPEND_DOCUMENT_BEGIN(reports, key, &report);
  BSON_APPEND_UTF8(&report, "db", sending->run->db);
  BSON_APPEND_UTF8(&report, "coll", sending->run->coll);
  BSON_APPEND_DOCUMENT(&report, "id", selector);
  BSON_APPEND_BOOL(&report, "kept", kept);
  BSON_APPEND_UTF8(&report, "text", text);
  bson_append_document_end(reports, &report);
}

bool
sending_leave_out(const struct sending *sending, size_t from, struct error *error)
{
  struct batch_run *run = sending->run;
  struct refused *refused = sending->bulk->refused;
  size_t kept = from;
  bool ok = true;
  for (size_t i = from; ok && i < run->count; i++) {
    struct batch_op op = run->ops[i];
    bson_t selector;
    batch_selector(sending->batch, &op, &selector);
    bool known = refused_has(refused, run->ns, &selector);
    bool whole = op.kind == APPLY_INSERT || op.kind == APPLY_REPLACE;
    if (known && run->no_id_index) { /* which of several is meant, nobody knows: the newest one stays */
      op.loose = op.upsert = true;
      whole = whole || op.kind == APPLY_DELETE;
    } else if (known && (whole || op.kind == APPLY_DELETE)) { /* an older version of it may be there, or nothing */
      ok = delete_if_there(sending, &selector, error);
      refused_remove(refused, run->ns, &selector);
      op.kind = whole ? APPLY_INSERT : op.kind;
    }
    if (!known || whole) {
      run->ops[kept++] = op;
    }
  }
  run->count = kept;
  return ok;
}

bool
sending_go_on_without(const struct sending *sending, size_t at, const char *text, struct error *error)
{
  bson_t selector;
  if (is_open(sending)) {
    sending_read_again(sending, &sending->run->ops[at]);
    return true;
  }
  batch_selector(sending->batch, &sending->run->ops[at], &selector);
  refused_put(sending->bulk->refused, sending->run->ns, &selector);
  sending_report(sending, &selector, false, text);
  return sending_leave_out(sending, at + 1, error);
}

/*
 * SecantusDB 0.7 takes the replacement of a document whose _id is or holds NaN for a change of its _id. From 5.0 on
 * servers take names with a dollar sign in an insert, but not in a replacement. A mongos may not know where an upsert
 * by _id goes, if another field is the shard key.
 */
static bool
delete_and_insert(const struct sending *sending, size_t at, struct error *error)
{
  const struct batch_op *op = &sending->run->ops[at];
  bson_t reply;
  bson_t selector;
  bson_t change;
  batch_selector(sending->batch, op, &selector);
  batch_change(sending->batch, op, &change);
  bson_t *delete = BCON_NEW("delete", BCON_UTF8(sending->run->coll), "deletes", "[", "{", "q", BCON_DOCUMENT(&selector),
                            "limit", BCON_INT32(1), "}", "]");
  bson_t *insert = BCON_NEW("insert", BCON_UTF8(sending->run->coll), "documents", "[", BCON_DOCUMENT(&change), "]",
                            "bypassDocumentValidation", BCON_BOOL(writer_bypasses(sending->run->coll)));
  bool deleted = server_command(sending->bulk->target, sending->run->db, delete, NULL, error);
  bool ok = deleted && server_command(sending->bulk->target, sending->run->db, insert, &reply, error);
  struct write_error first;
  if (deleted && ok && write_errors_first(&reply, &first)) {
    ok = sending_go_on_without(sending, at, first.text, error);
  } else if (deleted && !ok && refused_by_content(error->code, true)) {
    struct error why = *error;
    ok = sending_go_on_without(sending, at, why.text, error);
  }
  if (deleted) {
    bson_destroy(&reply);
  }
  bson_destroy(delete);
  bson_destroy(insert);
  return ok;
}

bool
sending_forgive(struct sending *sending, size_t at, int64_t code, const char *text, size_t *done, struct error *error)
{
  struct batch_op *op = &sending->run->ops[at];
  if (schema_allow_mixed(sending->bulk->target, sending->run->db, sending->run->coll, text)) {
    *done = at;
    return true;
  }
  *done = at + 1;
  if (sending->run->capped && op->kind == APPLY_DELETE) {
    *done = at;
    sending->bulk->capped->refuses = true;
    capped_leave_out(sending->bulk->capped, sending->batch, sending->run, at);
    return true;
  }
  bool of_id = code == CODE_DUPLICATE_KEY && strstr(text, "_id_");
  if (of_id && op->kind == APPLY_INSERT && sending->run->no_id_index && !sending->bulk->lenient) {
    return sending_go_on_without(sending, at, REFUSED_REPEATED, error);
  }
  /* Its size changes, or the target has a document whose delete it refused. */
  bool kept = code == CODE_DUPLICATE_KEY && !sending->run->no_id_index;
  if (sending->run->capped && sending->bulk->again &&
      (code == CODE_CAPPED_SIZE || (kept && sending->bulk->capped->refuses))) {
    sending_read_again(sending, op);
    return true;
  }
  if (op->kind == APPLY_DELTA && !sending->bulk->internal_delta && !op->read) {
    op->read = true;
    *done = at;
    return true;
  }
  if (sending->bulk->lenient && op->kind == APPLY_MODIFY) {
    return path_by_path(sending, op, error);
  }
  /* What a killed process had sent may insert the document meanwhile, if the target does not tell: see in_flight.h. */
  if (sending->bulk->lenient && sending_is_whole(sending, op) && of_id && sending->races++ < RACES_MOST) {
    *done = at;
    return true;
  }
  bool dollars = code == CODE_DOLLAR_PREFIXED_FIELD_NAME && sending->bulk->takes_dollars;
  if (sending_is_whole(sending, op) && (code == CODE_IMMUTABLE_FIELD || code == CODE_SHARD_KEY_NOT_FOUND || dollars)) {
    return delete_and_insert(sending, at, error);
  }
  bool whole = op->kind == APPLY_INSERT || op->kind == APPLY_REPLACE;
  bool about_it = refused_by_content(code, whole) || is_open(sending) || (sending->bulk->settled && whole);
  if (op->kind != APPLY_DELETE && about_it) {
    return sending_go_on_without(sending, at, text, error);
  }
  if (op->more && code == CODE_DUPLICATE_KEY) { /* half an update meets a unique index that the whole one does not */
    *done = join_paths(sending, at);
    return true;
  }
  return sending_diverged(sending, op, text, error);
}
