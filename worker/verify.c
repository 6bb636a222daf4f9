#include "worker/verify.h"

#include "compare/documents.h"
#include "ipc/channel.h"
#include "source/oplog/oplog.h"
#include "source/reader/majority.h"
#include "worker/range_repair.h"

#define REPAIRS_MOST 100 /* in one range, one after another */

#define PART_BYTES (1 << 20)

struct verify {
  struct documents_task task;
  struct documents_result result;
  bson_t min;
  bson_t max;
  bson_t refused;
  struct excused_documents *excused;
  struct range_repair repair;
  struct range_repair_list to_repair;
  struct documents_side before;    /* read of the source by earlier comparisons of this range */
  uint64_t from[COMPARISON_SIDES]; /* what a majority had before; 0: not known */
  uint64_t to[COMPARISON_SIDES];
  verify_progress_call progress;
  void *context;
  struct channel *channel;
  int64_t number; /* the task's */
  bool beside;
  bool whole;  /* beside, but what differs is not told by its `_id` */
  bson_t part; /* the `_id`s of the next UNEQUAL, an array */
  uint32_t count;
  int64_t unequal; /* told so far */
};

static bool
take_progress(void *context, int64_t documents, int64_t bytes, struct error *error)
{
  struct verify *verify = context;
  return verify->progress(verify->context, verify->before.documents + documents, verify->before.bytes + bytes, error);
}

static bool
send_part(struct verify *verify, struct error *error)
{
  if (verify->count == 0) {
    return true;
  }
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_INT64(&document, "task", verify->number);
  BSON_APPEND_ARRAY(&document, "ids", &verify->part);
  bool ok = channel_send(verify->channel, MESSAGE_UNEQUAL, &document, error);
  bson_destroy(&document);
  bson_reinit(&verify->part);
  verify->count = 0;
  return ok;
}

/* A document without an `_id` cannot be asked for again. */
static bool
take_unequal(void *context, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  struct verify *verify = context;
  bson_iter_t id;
  char room[16];
  const char *key;
  if (!bson_iter_init_find(&id, selector, "_id")) {
    verify->whole = true;
    verify->result.kinds[kind]++;
    return true;
  }
  size_t size = bson_uint32_to_string(verify->count++, &key, room, sizeof room);
  bson_append_iter(&verify->part, key, (int)size, &id);
  verify->unequal++;
  return verify->part.len < PART_BYTES || send_part(verify, error);
}

/* Capped collections are put back as a whole, for their order; so are those in which an `_id` finds nothing. */
static void
read_beside(struct verify *verify, const bson_t *message)
{
  struct documents_task *task = &verify->task;
  verify->beside = message_flag(message, "beside");
  verify->number = message_number(message, "task", -1);
  verify->whole =
    verify->beside && (message_flag(message, "capped") || task->ranges[SOURCE_SIDE].natural ||
                       task->ranges[TARGET_SIDE].natural || !task->has_id_index[0] || !task->has_id_index[1]);
  task->unequal = verify->beside && !verify->whole ? take_unequal : NULL;
}

static bool
ask_times(const struct compare_sides *sides, uint64_t times[COMPARISON_SIDES], struct error *error)
{
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    if (!majority_ask(&sides->readers[side]->server, &times[side], error)) {
      return false;
    }
    times[side] = times[side] == MAJORITY_UNKNOWN ? 0 : times[side];
  }
  return true;
}

static bool
read_message(struct verify *verify, const bson_t *message, struct error *error)
{
  struct documents_task *task = &verify->task;
  struct range *source = &task->ranges[SOURCE_SIDE];
  struct range *target = &task->ranges[TARGET_SIDE];
  struct error absent;
  if (!message_text(message, "db", &target->db, error) || !message_text(message, "coll", &target->coll, error) ||
      !message_text(message, "from_db", &source->db, error) ||
      !message_text(message, "from_coll", &source->coll, error)) {
    return false;
  }
  source->min = target->min = message_document(message, "min", &verify->min, &absent) ? &verify->min : NULL;
  source->max = target->max = message_document(message, "max", &verify->max, &absent) ? &verify->max : NULL;
  source->natural = message_flag(message, "natural");
  target->natural = message_flag(message, "target_natural");
  source->fetch_max = target->fetch_max = message_flag(message, "last");
  source->batch_size = target->batch_size = (int32_t)message_number(message, "batch", 0);
  source->sorted = !source->natural;
  target->sorted = !target->natural;
  task->has_id_index[SOURCE_SIDE] = message_flag(message, "id_index");
  task->has_id_index[TARGET_SIDE] = message_flag(message, "target_id_index");
  task->capped = message_flag(message, "both_capped");
  task->capped_bytes = message_number(message, "capped_bytes", 0);
  bool refused = message_document(message, "refused", &verify->refused, &absent);
  task->excused = verify->excused = excused_documents_new(refused ? &verify->refused : NULL);
  read_beside(verify, message);
  return true;
}

static void
put_side(const struct documents_side *side, const char *documents, const char *bytes, const char *digest, bson_t *done)
{
  bson_append_int64(done, documents, -1, side->documents);
  bson_append_int64(done, bytes, -1, side->bytes);
  digest_put(done, digest, &side->digest);
}

