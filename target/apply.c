#include "target/apply.h"

#include "base/memory.h"
#include "target/delta.h"

void
apply_forget(struct apply *apply)
{
  for (size_t i = 0; i < apply->count; i++) {
    bson_destroy(apply->ops[i].selector);
    bson_destroy(apply->ops[i].change);
  }
  apply->count = 0;
  apply->bytes = 0;
}

void
apply_clear(struct apply *apply)
{
  apply_forget(apply);
  free(apply->ops);
  free(apply->db);
  free(apply->coll);
  *apply = (struct apply){0};
}

static bson_t *
delta_pipeline(const bson_t *delta)
{
  return BCON_NEW("0", "{", "$_internalApplyOplogUpdate", "{", "oplogUpdate", BCON_DOCUMENT(delta), "}", "}");
}

/* An update that matches nothing, on a collection that nobody has, tells whether the stage is known. */
bool
apply_init(struct apply *apply, struct server *target, struct error *error)
{
  *apply = (struct apply){.target = target};
  bson_t *delta = BCON_NEW("$v", BCON_INT32(2), "diff", "{", "u", "{", "a", BCON_INT32(1), "}", "}");
  bson_t *pipeline = delta_pipeline(delta);
  bson_t *command = BCON_NEW("update", "mongoferry.probe", "updates", "[", "{", "q", "{", "_id", BCON_INT32(1), "}",
                             "u", BCON_ARRAY(pipeline), "}", "]");
  bson_t reply;
  bool ok = server_command(target, "mongoferry", command, &reply, error);
  apply->internal_delta = ok && !bson_has_field(&reply, "writeErrors");
  bson_destroy(&reply);
  bson_destroy(command);
  bson_destroy(pipeline);
  bson_destroy(delta);
  return ok || error->code != 0; /* a "no" is an answer; only a lost connection is none */
}

bool
apply_into(struct apply *apply, const char *db, const char *coll, bool capped, struct error *error)
{
  if (apply->db && strcmp(apply->db, db) == 0 && strcmp(apply->coll, coll) == 0) {
    return true;
  }
  if (!apply_flush(apply, false, error)) {
    return false;
  }
  free(apply->db);
  free(apply->coll);
  apply->db = memory_string(db);
  apply->coll = memory_string(coll);
  apply->capped = capped;
  return true;
}

void
apply_add(struct apply *apply, enum apply_kind kind, uint64_t ts, const bson_t *selector, const bson_t *change)
{
  apply->ops = memory_grow(apply->ops, apply->count, &apply->capacity, sizeof *apply->ops);
  struct apply_op *op = &apply->ops[apply->count++];
  op->kind = kind;
  op->ts = ts;
  op->selector = bson_copy(selector);
  op->change = change ? bson_copy(change) : NULL;
  op->more = false;
  apply->bytes += selector->len + (change ? change->len : 0);
}

/* Plain names in ascending order: any server adds them so. */
static bool
in_order(const bson_iter_t *fields)
{
  bson_iter_t iter = *fields;
  const char *before = "";
  while (bson_iter_next(&iter)) {
    const char *name = bson_iter_key(&iter);
    if (strchr(name, '.') || (*name >= '0' && *name <= '9') || strcmp(before, name) >= 0) {
      return false;
    }
    before = name;
  }
  return true;
}

static void
add_field(struct apply *apply, uint64_t ts, const bson_t *selector, const bson_iter_t *field)
{
  bson_t update = BSON_INITIALIZER;
  bson_t set;
  BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
  bson_append_iter(&set, NULL, 0, field);
  bson_append_document_end(&update, &set);
  apply_add(apply, APPLY_MODIFY, ts, selector, &update);
  apply->ops[apply->count - 1].more = true;
  bson_destroy(&update);
}

void
apply_add_paths(struct apply *apply, uint64_t ts, const bson_t *selector, const bson_t *modifiers)
{
  bson_iter_t iter;
  bson_iter_t fields;
  bson_t rest = BSON_INITIALIZER;
  if (!bson_iter_init_find(&iter, modifiers, "$set") || !bson_iter_recurse(&iter, &fields) || in_order(&fields)) {
    apply_add(apply, APPLY_MODIFY, ts, selector, modifiers);
    return;
  }
  bson_copy_to_excluding_noinit(modifiers, &rest, "$set", NULL);
  if (!bson_empty(&rest)) {
    apply_add(apply, APPLY_MODIFY, ts, selector, &rest);
  }
  while (bson_iter_next(&fields)) {
    add_field(apply, ts, selector, &fields);
  }
  apply->ops[apply->count - 1].more = false;
  bson_destroy(&rest);
}

