#include "target/replay/delta_update.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/table.h"
#include "target/replay/delta.h"

#define READ_MOST 1000
#define NONE SIZE_MAX

/* A document that is changed here. */
struct document {
  uint8_t *key; /* {_id} */
  size_t size;
  bson_t *value;  /* as it is by the operation that is looked at; NULL: not there */
  bool known;     /* `value` says so */
  size_t pending; /* the operation that becomes its replacement; NONE if there is none */
  UT_hash_handle hh;
};

struct reading {
  struct sending *sending;
  struct document *documents;
};

static bool
find_diff(const struct batch *batch, const struct batch_op *op, bson_t *diff)
{
  bson_t delta;
  bson_iter_t iter;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  batch_change(batch, op, &delta);
  if (!bson_iter_init_find(&iter, &delta, "diff") || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    return false;
  }
  bson_iter_document(&iter, &size, &bytes);
  return bson_init_static(diff, bytes, size);
}

bool
delta_update_needed(const struct sending *sending, const struct batch_op *op)
{
  bson_t diff;
  if (op->kind != APPLY_DELTA || sending->bulk->internal_delta) {
    return false;
  }
  return sending->bulk->lenient || op->read || !find_diff(sending->batch, op, &diff) || !delta_is_plain(&diff);
}

void
delta_update_modifiers(const struct sending *sending, const struct batch_op *op, bson_t *modifiers)
{
  bson_t diff;
  if (find_diff(sending->batch, op, &diff)) {
    delta_plain_update(&diff, modifiers);
  } else {
    bson_init(modifiers);
  }
}

static struct document *
find(const struct reading *reading, const bson_t *selector)
{
  struct document *document;
  HASH_FIND(hh, reading->documents, bson_get_data(selector), selector->len, document);
  return document;
}

static void
put(struct reading *reading, const bson_t *selector)
{
  if (find(reading, selector)) {
    return;
  }
  struct document *document = memory_new(sizeof *document);
  document->pending = NONE;
  document->size = selector->len;
  document->key = memory_new(selector->len);
  memcpy(document->key, bson_get_data(selector), selector->len);
  HASH_ADD_KEYPTR(hh, reading->documents, document->key, document->size, document);
}

static void
set_value(struct document *document, bson_t *value)
{
  if (document->value) {
    bson_destroy(document->value);
  }
  document->value = value;
  document->known = true;
}

static void
clear(struct reading *reading)
{
  struct document *document;
  struct document *next;
  HASH_ITER (hh, reading->documents, document, next) {
    HASH_DEL(reading->documents, document); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    set_value(document, NULL);
    free(document->key);
    free(document);
  }
}

static bson_t *
filter_of(const struct reading *reading)
{
  bson_t list = BSON_INITIALIZER;
  uint32_t count = 0;
  for (const struct document *document = reading->documents; document; document = document->hh.next) {
    char key[16];
    const char *name;
    bson_t selector;
    bson_iter_t id;
    size_t length = bson_uint32_to_string(count++, &name, key, sizeof key);
    if (bson_init_static(&selector, document->key, document->size) && bson_iter_init_find(&id, &selector, "_id")) {
      bson_append_iter(&list, name, (int)length, &id);
    }
  }
  bson_t *filter = BCON_NEW("_id", "{", "$in", BCON_ARRAY(&list), "}");
  bson_destroy(&list);
  return filter;
}

static void
take_found(const struct reading *reading, const bson_t *found)
{
  bson_t selector = BSON_INITIALIZER;
  bson_iter_t id;
  if (bson_iter_init_find(&id, found, "_id")) {
    bson_append_iter(&selector, "_id", 3, &id);
  }
  struct document *document = find(reading, &selector);
  if (document) {
    set_value(document, bson_copy(found));
  }
  bson_destroy(&selector);
}