static void
put_time(bson_t *done, const char *name, uint64_t time)
{
  if (time) {
    message_put_timestamp(done, name, time);
  }
}

static void
put_result(const struct verify *verify, bson_t *done)
{
  const struct documents_result *result = &verify->result;
  put_side(&result->sides[SOURCE_SIDE], "documents", "bytes", "source_digest", done);
  put_side(&result->sides[TARGET_SIDE], "target_documents", "target_bytes", "target_digest", done);
  bson_t counts;
  BSON_APPEND_DOCUMENT_BEGIN(done, "kinds", &counts);
  for (int kind = 0; kind < DIFFERENCE_KINDS; kind++) {
    bson_append_int64(&counts, difference_name((enum difference_kind)kind), -1, result->kinds[kind]);
  }
  bson_append_document_end(done, &counts);
  BSON_APPEND_DOCUMENT_BEGIN(done, "excused", &counts);
  for (int excuse = 0; excuse < DOCUMENTS_EXCUSES; excuse++) {
    bson_append_int64(&counts, documents_excuse_name((enum documents_excuse)excuse), -1, result->excused[excuse]);
  }
  bson_append_document_end(done, &counts);
  BSON_APPEND_INT64(done, "settled", result->settled);
  BSON_APPEND_INT64(done, "repaired", verify->repair.repaired);
  BSON_APPEND_BOOL(done, "order_unknown", result->order_unknown);
  BSON_APPEND_ARRAY(done, "differences", &result->list);
  BSON_APPEND_ARRAY(done, "excused_documents", &result->excused_list);
  if (verify->beside) {
    BSON_APPEND_INT64(done, "unequal", verify->unequal);
    BSON_APPEND_BOOL(done, "whole", verify->whole);
  }
  put_time(done, "source_from", verify->from[SOURCE_SIDE]);
  put_time(done, "source_to", verify->to[SOURCE_SIDE]);
  put_time(done, "target_from", verify->from[TARGET_SIDE]);
  put_time(done, "target_to", verify->to[TARGET_SIDE]);
}

static bool
take_to_repair(void *context, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  struct verify *verify = context;
  (void)error;
  range_repair_note(&verify->to_repair, kind, selector);
  return true;
}

static bool
compare_again(struct verify *verify, bool tells, struct error *error)
{
  verify->before.documents += verify->result.sides[SOURCE_SIDE].documents;
  verify->before.bytes += verify->result.sides[SOURCE_SIDE].bytes;
  documents_result_clear(&verify->result);
  documents_result_init(&verify->result);
  range_repair_list_clear(&verify->to_repair);
  verify->task.unequal = tells ? take_to_repair : NULL;
  return documents_compare(&verify->task, &verify->result, error);
}

/*
 * Compares and repairs until nothing is left, or nothing more can be repaired. What is left is in the last result, as
 * without repairs.
 */
static bool
compare_and_repair(struct verify *verify, struct error *error)
{
  int64_t before = -1;
  bool ok = compare_again(verify, true, error);
  for (int i = 0; ok && i < REPAIRS_MOST && verify->to_repair.count > 0 && before < verify->repair.repaired; i++) {
    before = verify->repair.repaired;
    ok = range_repair_all(&verify->repair, &verify->to_repair, error) && compare_again(verify, true, error);
  }
  return ok && (verify->to_repair.count == 0 || compare_again(verify, false, error));
}

/* All that was seen of the source is in its oplog by then: see worker/verify_ids.h. */
static bool
put_source_time(struct reader *source, bson_t *done, struct error *error)
{
  struct optime last;
  if (!oplog_last(source, &last, error)) {
    return false;
  }
  message_put_timestamp(done, "source_time", last.ts);
  return true;
}

bool
verify_range(const struct compare_sides *sides, const bson_t *message, verify_progress_call progress, void *context,
             bson_t *done, struct error *error)
{
  const char *folder = message_text_or_none(sides->settings, "folder");
  struct verify verify = {
    .task = {.readers = {sides->readers[SOURCE_SIDE], sides->readers[TARGET_SIDE]},
             .show_values = message_flag(sides->settings, "showValues"),
             .folder = folder[0] ? folder : ".",
             .progress = take_progress,
             .context = &verify},
    .progress = progress,
    .context = context,
    .repair = {.source = sides->readers[SOURCE_SIDE], .target = sides->target, .ranges = verify.task.ranges},
    .channel = sides->channel,
    .part = BSON_INITIALIZER};
  documents_result_init(&verify.result);
  bool ok = read_message(&verify, message, error) && ask_times(sides, verify.from, error) &&
            (message_flag(message, "repair") ? compare_and_repair(&verify, error)
                                             : documents_compare(&verify.task, &verify.result, error)) &&
            ask_times(sides, verify.to, error) && send_part(&verify, error) &&
            (!verify.beside || put_source_time(sides->readers[SOURCE_SIDE], done, error));
  if (ok) {
    put_result(&verify, done);
  } else {
    error_wrap(error, "cannot compare %s.%s", verify.task.ranges[0].db ? verify.task.ranges[0].db : "",
               verify.task.ranges[0].coll ? verify.task.ranges[0].coll : "");
  }
  bson_destroy(&verify.part);
  documents_result_clear(&verify.result);
  excused_documents_free(verify.excused);
  range_repair_list_clear(&verify.to_repair);
  return ok;
}