/* The paths from `first` on as one update, in the place of their last; gives its number. */
static size_t
join_paths(struct apply *apply, size_t first)
{
  size_t last = first;
  bson_t update = BSON_INITIALIZER;
  bson_t set;
  BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
  for (bool more = true; more; last++) {
    bson_iter_t iter;
    bson_iter_t field;
    if (bson_iter_init_find(&iter, apply->ops[last].change, "$set") && bson_iter_recurse(&iter, &field) &&
        bson_iter_next(&field)) {
      bson_append_iter(&set, NULL, 0, &field);
    }
    more = apply->ops[last].more;
  }
  last--;
  bson_append_document_end(&update, &set);
  bson_destroy(apply->ops[last].change);
  apply->ops[last].change = bson_copy(&update);
  bson_destroy(&update);
  return last;
}

static bool
diverged(const struct apply *apply, const struct apply_op *op, const char *why, struct error *error)
{
  static const char *const names[] = {"insert", "replacement", "update", "update", "delete"};
  char *id = bson_as_relaxed_extended_json(op->selector, NULL);
  error_set(
    error, ERROR_DIVERGED,
    "the oplog's %s at %u.%u does not fit the target's %s.%s %.200s: %s; something else writes to the target, or "
    "it lost data: start again with --forceDump --drop",
    names[op->kind], (unsigned)(op->ts >> 32), (unsigned)op->ts, apply->db, apply->coll, id ? id : "", why);
  bson_free(id);
  return false;
}

static bool
bulk_add(struct apply *apply, mongoc_bulk_operation_t *bulk, const struct apply_op *op, bson_error_t *cause)
{
  bson_t *raw = BCON_NEW("validate", BCON_BOOL(false));
  bson_t *raw_upsert = BCON_NEW("validate", BCON_BOOL(false), "upsert", BCON_BOOL(true));
  bool ok = false;
  switch (op->kind) {
  case APPLY_INSERT:
    ok = apply->lenient || apply->upsert
           ? mongoc_bulk_operation_replace_one_with_opts(bulk, op->selector, op->change, raw_upsert, cause)
           : mongoc_bulk_operation_insert_with_opts(bulk, op->change, raw, cause);
    break;
  case APPLY_REPLACE:
    ok = mongoc_bulk_operation_replace_one_with_opts(bulk, op->selector, op->change, raw, cause);
    break;
  case APPLY_MODIFY:
    ok = mongoc_bulk_operation_update_one_with_opts(bulk, op->selector, op->change, raw, cause);
    break;
  case APPLY_DELTA: {
    bson_t *pipeline = delta_pipeline(op->change);
    ok = mongoc_bulk_operation_update_one_with_opts(bulk, op->selector, pipeline, raw, cause);
    bson_destroy(pipeline);
    break;
  }
  case APPLY_DELETE:
    ok = mongoc_bulk_operation_remove_one_with_opts(bulk, op->selector, NULL, cause);
    break;
  }
  bson_destroy(raw);
  bson_destroy(raw_upsert);
  return ok;
}

/* The first write error's index and code; false if the failure was not a document's. */
static bool
first_write_error(const bson_t *reply, size_t *index, int64_t *code, char *text, size_t text_size)
{
  bson_iter_t iter;
  bson_iter_t item;
  bson_iter_t field;
  if (!bson_iter_init_find(&iter, reply, "writeErrors") || !bson_iter_recurse(&iter, &item) || !bson_iter_next(&item)) {
    return false;
  }
  *code = 0;
  *index = 0;
  for (bson_iter_recurse(&item, &field); bson_iter_next(&field);) {
    if (strcmp(bson_iter_key(&field), "index") == 0) {
      *index = (size_t)bson_iter_as_int64(&field);
    } else if (strcmp(bson_iter_key(&field), "code") == 0) {
      *code = bson_iter_as_int64(&field);
    } else if (strcmp(bson_iter_key(&field), "errmsg") == 0 && BSON_ITER_HOLDS_UTF8(&field)) {
      snprintf(text, text_size, "%s", bson_iter_utf8(&field, NULL));
    }
  }
  return true;
}

static int64_t
reply_number(const bson_t *reply, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, reply, name) ? bson_iter_as_int64(&iter) : 0;
}

