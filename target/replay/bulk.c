#include "target/replay/bulk.h"

#include "server/failure.h"
#include "server/probe_place.h"
#include "server/write_errors.h"
#include "target/insert/verbatim.h"
#include "target/insert/writer.h"
#include "target/replay/delta_update.h"
#include "target/replay/sending.h"
#include "target/replay/unmatched_updates.h"

static bson_t *
delta_pipeline(const bson_t *delta)
{
  return BCON_NEW("0", "{", "$_internalApplyOplogUpdate", "{", "oplogUpdate", BCON_DOCUMENT(delta), "}", "}");
}

/* Whether the target has the stage: an update on a collection that nobody has tells. */
bool
bulk_init(struct bulk *bulk, struct server *target, struct error *error)
{
  struct server_hello hello;
  const char *db;
  bool allowed;
  *bulk = (struct bulk){.target = target};
  if (!server_ask_hello(target, false, &hello, error) || !probe_place(target, &db, &allowed, error)) {
    return false;
  }
  bulk->takes_dollars = hello.wire_version >= WIRE_5_0;
  bson_t *delta = BCON_NEW("$v", BCON_INT32(2), "diff", "{", "u", "{", "a", BCON_INT32(1), "}", "}");
  bson_t *pipeline = delta_pipeline(delta);
  bson_t *command = BCON_NEW("update", SERVER_PROBE_COLL, "updates", "[", "{", "q", "{", "_id", "{", "$in", "[", "]",
                             "}", "}", "u", BCON_ARRAY(pipeline), "}", "]");
  bson_t reply;
  bool ok = server_command(target, db, command, &reply, error);
  bulk->internal_delta = ok && !bson_has_field(&reply, "writeErrors");
  bson_destroy(&reply);
  bson_destroy(command);
  bson_destroy(pipeline);
  bson_destroy(delta);
  return ok || error->code != 0; /* a "no" is an answer; only a lost connection is none */
}

static bool
add_operation(const struct sending *sending, mongoc_bulk_operation_t *bulk, const struct batch_op *op,
              bson_error_t *cause)
{
  /* {validate: false} and {validate: false, upsert: true}: the server decides what is a document */
  static const uint8_t raw_bytes[] = {16, 0, 0, 0, 8, 'v', 'a', 'l', 'i', 'd', 'a', 't', 'e', 0, 0, 0};
  static const uint8_t upsert_bytes[] = {25, 0, 0, 0,   8,   'v', 'a', 'l', 'i', 'd', 'a', 't', 'e',
                                         0,  0, 8, 'u', 'p', 's', 'e', 'r', 't', 0,   1,   0};
  bson_t raw;
  bson_t raw_upsert;
  bson_t selector;
  bson_t change;
  bson_init_static(&raw, raw_bytes, sizeof raw_bytes);
  bson_init_static(&raw_upsert, upsert_bytes, sizeof upsert_bytes);
  batch_selector(sending->batch, op, &selector);
  batch_change(sending->batch, op, &change);
  const bson_t *options = op->upsert ? &raw_upsert : &raw;
  if (op->kind == APPLY_DELETE) {
    return mongoc_bulk_operation_remove_one_with_opts(bulk, &selector, NULL, cause);
  }
  if (op->kind == APPLY_DELTA && !sending->bulk->internal_delta) {
    bson_t modifiers;
    delta_update_modifiers(sending, op, &modifiers);
    bool ok = mongoc_bulk_operation_update_one_with_opts(bulk, &selector, &modifiers, options, cause);
    bson_destroy(&modifiers);
    return ok;
  }
  if (op->kind == APPLY_DELTA) {
    bson_t *pipeline = delta_pipeline(&change);
    bool ok = mongoc_bulk_operation_update_one_with_opts(bulk, &selector, pipeline, options, cause);
    bson_destroy(pipeline);
    return ok;
  }
  if (op->kind == APPLY_MODIFY) {
    return mongoc_bulk_operation_update_one_with_opts(bulk, &selector, &change, options, cause);
  }
  if (sending_is_whole(sending, op)) {
    return mongoc_bulk_operation_replace_one_with_opts(bulk, &selector, &change,
                                                       op->kind == APPLY_INSERT ? &raw_upsert : options, cause);
  }
  return mongoc_bulk_operation_insert_with_opts(bulk, &change, &raw, cause);
}