/* Large ones are remembered for a while. */
static void
note_largest(const struct reading *reading, size_t size)
{
  size_t before = atomic_load(&reading->sending->bulk->reading->largest);
  size_t faded = before - before / 8;
  atomic_store(&reading->sending->bulk->reading->largest, size > faded ? size : faded);
}

/* 1: all are read; 0: they are too many to hold; -1 on error. */
static int
read_all(const struct reading *reading, struct error *error)
{
  size_t largest = 0;
  const struct batch_run *run = reading->sending->run;
  struct server_cursor cursor;
  const bson_t *found;
  size_t bytes = 0;
  int got;
  bson_t *filter = filter_of(reading);
  server_find(reading->sending->bulk->target, run->db, run->coll, filter, &cursor);
  bson_destroy(filter);
  while ((got = server_next(&cursor, &found, error)) == 1) {
    bytes += found->len;
    largest = found->len > largest ? found->len : largest;
    if (bytes > reading->sending->bulk->read_bytes && HASH_COUNT(reading->documents) > 1) {
      break;
    }
    take_found(reading, found);
  }
  server_cursor_clear(&cursor);
  if (largest > 0) {
    note_largest(reading, largest);
  }
  return got < 0 ? -1 : got == 0;
}

/* Which documents those of ops[at..end) that need it change. */
static void
list_documents(struct reading *reading, size_t at, size_t end)
{
  const struct sending *sending = reading->sending;
  for (size_t i = at; i < end; i++) {
    bson_t selector;
    if (delta_update_needed(sending, &sending->run->ops[i])) {
      batch_selector(sending->batch, &sending->run->ops[i], &selector);
      put(reading, &selector);
    }
  }
}

/* If no document with these bytes was found, there may be one with an equal `_id` (1 and 1.0). */
static bool
look_again(const struct reading *reading, const struct batch_op *op, struct document *document, struct error *error)
{
  bson_t found;
  int there = sending_finds(reading->sending, op, &found, error);
  set_value(document, there == 1 ? bson_copy(&found) : NULL);
  if (there == 1) {
    bson_destroy(&found);
  }
  return there >= 0;
}

/* Reads as many as can be held at once. `*end` is brought back if these are fewer. */
static bool
read_documents(struct reading *reading, size_t at, size_t *end, struct error *error)
{
  for (;;) {
    list_documents(reading, at, *end);
    int got = read_all(reading, error);
    if (got == 1 || (got < 0 && server_error_passes(error))) {
      return got == 1;
    }
    if (*end == at + 1) { /* the server does not take it in a list */
      return look_again(reading, &reading->sending->run->ops[at], reading->documents, error);
    }
    clear(reading);
    *end = got < 0 ? at + 1 : at + (*end - at) / 2;
  }
}

static void
write_pending(const struct reading *reading, struct document *document)
{
  if (document->pending != NONE) {
    struct batch_op *op = &reading->sending->run->ops[document->pending];
    op->kind = APPLY_REPLACE;
    batch_set_change(reading->sending->batch, op, document->value);
    document->pending = NONE;
  }
}

/* Applies the delta of `op` to its document. `*gone`: there is no document, and that is fine. */
static bool
change(const struct reading *reading, const struct batch_op *op, struct document *document, bool *gone,
       struct error *error)
{
  const struct sending *sending = reading->sending;
  bson_t diff;
  bson_t result;
  if (!document->known && (!sending->bulk->lenient || op->upsert) && !look_again(reading, op, document, error)) {
    return false;
  }
  if (!document->value && op->upsert) { /* as a server does: of its _id and the diff (seen on 5.0) */
    bson_t selector;
    batch_selector(sending->batch, op, &selector);
    set_value(document, bson_copy(&selector));
  }
  *gone = !document->value;
  if (*gone) {
    return sending_finds_nothing(sending, op, error);
  }
  if (!find_diff(sending->batch, op, &diff)) {
    return sending_diverged(sending, op, "it has no diff", error);
  }
  if (!delta_apply(document->value, &diff, &result, error)) {
    return false;
  }
  set_value(document, bson_copy(&result));
  bson_destroy(&result);
  return true;
}

