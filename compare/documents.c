#include "compare/documents.h"

#include <stdlib.h>
#include <string.h>

#include "compare/second_look.h"
#include "compare/stream.h"
#include "compare/unmatched.h"
#include "ipc/message.h"

#define MEMORY_MOST (16 << 20) /* for what is not matched */
#define PROGRESS_DOCUMENTS 1000
#define PROGRESS_BYTES (1 << 20)

static const struct {
  const char *name;
  const char *text;
} excuses[DOCUMENTS_EXCUSES] = {
  {"repeatedId", "the source has several documents of this _id, and the target's index takes one"},
  {"cappedOldest", "the oldest documents of a full capped collection, which one side has removed already"},
  {"refused", "the target refused them in the migration"}};

const char *
documents_excuse_name(enum documents_excuse excuse)
{
  return excuses[excuse].name;
}

const char *
documents_excuse_text(enum documents_excuse excuse)
{
  return excuses[excuse].text;
}

void
documents_result_init(struct documents_result *result)
{
  *result = (struct documents_result){.listed = 0};
  bson_init(&result->list);
  bson_init(&result->excused_list);
}

void
documents_result_clear(struct documents_result *result)
{
  bson_destroy(&result->list);
  bson_destroy(&result->excused_list);
}

/* One document, as it was read. */
struct given {
  const uint8_t *bytes;
  size_t size;
};

struct work {
  const struct documents_task *task;
  struct documents_result *result;
  struct stream *streams[COMPARISON_SIDES];
  bool ended[COMPARISON_SIDES];
  int64_t read[COMPARISON_SIDES];
  /* How many documents this side has given behind the last that both gave. Then the other one is read alone. */
  int64_t ahead[COMPARISON_SIDES];
  int64_t pair[COMPARISON_SIDES];  /* the places of the last document that both gave */
  int64_t first[COMPARISON_SIDES]; /* and of the first one; 0: none yet */
  struct digester *digester;
  struct unmatched *unmatched;
  struct second_look look;
  int64_t told; /* documents, in the last progress */
  int64_t told_bytes;
};

static void
count(struct work *work, int side, const struct given *given, const struct digest *digest)
{
  struct documents_side *total = &work->result->sides[side];
  total->documents++;
  total->bytes += (int64_t)given->size;
  digest_add(&total->digest, digest);
}

/* True if the target refused it, which is no difference. */
static bool
excuse(struct work *work, enum difference_kind kind, const bson_t *selector)
{
  struct documents_result *result = work->result;
  const char *why = excused_documents_why(work->task->excused, selector, kind);
  if (!why) {
    return false;
  }
  result->excused[EXCUSE_REFUSED]++;
  if (result->excused_listed < DOCUMENTS_LISTED) {
    bson_t item = BSON_INITIALIZER;
    second_look_put_id(selector, &item);
    BSON_APPEND_UTF8(&item, "text", why);
    message_put_item(&result->excused_list, result->excused_listed++, &item);
    bson_destroy(&item);
  }
  return true;
}

static bool
note(struct work *work, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  const struct documents_task *task = work->task;
  return excuse(work, kind, selector) || (task->unequal ? task->unequal(task->context, kind, selector, error)
                                                        : second_look_note(&work->look, kind, selector, error));
}

/* Both sides have a document, at these places. Places that go back show another order. */
static bool
note_pair(struct work *work, const int64_t places[COMPARISON_SIDES], const bson_t *selector, struct error *error)
{
  bool back = false;
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    back = back || places[side] < work->pair[side];
    work->first[side] = work->first[side] ? work->first[side] : places[side];
  }
  if (!back) {
    memcpy(work->pair, places, sizeof work->pair);
  }
  return !back || !work->task->capped || !selector || note(work, DIFFERENCE_POSITION, selector, error);
}

/* `selector` becomes {_id}, or {} without one. */
static void
select_id(const struct given *given, bson_t *document, bson_t *selector)
{
  bson_iter_t iter;
  bson_init(selector);
  if (bson_init_static(document, given->bytes, given->size) && bson_iter_init_find(&iter, document, "_id")) {
    bson_append_iter(selector, "_id", 3, &iter);
  }
}

/* A document that is not the one that the other side gave at the same time. */
static bool
arrive(struct work *work, int side, const struct given *given, struct error *error)
{
  bson_t document;
  bson_t selector;
  struct unmatched_document other;
  struct digest digest = digester_of(work->digester, given->bytes, given->size);
  count(work, side, given, &digest);
  select_id(given, &document, &selector);
  int64_t number = work->result->sides[side].documents;
  struct unmatched_document own = {side, bson_get_data(&selector), selector.len, digest, number, (int64_t)given->size};
  int found = unmatched_match(work->unmatched, &own, &other, error);
  bool ok = found >= 0;
  if (found == 1) {
    int64_t places[COMPARISON_SIDES];
    places[side] = number;
    places[!side] = other.number;
    work->ahead[side] = 0;
    work->ahead[!side] = work->read[!side] - other.number;
    ok = note_pair(work, places, &selector, error) &&
         (digest_equal(&digest, &other.digest) || note(work, DIFFERENCE_VALUE, &selector, error));
  }
  bson_destroy(&selector);
  return ok;
}

