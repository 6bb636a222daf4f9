#include "worker/verify_ids.h"

#include <stdlib.h>

#include "base/table.h"
#include "compare/documents.h"
#include "compare/second_look.h"
#include "source/oplog/oplog.h"
#include "source/reader/by_id.h"

/* An `_id` that was asked for. */
struct asked {
  UT_hash_handle hh;
  bson_t *selector; /* {_id}: the key */
  bool unequal;
};

struct work {
  struct documents_task task;
  struct documents_result result;
  bson_t ids;
  struct asked *asked; /* in their order */
  struct asked *by_id;
  int64_t count;
  bson_t list;
  uint32_t listed;
  verify_progress_call progress;
  void *context;
};

static bool
read_message(struct work *work, const bson_t *message, struct error *error)
{
  struct range *source = &work->task.ranges[SOURCE_SIDE];
  struct range *target = &work->task.ranges[TARGET_SIDE];
  if (!message_text(message, "db", &target->db, error) || !message_text(message, "coll", &target->coll, error) ||
      !message_text(message, "from_db", &source->db, error) ||
      !message_text(message, "from_coll", &source->coll, error) ||
      !message_document(message, "ids", &work->ids, error)) {
    return false;
  }
  source->ids = target->ids = &work->ids;
  source->batch_size = target->batch_size = (int32_t)message_number(message, "batch", 0);
  work->task.has_id_index[SOURCE_SIDE] = work->task.has_id_index[TARGET_SIDE] = true;
  return true;
}

/* One that is there twice counts once. */
static void
index_ids(struct work *work)
{
  bson_iter_t id;
  work->asked = memory_new((bson_count_keys(&work->ids) + 1) * sizeof *work->asked);
  for (bson_iter_init(&id, &work->ids); bson_iter_next(&id);) {
    struct asked *asked = &work->asked[work->count];
    struct asked *before;
    asked->selector = bson_new();
    bson_append_iter(asked->selector, "_id", 3, &id);
    HASH_FIND(hh, work->by_id, bson_get_data(asked->selector), asked->selector->len, before);
    if (before) {
      bson_destroy(asked->selector);
      continue;
    }
    HASH_ADD_KEYPTR(hh, work->by_id, bson_get_data(asked->selector), asked->selector->len, asked);
    work->count++;
  }
}

/* A document's own `_id` may be another than the one that found it: 1 and 1.0. What only a collation found is no answer. */
static bool
take_unequal(void *context, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  struct work *work = context;
  struct asked *asked;
  (void)kind;
  (void)error;
  HASH_FIND(hh, work->by_id, bson_get_data(selector), selector->len, asked);
  if (asked) {
    asked->unequal = true;
    return true;
  }
  for (int64_t i = 0; i < work->count; i++) {
    if (by_id_same(work->asked[i].selector, selector)) {
      work->asked[i].unequal = true;
    }
  }
  return true;
}

static bool
take_progress(void *context, int64_t documents, int64_t bytes, struct error *error)
{
  struct work *work = context;
  return work->progress(work->context, documents, bytes, error);
}

static void
list(struct work *work, const bson_t *selector, const struct difference *difference)
{
  bson_t item = BSON_INITIALIZER;
  bson_iter_t id;
  if (bson_iter_init_find(&id, selector, "_id")) {
    bson_append_iter(&item, "id", 2, &id);
  }
  if (difference) {
    difference_put(difference, &item);
  }
  message_put_item(&work->list, work->listed++, &item);
  bson_destroy(&item);
}

/* Looks at each again, for what is different about it. */
static bool
judge(struct work *work, struct error *error)
{
  const struct documents_side *source = &work->result.sides[SOURCE_SIDE];
  struct second_look look;
  second_look_init(&look, &work->task, &work->result);
  bool ok = true;
  for (int64_t i = 0; ok && i < work->count; i++) {
    struct difference difference;
    int differs = work->asked[i].unequal ? second_look_at(&look, work->asked[i].selector, &difference, error) : 0;
    if (differs == 1) {
      list(work, work->asked[i].selector, &difference);
    }
    ok =
      differs >= 0 && work->progress(work->context, source->documents, source->bytes + look.read[SOURCE_SIDE], error);
  }
  second_look_clear(&look);
  return ok;
}

static void
name_unequal(struct work *work)
{
  for (int64_t i = 0; i < work->count; i++) {
    if (work->asked[i].unequal) {
      list(work, work->asked[i].selector, NULL);
    }
  }
}

/* `*time` 0: it has no oplog. */
static bool
ask_time(struct reader *source, uint64_t *time, struct error *error)
{
  struct server_hello hello;
  struct optime last = {0};
  bool ok =
    server_ask_hello(&source->server, false, &hello, error) && (!hello.set_name[0] || oplog_last(source, &last, error));
  *time = last.ts;
  return ok;
}

static bool
run(struct work *work, const bson_t *message, uint64_t *time, struct error *error)
{
  struct reader *source = work->task.readers[SOURCE_SIDE];
  uint64_t before = 0;
  uint64_t after = 0;
  bool certain = source->majority;
  index_ids(work);
  if ((!certain && !reader_member(source, &before, error)) || !documents_compare(&work->task, &work->result, error)) {
    return false;
  }
  if (!message_flag(message, "judge")) {
    name_unequal(work);
  } else if (!judge(work, error)) {
    return false;
  }
  if (!ask_time(source, time, error) || (!certain && !reader_member(source, &after, error))) {
    return false;
  }
  return before == after || error_set(error, ERROR_SOURCE, "the source may be read from another member now");
}

static void
clear(struct work *work)
{
  HASH_CLEAR(hh, work->by_id);
  for (int64_t i = 0; i < work->count; i++) {
    bson_destroy(work->asked[i].selector);
  }
  free(work->asked);
  bson_destroy(&work->list);
  documents_result_clear(&work->result);
}

bool
verify_ids(const struct compare_sides *sides, const bson_t *message, verify_progress_call progress, void *context,
           bson_t *done, struct error *error)
{
  const char *folder = message_text_or_none(sides->settings, "folder");
  uint64_t time = 0;
  struct work work = {.task = {.readers = {sides->readers[SOURCE_SIDE], sides->readers[TARGET_SIDE]},
                               .show_values = message_flag(sides->settings, "showValues"),
                               .folder = folder[0] ? folder : ".",
                               .progress = take_progress,
                               .unequal = take_unequal},
                      .progress = progress,
                      .context = context,
                      .list = BSON_INITIALIZER};
  work.task.context = &work;
  documents_result_init(&work.result);
  bool ok = read_message(&work, message, error) && run(&work, message, &time, error);
  if (ok) {
    BSON_APPEND_INT64(done, "documents", work.count);
    BSON_APPEND_INT64(done, "equal", work.count - work.listed);
    BSON_APPEND_ARRAY(done, "unequal", &work.list);
    if (time) {
      message_put_timestamp(done, "source_time", time);
    }
  } else {
    error_wrap(error, "cannot compare documents of %s.%s",
               work.task.ranges[SOURCE_SIDE].db ? work.task.ranges[SOURCE_SIDE].db : "",
               work.task.ranges[SOURCE_SIDE].coll ? work.task.ranges[SOURCE_SIDE].coll : "");
  }
  clear(&work);
  return ok;
}