/* Takes ops[i] into account, and puts what is left of it into ops[*kept]. */
static bool
take(struct reading *reading, size_t i, size_t *kept, struct error *error)
{
  struct batch_run *run = reading->sending->run;
  struct batch_op op = run->ops[i];
  bson_t selector;
  bson_t whole;
  batch_selector(reading->sending->batch, &op, &selector);
  struct document *document = find(reading, &selector);
  if (document && op.kind == APPLY_DELTA) {
    bool gone;
    if (!change(reading, &op, document, &gone, error)) {
      return false;
    }
    if (gone || document->pending != NONE) {
      return true;
    }
    document->pending = *kept;
  } else if (document) {
    write_pending(reading, document);
    batch_change(reading->sending->batch, &op, &whole);
    set_value(document, op.kind == APPLY_DELETE ? NULL : bson_copy(&whole));
  }
  run->ops[(*kept)++] = op;
  if (document && run->keep_order) {
    write_pending(reading, document);
  }
  return true;
}

/* An update by modifiers cannot be carried out here. */
static bool
is_opaque(const struct reading *reading, const struct batch_op *op)
{
  bson_t selector;
  batch_selector(reading->sending->batch, op, &selector);
  return op->kind == APPLY_MODIFY && find(reading, &selector);
}

static bool
take_all(struct reading *reading, size_t at, size_t end, struct error *error)
{
  struct batch_run *run = reading->sending->run;
  struct batch *batch = reading->sending->batch;
  size_t full = batch->size + 2 * reading->sending->bulk->read_bytes;
  size_t kept = at;
  size_t i = at;
  for (; i < end && batch->size < full && !is_opaque(reading, &run->ops[i]); i++) {
    if (!take(reading, i, &kept, error)) {
      return false;
    }
  }
  for (struct document *document = reading->documents; document; document = document->hh.next) {
    write_pending(reading, document);
  }
  memmove(run->ops + kept, run->ops + i, (run->count - i) * sizeof *run->ops);
  run->count -= i - kept;
  reading->sending->read_end = kept > reading->sending->read_end ? kept : reading->sending->read_end;
  return true;
}

void
delta_update_done(struct sending *sending)
{
  if (sending->read_from > 0 && sending->batch->size == sending->read_to) {
    batch_cut(sending->batch, sending->read_from);
    sending->read_from = 0;
  }
  if (sending->alone) {
    pthread_mutex_unlock(&sending->bulk->reading->lock);
    sending->alone = false;
  }
}

/*
 * How many documents are read at once, judged by those before: a server's reply holds up to 16 MB of them. Where one
 * alone is more than this thread may hold, it waits until no other thread holds such.
 */
static size_t
most_at_once(struct sending *sending)
{
  size_t largest = atomic_load(&sending->bulk->reading->largest);
  size_t most = largest > 0 ? sending->bulk->read_bytes / largest : 0;
  if (most == 0 && !sending->alone) {
    pthread_mutex_lock(&sending->bulk->reading->lock);
    sending->alone = true;
  }
  return most == 0 || most > READ_MOST ? READ_MOST : most;
}

bool
delta_update_resolve(struct sending *sending, size_t at, struct error *error)
{
  struct reading reading = {.sending = sending};
  if (sending->bulk->session) {
    return error_set(error, ERROR_REFUSED, "the target does not take writes of this form within a transaction");
  }
  if (at >= sending->read_end) { /* what was added the time before is sent */
    delta_update_done(sending);
    sending->read_from = sending->batch->size;
  }
  size_t end = at + (sending->one_by_one ? 1 : most_at_once(sending));
  end = end < sending->run->count ? end : sending->run->count;
  bool ok = read_documents(&reading, at, &end, error) && take_all(&reading, at, end, error);
  sending->read_to = sending->batch->size;
  clear(&reading);
  return ok;
}