static bool
take_equal(struct work *work, const struct given *given, struct error *error)
{
  struct digest digest = digester_of(work->digester, given->bytes, given->size);
  count(work, SOURCE_SIDE, given, &digest);
  count(work, TARGET_SIDE, given, &digest);
  int64_t places[] = {work->result->sides[SOURCE_SIDE].documents, work->result->sides[TARGET_SIDE].documents};
  return note_pair(work, places, NULL, error);
}

static bool
wanted(const struct work *work, int side)
{
  return !work->ended[side] && (work->ahead[side] == 0 || work->ended[!side]);
}

/* A collection that was never made is empty. */
static int
next(struct work *work, int side, struct given *given, struct error *error)
{
  int got = stream_next(work->streams[side], &given->bytes, &given->size, error);
  if (got < 0 && error->code == CODE_NAMESPACE_NOT_FOUND) {
    got = 0;
  }
  work->ended[side] = got == 0;
  work->read[side] += got == 1;
  if (got == 1 && work->ahead[!side] > 0) {
    work->ahead[!side]--;
  }
  return got;
}

/* One document of each side that is to be read. */
static bool
step(struct work *work, struct error *error)
{
  struct given given[COMPARISON_SIDES];
  int got[COMPARISON_SIDES] = {0};
  bool wants[] = {wanted(work, SOURCE_SIDE), wanted(work, TARGET_SIDE)};
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    got[side] = wants[side] ? next(work, side, &given[side], error) : 0;
    if (got[side] < 0) {
      return false;
    }
  }
  if (got[0] && got[1] && given[0].size == given[1].size &&
      memcmp(given[0].bytes, given[1].bytes, given[0].size) == 0) {
    return take_equal(work, &given[0], error);
  }
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    if (got[side] && !arrive(work, side, &given[side], error)) {
      return false;
    }
  }
  return true;
}

static bool
tell(struct work *work, struct error *error)
{
  const struct documents_side *source = &work->result->sides[SOURCE_SIDE];
  int64_t read = source->documents + work->result->sides[TARGET_SIDE].documents;
  int64_t bytes = source->bytes + work->result->sides[TARGET_SIDE].bytes;
  if (read - work->told < PROGRESS_DOCUMENTS && bytes - work->told_bytes < PROGRESS_BYTES) {
    return true;
  }
  work->told = read;
  work->told_bytes = bytes;
  return work->task->progress(work->task->context, source->documents, source->bytes, error);
}

static bool
read_all(struct work *work, struct error *error)
{
  while (!work->ended[SOURCE_SIDE] || !work->ended[TARGET_SIDE]) {
    if (!step(work, error) || !tell(work, error)) {
      return false;
    }
  }
  return true;
}

/*
 * Capped collections remove their oldest documents when they are full, and storage engines count differently. So one
 * side may still have some. With them the other side would be as good as full: storage engines keep a tenth free.
 */
static bool
was_removed(const struct work *work, const struct unmatched_document *document)
{
  int side = document->side;
  int64_t more = work->result->sides[side].bytes - work->result->sides[!side].bytes;
  int64_t full = work->result->sides[!side].bytes + (more > 0 ? more : 0);
  return work->task->capped && document->number < work->first[side] && work->task->capped_bytes > 0 &&
         full > work->task->capped_bytes / 10 * 9;
}

static bool
take_left(void *context, const struct unmatched_document *left, const struct unmatched_document *right,
          struct error *error)
{
  struct work *work = context;
  bson_t selector;
  bson_init_static(&selector, left->key, left->key_size);
  if (right) {
    return note(work, DIFFERENCE_VALUE, &selector, error);
  }
  if (was_removed(work, left)) {
    work->result->excused[EXCUSE_CAPPED_OLDEST]++;
    return true;
  }
  return note(work, left->side == SOURCE_SIDE ? DIFFERENCE_MISSING : DIFFERENCE_EXTRA, &selector, error);
}

static bool
start(struct work *work, struct error *error)
{
  const struct documents_task *task = work->task;
  struct unmatched_settings settings = {
    .memory_most = MEMORY_MOST, .folder = task->folder, .unique = task->has_id_index[0] && task->has_id_index[1]};
  work->digester = digester_new(error);
  work->unmatched = unmatched_new(&settings);
  for (int side = 0; side < COMPARISON_SIDES && work->digester; side++) {
    work->streams[side] = stream_start(task->readers[side], &task->ranges[side], error);
    if (!work->streams[side]) {
      return false;
    }
  }
  return work->digester != NULL;
}

/* The readers are the caller's again. */
static void
end_streams(struct work *work)
{
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    stream_end(work->streams[side]);
    work->streams[side] = NULL;
  }
}

bool
documents_compare(const struct documents_task *task, struct documents_result *result, struct error *error)
{
  struct work work = {.task = task, .result = result};
  second_look_init(&work.look, task, result);
  bool ok = start(&work, error) && read_all(&work, error);
  end_streams(&work);
  result->order_unknown = task->capped && unmatched_spilled(work.unmatched);
  ok = ok && unmatched_end(work.unmatched, take_left, &work, error) && second_look_end(&work.look, error);
  second_look_clear(&work.look);
  unmatched_free(work.unmatched);
  digester_free(work.digester);
  return ok;
}