static int64_t
reply_number(const bson_t *reply, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, reply, name) ? bson_iter_as_int64(&iter) : 0;
}

/*
 * In strict replay every update finds its document. So does every delete, if the target does not delete by itself.
 * (Loose ones go by themselves.) Names the first one that found nothing. Notes updates that found nothing, if somebody
 * wants to know.
 */
static bool
check_counts(const struct sending *sending, const bson_t *reply, size_t from, size_t to, struct error *error)
{
  int64_t updates = 0; /* inserts that were sent as upserts are among them, and always find or make something */
  int64_t deletes = 0;
  for (size_t i = from; i < to; i++) {
    const struct batch_op *op = &sending->run->ops[i];
    updates += op->kind != APPLY_DELETE && (op->kind != APPLY_INSERT || sending_is_whole(sending, op));
    deletes += op->kind == APPLY_DELETE && !op->loose;
  }
  bool missed_update = reply_number(reply, "nMatched") + reply_number(reply, "nUpserted") < updates;
  bool missed_delete = reply_number(reply, "nRemoved") < deletes && !sending->run->capped && !sending->run->expires;
  if (missed_update && sending_notes(sending)) {
    missed_update = false;
    if (!unmatched_updates_note(sending->bulk->target, sending->batch, sending->run, from, to, sending->bulk->again,
                                error)) {
      return false;
    }
  }
  if (sending->bulk->lenient) {
    return true;
  }
  if (!missed_update && !missed_delete) {
    return true;
  }
  for (size_t i = from; i < to; i++) {
    const struct batch_op *op = &sending->run->ops[i];
    bool suspect = missed_update ? op->kind != APPLY_INSERT && op->kind != APPLY_DELETE : op->kind == APPLY_DELETE;
    int there = suspect ? sending_finds(sending, op, NULL, error) : 1;
    if (there < 0) {
      return false;
    }
    if (there == 0) {
      return sending_diverged(sending, op, "the document is not there", error);
    }
  }
  return sending_diverged(sending, &sending->run->ops[from],
                          "this or a later write of the same batch found no document", error);
}

static mongoc_bulk_operation_t *
new_bulk(const struct sending *sending)
{
  mongoc_bulk_operation_t *bulk = mongoc_bulk_operation_new(true);
  mongoc_bulk_operation_set_client(bulk, sending->bulk->target->client);
  mongoc_bulk_operation_set_database(bulk, sending->run->db);
  mongoc_bulk_operation_set_collection(bulk, sending->run->coll);
  mongoc_bulk_operation_set_bypass_document_validation(bulk, writer_bypasses(sending->run->coll));
  if (sending->bulk->session) { /* its write concern is the transaction's */
    mongoc_bulk_operation_set_client_session(bulk, sending->bulk->session);
  } else {
    mongoc_write_concern_t *concern = mongoc_write_concern_new();
    if (sending->bulk->target->mongos) {
      mongoc_write_concern_set_wmajority(concern, 0);
    } else {
      mongoc_write_concern_set_w(concern, 1);
    }
    mongoc_bulk_operation_set_write_concern(bulk, concern);
    mongoc_write_concern_destroy(concern);
  }
  return bulk;
}

/*
 * Something in one of the documents (invalid names, too deep) makes the server refuse a whole command. The rest of the
 * run goes one by one, to find that document. A bulk is several commands, so those before it are repeated, leniently.
 */
static void
be_careful(struct sending *sending)
{
  sending->one_by_one = true;
  sending->repeated = *sending->bulk;
  sending->repeated.lenient = true;
  sending->bulk = &sending->repeated;
}