/* Whether the target has the document: 1, 0, -1 on error. */
static int
document_there(struct apply *apply, const bson_t *selector, bson_t *document, struct error *error)
{
  const bson_t *found;
  bson_error_t cause;
  int got = 0;
  bson_t *options = BCON_NEW("limit", BCON_INT64(1));
  mongoc_collection_t *collection = mongoc_client_get_collection(apply->target->client, apply->db, apply->coll);
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, selector, options, NULL);
  if (mongoc_cursor_next(cursor, &found)) {
    got = 1;
    if (document) {
      bson_copy_to(found, document);
    }
  } else if (mongoc_cursor_error(cursor, &cause)) {
    server_error(apply->target, &cause, error);
    got = -1;
  }
  mongoc_cursor_destroy(cursor);
  mongoc_collection_destroy(collection);
  bson_destroy(options);
  return got;
}

/* In strict replay every update finds its document, every delete too. Names the first one that did not. */
static bool
check_counts(struct apply *apply, const bson_t *reply, size_t from, size_t to, struct error *error)
{
  int64_t updates = 0;
  int64_t deletes = 0;
  for (size_t i = from; i < to; i++) {
    updates += apply->ops[i].kind != APPLY_INSERT && apply->ops[i].kind != APPLY_DELETE;
    deletes += apply->ops[i].kind == APPLY_DELETE;
  }
  bool missed_update = reply_number(reply, "nMatched") < updates;
  bool missed_delete = reply_number(reply, "nRemoved") < deletes && !apply->capped;
  if (apply->lenient || (!missed_update && !missed_delete)) {
    return true;
  }
  for (size_t i = from; i < to; i++) {
    const struct apply_op *op = &apply->ops[i];
    bool suspect = missed_update ? op->kind != APPLY_INSERT && op->kind != APPLY_DELETE : op->kind == APPLY_DELETE;
    int there = suspect ? document_there(apply, op->selector, NULL, error) : 1;
    if (there < 0) {
      return false;
    }
    if (there == 0) {
      return diverged(apply, op, "the document is not there", error);
    }
  }
  return diverged(apply, &apply->ops[from], "this or a later write of the same batch found no document", error);
}

/* Sends one update by itself, and does not mind what the server says to it. */
static bool
try_path(struct apply *apply, const struct apply_op *op, const char *modifier, const bson_iter_t *path,
         struct error *error)
{
  bson_t update = BSON_INITIALIZER;
  bson_t fields;
  bson_t reply;
  bson_append_document_begin(&update, modifier, -1, &fields);
  bson_append_iter(&fields, NULL, 0, path);
  bson_append_document_end(&update, &fields);
  bson_t *command = BCON_NEW("update", BCON_UTF8(apply->coll), "updates", "[", "{", "q", BCON_DOCUMENT(op->selector),
                             "u", BCON_DOCUMENT(&update), "}", "]", "bypassDocumentValidation", BCON_BOOL(true),
                             "writeConcern", "{", "w", BCON_UTF8("majority"), "}");
  bool ok = server_command(apply->target, apply->db, command, &reply, error) || error->code != 0;
  bson_destroy(&reply);
  bson_destroy(command);
  bson_destroy(&update);
  return ok;
}

static bool
path_by_path(struct apply *apply, const struct apply_op *op, struct error *error)
{
  bson_iter_t modifier;
  bson_iter_t path;
  for (bson_iter_init(&modifier, op->change); bson_iter_next(&modifier);) {
    if (!BSON_ITER_HOLDS_DOCUMENT(&modifier) || !bson_iter_recurse(&modifier, &path)) {
      continue;
    }
    while (bson_iter_next(&path)) {
      if (!try_path(apply, op, bson_iter_key(&modifier), &path, error)) {
        return false;
      }
    }
  }
  return true;
}

/* SecantusDB 0.7 takes the replacement of a document whose _id is or holds NaN for a change of its _id. */
static bool
delete_and_insert(struct apply *apply, const struct apply_op *op, struct error *error)
{
  bson_t reply;
  bson_t *delete = BCON_NEW("delete", BCON_UTF8(apply->coll), "deletes", "[", "{", "q", BCON_DOCUMENT(op->selector),
                            "limit", BCON_INT32(1), "}", "]");
  bson_t *insert =
    BCON_NEW("insert", BCON_UTF8(apply->coll), "documents", "[", BCON_DOCUMENT(op->change), "]",
             "bypassDocumentValidation", BCON_BOOL(true), "writeConcern", "{", "w", BCON_UTF8("majority"), "}");
  bool ok = server_command(apply->target, apply->db, delete, &reply, error);
  bson_destroy(&reply);
  if (ok) {
    ok = server_command(apply->target, apply->db, insert, &reply, error);
    if (ok && bson_has_field(&reply, "writeErrors")) {
      ok = diverged(apply, op, "it can neither be replaced nor inserted", error);
    }
    bson_destroy(&reply);
  }
  bson_destroy(delete);
  bson_destroy(insert);
  return ok;
}

