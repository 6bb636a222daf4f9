#include "target/insert/writer.h"

#include "base/memory.h"
#include "server/failure.h"
#include "server/write_errors.h"
#include "target/definition/schema.h"
#include "target/insert/refused.h"
#include "target/insert/verbatim.h"

bool
writer_batch_full(const struct writer_batch *batch, const bson_t *document, bool alone)
{
  return batch->documents > 0 && (alone || batch->odd || batch->documents >= WRITER_BATCH_DOCUMENTS ||
                                  batch->bytes + (int64_t)document->len > WRITER_BATCH_BYTES);
}

/* Puts the element's bytes, unchanged, into a document of their own. A document without an _id gets an empty one. */
static void
keep_id(struct writer_batch *batch, const bson_t *document)
{
  bson_iter_t iter;
  uint32_t element = bson_iter_init_find(&iter, document, "_id") ? iter.next_off - iter.off : 0;
  uint32_t size = 4 + element + 1;
  uint32_t encoded = BSON_UINT32_TO_LE(size);
  while (batch->ids_size + size > batch->ids_capacity) {
    batch->ids_capacity = batch->ids_capacity ? batch->ids_capacity * 2 : 1 << 12;
    batch->ids = memory_resize(batch->ids, batch->ids_capacity);
  }
  uint8_t *to = batch->ids + batch->ids_size;
  memcpy(to, &encoded, sizeof encoded);
  if (element > 0) {
    memcpy(to + 4, iter.raw + iter.off, element);
  }
  to[size - 1] = 0;
  batch->ids_size += size;
}

static bool
find_id(const struct writer_batch *batch, int64_t number, bson_t *selector)
{
  for (size_t at = 0; at < batch->ids_size;) {
    uint32_t size;
    memcpy(&size, batch->ids + at, sizeof size);
    size = BSON_UINT32_FROM_LE(size);
    if (number-- == 0) {
      return bson_init_static(selector, batch->ids + at, size);
    }
    at += size;
  }
  return false;
}

bool
writer_bypasses(const char *coll)
{
  return strcmp(coll, "system.js") != 0;
}

static bool
add_insert(struct writer_batch *batch, const bson_t *document, bool bypass, struct error *error)
{
  bson_error_t cause;
  static const uint8_t unchecked_bytes[] = {16, 0, 0, 0, 8, 'v', 'a', 'l', 'i', 'd', 'a', 't', 'e', 0, 0, 0};
  bson_t unchecked; /* {validate: false}: the server decides what is a document */
  bson_init_static(&unchecked, unchecked_bytes, sizeof unchecked_bytes);
  if (!batch->bulk) {
    batch->bulk = mongoc_bulk_operation_new(false);
    mongoc_bulk_operation_set_bypass_document_validation(batch->bulk, bypass); /* taken over as documents are added */
  }
  if (!mongoc_bulk_operation_insert_with_opts(batch->bulk, document, &unchecked, &cause)) {
    return error_set(error, ERROR_TARGET, "cannot put a document into a batch: %s", cause.message);
  }
  keep_id(batch, document);
  return true;
}

bool
writer_batch_add(struct writer_batch *batch, const bson_t *document, bool bypass, struct error *error)
{
  if (verbatim_is_odd(document)) {
    batch->odd = bson_copy(document);
  } else if (!add_insert(batch, document, bypass, error)) {
    return false;
  }
  batch->documents++;
  batch->bytes += document->len;
  return true;
}

void
writer_batch_clear(struct writer_batch *batch)
{
  if (batch->bulk) {
    mongoc_bulk_operation_destroy(batch->bulk);
  }
  if (batch->odd) {
    bson_destroy(batch->odd);
  }
  free(batch->ids);
  *batch = (struct writer_batch){0};
}

/* `error` says why, and may be another one when this fails. */
static bool
refuse(struct writer *writer, const bson_t *selector, bool kept, struct error *error)
{
  struct error why = *error;
  struct writer_refusal refusal = {writer->db, writer->coll, selector, kept, &why};
  return writer->refuse(writer->context, &refusal, error);
}