/*
 * ops[at] was not carried out, and the writes before it were. If the server was not able to do it now, that does not
 * concern the document. An interruption is sent again, and a member that is no longer primary is waited for.
 */
static bool
take_refusal(struct sending *sending, size_t at, int64_t code, const char *text, size_t *done, struct error *error)
{
  error_set(error, ERROR_TARGET, "target: %s", text);
  error->code = code;
  if (!failure_passes(code)) {
    return sending_forgive(sending, at, code, text, done, error);
  }
  sending->tries = at > *done ? 0 : sending->tries;
  *done = at;
  return failure_try_again(error, &sending->tries);
}

/* What is done twice may give another order of fields. */
static void
note_twice(const struct sending *sending, size_t from, size_t to)
{
  for (size_t i = from; sending->bulk->again && i < to; i++) {
    bson_t change;
    batch_change(sending->batch, &sending->run->ops[i], &change);
    if (sending->run->ops[i].kind == APPLY_DELTA || bson_has_field(&change, "$unset")) {
      sending_read_again(sending, &sending->run->ops[i]);
    }
  }
}

/*
 * Where a write of an ordered command failed, a mongos does not tell that the write concern of those before it was not
 * met. While the replay is lenient, they are sent again, without that one. After that, the replay goes back to its
 * bookmark. S:src/mongo/s/write_ops/batch_write_op.cpp, buildClientResponse@r4.0.14 and 5.0
 */
static bool
send_again_before(struct sending *sending, size_t from, size_t at, const char *text, struct error *error)
{
  if (!sending->bulk->lenient) {
    error_set(error, ERROR_TARGET, "target: %s; a mongos does not tell whether a majority has those before it", text);
    error->code = CODE_WRITE_CONCERN_FAILED;
    return false;
  }
  note_twice(sending, from, at);
  sending->until = at;
  return true;
}

/*
 * killOp breaks off a whole command, and nobody tells how much of it was done. While the replay may be ahead, the
 * writes are sent again, fewer at a time. After that, the replay goes back to its bookmark.
 */
static bool
send_fewer(struct sending *sending, size_t from, size_t to, const struct error *error)
{
  if (!sending->bulk->lenient || sending->bulk->session || !failure_try_again(error, &sending->tries)) {
    return false;
  }
  note_twice(sending, from, to);
  if (to - from > 1) {
    sending->most = (to - from) / 2;
    sending->tries = 0;
  }
  return true;
}

/*
 * Sends ops[from..to) as one ordered bulk. `*done` is where to go on: behind the last operation, or behind a forgiven
 * one.
 */
static bool
send_ordered(struct sending *sending, size_t from, size_t to, size_t *done, struct error *error)
{
  bson_t reply;
  bson_error_t cause;
  struct write_error first;
  bool ok = true;
  bool unreadable = false; /* one of its documents makes the server refuse the whole command */
  mongoc_bulk_operation_t *bulk = new_bulk(sending);
  for (size_t i = from; i < to && ok; i++) {
    ok = add_operation(sending, bulk, &sending->run->ops[i], &cause);
    if (!ok) {
      sending_diverged(sending, &sending->run->ops[i], cause.message, error);
    }
  }
  if (ok) {
    ok = mongoc_bulk_operation_execute(bulk, &reply, &cause) != 0;
    if (ok) {
      *done = to;
      sending->tries = 0;
      ok = check_counts(sending, &reply, from, to, error);
    } else if (failure_unconfirmed(&reply, error)) {
      ok = false;
    } else if (!sending->bulk->session && write_errors_first(&reply, &first) && first.index >= 0 &&
               (uint64_t)first.index < to - from) { /* another index is no write's of this command */
      size_t at = from + (size_t)first.index;
      if (sending->bulk->target->mongos && at > from) {
        *done = from;
        ok = send_again_before(sending, from, at, first.text, error);
      } else {
        ok = check_counts(sending, &reply, from, at, error) &&
             take_refusal(sending, at, first.code, first.text, done, error);
      }
    } else {
      server_error(sending->bulk->target, &cause, error);
      ok = send_fewer(sending, from, to, error);
      unreadable = !sending->bulk->session && refused_by_content(error->code, true);
    }
    bson_destroy(&reply);
  }
  mongoc_bulk_operation_destroy(bulk);
  if (unreadable && to - from > 1) {
    be_careful(sending);
    *done = from;
    return true;
  }
  if (unreadable) {
    struct error why = *error;
    return sending_forgive(sending, from, why.code, why.text, done, error);
  }
  return ok;
}