/* Sent as the replacement of a whole document. */
static bool
is_whole(const struct apply *apply, const struct apply_op *op)
{
  return op->kind == APPLY_REPLACE || ((apply->lenient || apply->upsert) && op->kind == APPLY_INSERT);
}

/* Sends ops[from..to) as one ordered bulk. `*done` is where to go on: behind the last, or behind a forgiven one. */
static bool
send_bulk(struct apply *apply, size_t from, size_t to, bool majority, size_t *done, struct error *error)
{
  bson_t reply;
  bson_error_t cause;
  size_t index = 0;
  int64_t code = 0;
  char text[512] = "";
  bool ok = true;
  mongoc_collection_t *collection = mongoc_client_get_collection(apply->target->client, apply->db, apply->coll);
  mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, NULL);
  mongoc_write_concern_t *concern = mongoc_write_concern_new();
  if (majority) {
    mongoc_write_concern_set_wmajority(concern, 0);
  } else {
    mongoc_write_concern_set_w(concern, 1);
  }
  mongoc_bulk_operation_set_write_concern(bulk, concern);
  mongoc_bulk_operation_set_bypass_document_validation(bulk, true);
  for (size_t i = from; i < to && ok; i++) {
    ok = bulk_add(apply, bulk, &apply->ops[i], &cause);
    if (!ok) {
      diverged(apply, &apply->ops[i], cause.message, error);
    }
  }
  if (ok) {
    ok = mongoc_bulk_operation_execute(bulk, &reply, &cause) != 0;
    if (ok) {
      *done = to;
      ok = check_counts(apply, &reply, from, to, error);
    } else if (!first_write_error(&reply, &index, &code, text, sizeof text) || from + index >= to) {
      server_error(apply->target, &cause, error);
    } else if (apply->lenient && apply->ops[from + index].kind == APPLY_MODIFY) {
      *done = from + index + 1;
      ok = path_by_path(apply, &apply->ops[from + index], error);
    } else if (is_whole(apply, &apply->ops[from + index]) && code == CODE_IMMUTABLE_FIELD) {
      *done = from + index + 1;
      ok = delete_and_insert(apply, &apply->ops[from + index], error);
    } else if (apply->ops[from + index].more && code == CODE_DUPLICATE_KEY) {
      *done = join_paths(apply, from + index); /* half an update meets a unique index that the whole one does not */
    } else {
      diverged(apply, &apply->ops[from + index], text, error);
    }
    bson_destroy(&reply);
  }
  mongoc_write_concern_destroy(concern);
  mongoc_bulk_operation_destroy(bulk);
  mongoc_collection_destroy(collection);
  return ok;
}

/* A target that does not know the stage: read, apply here, replace. */
static bool
apply_delta_here(struct apply *apply, struct apply_op *op, struct error *error)
{
  bson_t document;
  bson_t result;
  bson_iter_t iter;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  bson_t diff;
  int there = document_there(apply, op->selector, &document, error);
  if (there <= 0) {
    return there == 0 && (apply->lenient || diverged(apply, op, "the document is not there", error));
  }
  bool ok = bson_iter_init_find(&iter, op->change, "diff") && BSON_ITER_HOLDS_DOCUMENT(&iter);
  if (ok) {
    bson_iter_document(&iter, &size, &bytes);
    ok = bson_init_static(&diff, bytes, size) && delta_apply(&document, &diff, &result, error);
  } else {
    diverged(apply, op, "it has no diff", error);
  }
  bson_destroy(&document);
  if (ok) {
    bson_destroy(op->change);
    op->change = bson_copy(&result);
    bson_destroy(&result);
    op->kind = APPLY_REPLACE;
  }
  return ok;
}

static bool
needs_reading(const struct apply *apply, const struct apply_op *op)
{
  return op->kind == APPLY_DELTA && !apply->internal_delta;
}

bool
apply_flush(struct apply *apply, bool majority, struct error *error)
{
  size_t at = 0;
  while (at < apply->count) {
    size_t end = at;
    if (needs_reading(apply, &apply->ops[at])) {
      if (!apply_delta_here(apply, &apply->ops[at], error)) {
        return false;
      }
      if (apply->ops[at].kind == APPLY_DELTA) { /* nothing there to change */
        at++;
        continue;
      }
      end = at + 1;
    }
    while (end < apply->count && !needs_reading(apply, &apply->ops[end])) {
      end++;
    }
    bool last = end == apply->count || !apply->internal_delta; /* the last one may find nothing to send */
    if (!send_bulk(apply, at, end, majority && last, &at, error)) {
      return false;
    }
  }
  apply->written += (int64_t)apply->count;
  apply_forget(apply);
  return true;
}