static void
note_duplicate(struct writer *writer, const struct writer_batch *batch, int64_t index)
{
  bson_t selector;
  bson_iter_t id;
  char buffer[16];
  const char *key;
  uint32_t before = writer->duplicates < WRITER_DUPLICATES ? (uint32_t)writer->duplicates : WRITER_DUPLICATES;
  writer->duplicates++;
  if (writer->duplicate_ids && before < WRITER_DUPLICATES && find_id(batch, index, &selector) &&
      bson_iter_init_find(&id, &selector, "_id")) {
    size_t length = bson_uint32_to_string(before, &key, buffer, sizeof buffer);
    bson_append_iter(writer->duplicate_ids, key, (int)length, &id);
  }
}

/* Takes one write error of the reply: counts it, reports it, or ends the copy. */
static bool
take_write_error(struct writer *writer, const struct writer_batch *batch, const struct write_error *said,
                 struct error *error)
{
  bson_t selector;
  if (said->code == CODE_DUPLICATE_KEY) {
    note_duplicate(writer, batch, said->index);
    return true;
  }
  error_set(error, ERROR_TARGET, "the target refused a document: %s", said->text);
  error->code = said->code;
  if (schema_allow_mixed(writer->target, writer->db, writer->coll, said->text) ||
      !refused_by_content(said->code, true) || !find_id(batch, said->index, &selector)) {
    return false;
  }
  return refuse(writer, &selector, false, error);
}

static bool
take_write_errors(struct writer *writer, const struct writer_batch *batch, const bson_t *reply, struct error *error)
{
  bson_iter_t iter;
  struct write_error said;
  bool ok = true;
  for (bool more = write_errors_begin(reply, &iter); ok && more && write_errors_next(&iter, &said);) {
    ok = take_write_error(writer, batch, &said, error);
  }
  return ok;
}

/* Whether a write error says that the server was not able to do it now. */
static bool
has_passing_error(const bson_t *reply, struct error *error)
{
  bson_iter_t iter;
  struct write_error said;
  for (bool more = write_errors_begin(reply, &iter); more && write_errors_next(&iter, &said);) {
    if (failure_passes(said.code)) {
      error_set(error, ERROR_TARGET, "the target could not write a document at this moment: %s", said.text);
      error->code = said.code;
      return true;
    }
  }
  return false;
}

static bool
has_write_errors(const bson_t *reply)
{
  bson_iter_t iter;
  return write_errors_begin(reply, &iter);
}

/* True if the server's answer is about a document that does not yet have a batch of its own. */
bool
writer_unreadable(const struct error *error)
{
  return error->kind == ERROR_TARGET && refused_by_content(error->code, true);
}

/* The command as a whole was refused, because of the only document in it. */
static bool
refuse_only(struct writer *writer, const struct writer_batch *batch, struct error *error)
{
  bson_t selector;
  return batch->documents == 1 && writer_unreadable(error) && find_id(batch, 0, &selector) &&
         refuse(writer, &selector, false, error);
}

static void
prepare(const struct writer *writer, mongoc_bulk_operation_t *bulk, bool majority)
{
  mongoc_write_concern_t *concern = mongoc_write_concern_new();
  if (majority) {
    mongoc_write_concern_set_wmajority(concern, 0);
  } else {
    mongoc_write_concern_set_w(concern, 1);
  }
  mongoc_bulk_operation_set_client(bulk, writer->target->client);
  mongoc_bulk_operation_set_database(bulk, writer->db);
  mongoc_bulk_operation_set_collection(bulk, writer->coll);
  mongoc_bulk_operation_set_write_concern(bulk, concern);
  mongoc_write_concern_destroy(concern);
}

/* An update of each of the batch's documents that changes nothing. */
static bool
touch_all(const struct writer_batch *batch, mongoc_bulk_operation_t *bulk, struct error *error)
{
  bson_error_t cause;
  bson_t *nothing = BCON_NEW("$setOnInsert", "{", "mongoferry", BCON_INT32(1), "}");
  bool ok = true;
  for (size_t at = 0; ok && at < batch->ids_size;) {
    uint32_t size;
    bson_t selector;
    memcpy(&size, batch->ids + at, sizeof size);
    size = BSON_UINT32_FROM_LE(size);
    ok = !bson_init_static(&selector, batch->ids + at, size) ||
         mongoc_bulk_operation_update_one_with_opts(bulk, &selector, nothing, NULL, &cause);
    at += size;
  }
  bson_destroy(nothing);
  return ok || error_set(error, ERROR_TARGET, "cannot ask for the documents of a batch: %s", cause.message);
}