static bool
is_odd(const struct sending *sending, const struct batch_op *op)
{
  bson_t document;
  if (op->kind != APPLY_INSERT && op->kind != APPLY_REPLACE) {
    return false;
  }
  batch_change(sending->batch, op, &document);
  return verbatim_is_odd(&document);
}

/* A document that an ordinary write would change. */
static bool
send_exactly(const struct sending *sending, size_t at, struct error *error)
{
  struct batch_run *run = sending->run;
  const struct batch_op *op = &run->ops[at];
  bson_t document;
  bson_t selector;
  if (sending->bulk->session) {
    return error_set(error, ERROR_REFUSED, "the target does not take documents of this form within a transaction");
  }
  bool may_miss = op->kind == APPLY_REPLACE ? op->upsert : sending->bulk->upsert || op->loose;
  if (!sending->bulk->lenient && !may_miss) {
    int there = sending_finds(sending, op, NULL, error);
    if (there == 0 && op->kind == APPLY_REPLACE) {
      return sending_finds_nothing(sending, op, error);
    }
    if (there != (op->kind == APPLY_REPLACE)) {
      return there >= 0 && sending_diverged(sending, op, "the document is there already", error);
    }
  }
  batch_change(sending->batch, op, &document);
  batch_selector(sending->batch, op, &selector);
  switch (verbatim_write(sending->bulk->target, run->db, run->coll, &document, error)) {
  case VERBATIM_FAILED:
    return false;
  case VERBATIM_REFUSED: {
    struct error why = *error;
    return sending_go_on_without(sending, at, why.text, error);
  }
  case VERBATIM_CHANGED:
    sending_report(sending, &selector, true, error->text);
    return true;
  case VERBATIM_SAME:
    break;
  }
  return true;
}

bool
bulk_send(const struct bulk *bulk, struct batch *batch, struct batch_run *run, struct error *error)
{
  struct sending sending = {.bulk = bulk, .batch = batch, .run = run, .most = SIZE_MAX, .strict = !bulk->lenient};
  size_t at = 0;
  if (refused_any(bulk->refused) && !sending_leave_out(&sending, 0, error)) {
    return false;
  }
  if (run->capped && bulk->capped->refuses) {
    capped_leave_out(bulk->capped, batch, run, 0);
  }
  if (!run->keep_order) {
    batch_arrange(batch, run, bulk->lenient || bulk->upsert);
  }
  bool ok = true;
  while (ok && at < run->count) {
    if (sending.alone && at >= sending.read_end) {
      delta_update_done(&sending);
    }
    size_t end = at;
    size_t limit = at < sending.until ? sending.until : run->count;
    while (end < limit && end - at < sending.most && !delta_update_needed(&sending, &run->ops[end]) &&
           !is_odd(&sending, &run->ops[end]) && run->ops[end].loose == run->ops[at].loose &&
           !(sending.one_by_one && end > at)) {
      end++;
    }
    if (end > at) {
      ok = send_ordered(&sending, at, end, &at, error);
    } else if (delta_update_needed(&sending, &run->ops[at])) {
      ok = delta_update_resolve(&sending, at, error);
    } else {
      ok = send_exactly(&sending, at++, error);
    }
  }
  delta_update_done(&sending);
  if (ok && run->capped && bulk->again) {
    ok = capped_judge(bulk->capped, bulk->target, 0, bulk->again, error);
  }
  return ok;
}
