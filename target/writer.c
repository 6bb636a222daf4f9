#include "target/writer.h"

bool
writer_batch_full(const struct writer_batch *batch, const bson_t *document)
{
  return batch->documents > 0 &&
         (batch->documents >= WRITER_BATCH_DOCUMENTS || batch->bytes + (int64_t)document->len > WRITER_BATCH_BYTES);
}

bool
writer_batch_add(struct writer_batch *batch, const bson_t *document, struct error *error)
{
  bson_error_t cause;
  static const uint8_t unchecked_bytes[] = {16, 0, 0, 0, 8, 'v', 'a', 'l', 'i', 'd', 'a', 't', 'e', 0, 0, 0};
  bson_t unchecked; /* {validate: false}: the server decides what is a document */
  bson_init_static(&unchecked, unchecked_bytes, sizeof unchecked_bytes);
  if (!batch->bulk) {
    batch->bulk = mongoc_bulk_operation_new(false);
    mongoc_bulk_operation_set_bypass_document_validation(batch->bulk, true); /* taken over as documents are added */
  }
  if (!mongoc_bulk_operation_insert_with_opts(batch->bulk, document, &unchecked, &cause)) {
    return error_set(error, ERROR_TARGET, "cannot put a document into a batch: %s", cause.message);
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
  *batch = (struct writer_batch){0};
}

/* Counts duplicates; false at the first write error that is something else. */
static bool
read_write_errors(const bson_t *reply, int64_t *duplicates, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t item;
  bson_iter_t field;
  if (!bson_iter_init_find(&iter, reply, "writeErrors") || !bson_iter_recurse(&iter, &item)) {
    return true;
  }
  while (bson_iter_next(&item)) {
    int64_t code = 0;
    const char *text = "no reason given";
    if (bson_iter_recurse(&item, &field) && bson_iter_find(&field, "code")) {
      code = bson_iter_as_int64(&field);
    }
    if (bson_iter_recurse(&item, &field) && bson_iter_find(&field, "errmsg") && BSON_ITER_HOLDS_UTF8(&field)) {
      text = bson_iter_utf8(&field, NULL);
    }
    if (code != CODE_DUPLICATE_KEY) {
      error_set(error, ERROR_TARGET, "the target refused a document: %s", text);
      error->code = code;
      return false;
    }
    (*duplicates)++;
  }
  return true;
}

static bool
has_write_errors(const bson_t *reply)
{
  bson_iter_t iter;
  bson_iter_t item;
  return bson_iter_init_find(&iter, reply, "writeErrors") && bson_iter_recurse(&iter, &item) && bson_iter_next(&item);
}

static bool
has_concern_errors(const bson_t *reply)
{
  bson_iter_t iter;
  bson_iter_t item;
  return bson_iter_init_find(&iter, reply, "writeConcernErrors") && bson_iter_recurse(&iter, &item) &&
         bson_iter_next(&item);
}

bool
writer_insert(struct server *target, const char *db, const char *coll, struct writer_batch *batch, bool majority,
              int64_t *duplicates, struct error *error)
{
  bson_t reply;
  bson_error_t cause;
  if (!batch->bulk) {
    return true;
  }
  mongoc_write_concern_t *concern = mongoc_write_concern_new();
  if (majority) {
    mongoc_write_concern_set_wmajority(concern, 0);
  } else {
    mongoc_write_concern_set_w(concern, 1);
  }
  mongoc_bulk_operation_set_client(batch->bulk, target->client);
  mongoc_bulk_operation_set_database(batch->bulk, db);
  mongoc_bulk_operation_set_collection(batch->bulk, coll);
  mongoc_bulk_operation_set_write_concern(batch->bulk, concern);
  bool ok = mongoc_bulk_operation_execute(batch->bulk, &reply, &cause) != 0;
  if (!ok) { /* a network failure carries no writeErrors; duplicates alone are no failure */
    bool only_documents = has_write_errors(&reply) && !has_concern_errors(&reply);
    if (only_documents) {
      ok = read_write_errors(&reply, duplicates, error);
    } else {
      server_error(target, &cause, error);
    }
  }
  bson_destroy(&reply);
  mongoc_write_concern_destroy(concern);
  writer_batch_clear(batch);
  return ok || error_wrap(error, "cannot insert into %s.%s", db, coll);
}