static int64_t
reply_number(const bson_t *reply, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, reply, name) ? bson_iter_as_int64(&iter) : 0;
}

/*
 * Where every write of a command failed, a mongos does not tell that a write concern was not met. So a document that is
 * there already may be on one member alone. An update that changes nothing does not fail, and waits for the majority.
 * It counts the documents of the primary that took it.
 * S:src/mongo/s/write_ops/batch_write_op.cpp, buildClientResponse@r4.0.14 and 5.0
 */
static bool
confirm_duplicates(const struct writer *writer, const struct writer_batch *batch, int64_t duplicates,
                   struct error *error)
{
  bson_t reply;
  bson_error_t cause;
  mongoc_bulk_operation_t *bulk = mongoc_bulk_operation_new(false);
  prepare(writer, bulk, true);
  bool ok = touch_all(batch, bulk, error);
  if (ok) {
    ok = mongoc_bulk_operation_execute(bulk, &reply, &cause) != 0;
    if (!ok && !has_passing_error(&reply, error) && !failure_unconfirmed(&reply, error)) {
      server_error(writer->target, &cause, error);
    }
    if (ok && reply_number(&reply, "nMatched") < duplicates) {
      ok = error_set(error, ERROR_TARGET, "documents that the target had are gone, as after an election");
      error->code = CODE_WRITE_CONCERN_FAILED;
    }
    bson_destroy(&reply);
  }
  mongoc_bulk_operation_destroy(bulk);
  return ok;
}

static bool
insert_once(struct writer *writer, struct writer_batch *batch, struct error *error)
{
  bson_t reply;
  bson_error_t cause;
  bool ok = mongoc_bulk_operation_execute(batch->bulk, &reply, &cause) != 0;
  if (!ok && !has_passing_error(&reply, error) && !failure_unconfirmed(&reply, error)) {
    if (has_write_errors(&reply)) { /* a network failure carries none; duplicates alone are no failure */
      int64_t before = writer->duplicates;
      ok = take_write_errors(writer, batch, &reply, error);
      if (ok && writer->target->mongos && reply_number(&reply, "nInserted") == 0 && writer->duplicates > before) {
        ok = confirm_duplicates(writer, batch, writer->duplicates - before, error);
      }
    } else {
      server_error(writer->target, &cause, error);
      ok = refuse_only(writer, batch, error);
    }
  }
  bson_destroy(&reply);
  return ok;
}

/* The next attempt finds what this one, cut short, has written. */
static bool
insert_bulk(struct writer *writer, struct writer_batch *batch, bool majority, struct error *error)
{
  int tries = 0;
  bool always = false;
  if (!server_writes_majority(writer->target, &always, error)) {
    return false;
  }
  prepare(writer, batch->bulk, majority || always);
  while (!insert_once(writer, batch, error)) {
    if (writer->in_order || !failure_try_again(error, &tries)) {
      return false;
    }
  }
  return true;
}

static bool
insert_odd(struct writer *writer, const bson_t *document, struct error *error)
{
  bson_iter_t iter;
  bson_t selector = BSON_INITIALIZER;
  enum verbatim_outcome outcome = verbatim_write(writer->target, writer->db, writer->coll, document, error);
  bool ok = outcome == VERBATIM_SAME;
  if (!ok && outcome != VERBATIM_FAILED && bson_iter_init_find(&iter, document, "_id")) {
    bson_append_iter(&selector, "_id", 3, &iter);
    ok = refuse(writer, &selector, outcome == VERBATIM_CHANGED, error);
  }
  bson_destroy(&selector);
  return ok;
}

bool
writer_insert(struct writer *writer, struct writer_batch *batch, bool majority, struct error *error)
{
  bool ok = !batch->bulk || insert_bulk(writer, batch, majority && !batch->odd, error);
  if (ok && batch->odd) {
    ok = insert_odd(writer, batch->odd, error) &&
         (!majority || server_confirm_majority(writer->target, writer->db, writer->coll, error));
  }
  writer_batch_clear(batch);
  return ok || error_wrap(error, "cannot insert into %s.%s", writer->db, writer->coll);
}
