#include "target/replay/batch.h"

#include "base/hash.h"
#include "base/memory.h"
#include "target/definition/numbers.h"

#define LARGE_BYTES (2u << 20)

static void
free_runs(struct batch *batch)
{
  struct batch_run *run;
  struct batch_run *next;
  HASH_ITER (hh, batch->runs, run, next) {
    HASH_DEL(batch->runs, run); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    free(run->ns);
    free(run->db);
    free(run->ops);
    free(run);
  }
}

void
batch_empty(struct batch *batch)
{
  free_runs(batch);
  batch->current = NULL;
  batch->size = batch->count = 0;
  batch->atomic = false;
  batch->hash = 0;
}

void
batch_clear(struct batch *batch)
{
  free_runs(batch);
  free(batch->bytes);
  *batch = (struct batch){0};
}

struct batch_run *
batch_into(struct batch *batch, const char *db, const char *coll)
{
  struct batch_run *run = batch->current;
  if (run && strcmp(run->coll, coll) == 0 && strcmp(run->db, db) == 0) {
    return run;
  }
  char *ns = memory_format("%s.%s", db, coll);
  HASH_FIND_STR(batch->runs, ns, run);
  if (run) {
    free(ns);
  } else {
    run = memory_new(sizeof *run);
    run->ns = ns;
    run->db = memory_string(ns);
    run->db[strlen(db)] = 0;
    run->coll = run->db + strlen(db) + 1;
    HASH_ADD_KEYPTR(hh, batch->runs, run->ns, strlen(run->ns), run);
  }
  batch->current = run;
  return run;
}

/* Gives the offset. */
static size_t
put_bytes(struct batch *batch, const bson_t *document)
{
  size_t at = batch->size;
  while (at + document->len > batch->capacity) {
    batch->capacity = batch->capacity ? batch->capacity * 2 : 1 << 16;
    batch->bytes = memory_resize(batch->bytes, batch->capacity);
  }
  memcpy(batch->bytes + at, bson_get_data(document), document->len);
  batch->size += document->len;
  return at;
}

static void
view_at(const struct batch *batch, size_t at, bson_t *view)
{
  uint32_t size;
  memcpy(&size, batch->bytes + at, sizeof size);
  bson_init_static(view, batch->bytes + at, BSON_UINT32_FROM_LE(size));
}

void
batch_selector(const struct batch *batch, const struct batch_op *op, bson_t *view)
{
  view_at(batch, op->selector, view);
}

void
batch_change(const struct batch *batch, const struct batch_op *op, bson_t *view)
{
  view_at(batch, op->change, view);
}

void
batch_cut(struct batch *batch, size_t size)
{
  batch->size = size;
  if (batch->capacity > size + LARGE_BYTES) {
    batch->capacity = size + LARGE_BYTES;
    batch->bytes = memory_resize(batch->bytes, batch->capacity);
  }
}

void
batch_set_change(struct batch *batch, struct batch_op *op, const bson_t *change)
{
  op->change = put_bytes(batch, change);
}

void
batch_add(struct batch *batch, enum apply_kind kind, uint64_t ts, const bson_t *selector, const bson_t *change)
{
  struct batch_run *run = batch->current;
  run->ops = memory_grow(run->ops, run->count, &run->capacity, sizeof *run->ops);
  struct batch_op *op = &run->ops[run->count++];
  *op = (struct batch_op){.kind = kind,
                          .ts = ts,
                          .loose = batch->loose,
                          .upsert = batch->upsert,
                          .hash = batch->hash,
                          .selector = put_bytes(batch, selector)};
  op->change = change ? put_bytes(batch, change) : op->selector;
  batch->count++;
}

void
batch_move(struct batch *batch, struct batch *from)
{
  for (const struct batch_run *run = from->runs; run; run = run->hh.next) {
    batch_into(batch, run->db, run->coll);
    for (size_t i = 0; i < run->count; i++) {
      bson_t selector;
      bson_t change;
      batch_selector(from, &run->ops[i], &selector);
      batch_change(from, &run->ops[i], &change);
      batch_add(batch, run->ops[i].kind, run->ops[i].ts, &selector, run->ops[i].kind == APPLY_DELETE ? NULL : &change);
    }
  }
  batch_empty(from);
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
add_field(struct batch *batch, uint64_t ts, const bson_t *selector, const bson_iter_t *field)
{
  bson_t update = BSON_INITIALIZER;
  bson_t set;
  BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
  bson_append_iter(&set, NULL, 0, field);
  bson_append_document_end(&update, &set);
  batch_add(batch, APPLY_MODIFY, ts, selector, &update);
  batch->current->ops[batch->current->count - 1].more = true;
  bson_destroy(&update);
}

void
batch_add_paths(struct batch *batch, uint64_t ts, const bson_t *selector, const bson_t *modifiers)
{
  bson_iter_t iter;
  bson_iter_t fields;
  bson_t rest = BSON_INITIALIZER;
  if (!bson_iter_init_find(&iter, modifiers, "$set") || !bson_iter_recurse(&iter, &fields) || in_order(&fields)) {
    batch_add(batch, APPLY_MODIFY, ts, selector, modifiers);
    return;
  }
  bson_copy_to_excluding_noinit(modifiers, &rest, "$set", NULL);
  if (!bson_empty(&rest)) {
    batch_add(batch, APPLY_MODIFY, ts, selector, &rest);
  }
  while (bson_iter_next(&fields)) {
    add_field(batch, ts, selector, &fields);
  }
  batch->current->ops[batch->current->count - 1].more = false;
  bson_destroy(&rest);
}

/* Equal for what a server compares as equal, and possibly for more. The server's own limit bounds the depth. */
static uint64_t
hash_fields(uint64_t hash, bson_iter_t *iter, bool names)
{
  while (bson_iter_next(iter)) {
    bson_iter_t inner;
    if (names) {
      hash = hash_bytes(hash, bson_iter_key(iter), bson_iter_key_len(iter) + 1);
    }
    if (numbers_is(iter)) {
      double number = numbers_of(iter);
      hash = hash_bytes(hash, &number, sizeof number);
    } else if ((BSON_ITER_HOLDS_DOCUMENT(iter) || BSON_ITER_HOLDS_ARRAY(iter)) && bson_iter_recurse(iter, &inner)) {
      hash = hash_fields(hash, &inner, true);
    } else { /* the value's bytes without its type: a symbol and a string may be one */
      const uint8_t *raw = iter->raw;
      hash = hash_bytes(hash, raw + iter->d1, iter->d1 ? iter->next_off - iter->d1 : 0);
    }
  }
  return hash;
}

uint64_t
batch_hash(const bson_t *selector)
{
  bson_iter_t iter;
  bson_iter_init(&iter, selector);
  uint64_t hash = hash_fields(HASH_SEED, &iter, false);
  return hash ? hash : 1;
}

static uint64_t
hash_of(const struct batch *batch, const struct batch_op *op)
{
  bson_t selector;
  if (op->hash) {
    return op->hash;
  }
  batch_selector(batch, op, &selector);
  return batch_hash(&selector);
}

enum phase { INSERTS, UPDATES, DELETES, PHASES };

static enum phase
phase_of(enum apply_kind kind, bool insert_replaces)
{
  if (kind == APPLY_DELETE) {
    return DELETES;
  }
  return kind == APPLY_INSERT && !insert_replaces ? INSERTS : UPDATES;
}

/* The place of each document's newest write, in a table twice as large as there are writes. */
struct seen {
  uint64_t hash; /* 0: free */
  size_t place;
};

static struct seen *
seen_at(struct seen *table, size_t mask, uint64_t hash)
{
  size_t i = (size_t)(hash ^ hash >> 32) & mask;
  while (table[i].hash && table[i].hash != hash) {
    i = (i + 1) & mask;
  }
  return &table[i];
}

/*
 * The first place in the order that belongs to this phase and is not before `least`. Places count phase by phase,
 * round by round.
 */
static size_t
place_from(size_t least, enum phase phase)
{
  size_t place = least - least % PHASES + phase;
  return place < least ? place + PHASES : place;
}

/* Gives how many places there are. */
static size_t
find_places(const struct batch *batch, const struct batch_run *run, bool insert_replaces, size_t *places)
{
  size_t mask = 1;
  size_t most = 0;
  while (mask < run->count * 2) {
    mask *= 2;
  }
  struct seen *table = memory_new(mask * sizeof *table);
  for (size_t i = 0; i < run->count; i++) {
    const struct batch_op *op = &run->ops[i];
    uint64_t hash = hash_of(batch, op);
    struct seen *seen = seen_at(table, mask - 1, hash);
    seen->hash = hash;
    seen->place = place_from(seen->place, phase_of(op->kind, insert_replaces));
    places[i] = seen->place;
    most = seen->place > most ? seen->place : most;
  }
  free(table);
  return most + 1;
}

void
batch_arrange(const struct batch *batch, struct batch_run *run, bool insert_replaces)
{
  if (run->count < 2) {
    return;
  }
  size_t *places = memory_new(run->count * sizeof *places);
  size_t place_count = find_places(batch, run, insert_replaces, places);
  size_t *next = memory_new((place_count + 1) * sizeof *next);
  struct batch_op *sorted = memory_new(run->capacity * sizeof *sorted);
  for (size_t i = 0; i < run->count; i++) {
    next[places[i] + 1]++;
  }
  for (size_t i = 1; i < place_count; i++) {
    next[i] += next[i - 1];
  }
  for (size_t i = 0; i < run->count; i++) { /* stable: the paths of one update stay together */
    sorted[next[places[i]]++] = run->ops[i];
  }
  free(places);
  free(next);
  free(run->ops);
  run->ops = sorted;
}
