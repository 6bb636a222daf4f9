#include "worker/copy.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/fault.h"
#include "source/catalog/catalog.h"
#include "source/catalog/duplicate_ids.h"
#include "source/reader/range.h"
#include "target/insert/refused.h"

/* One batch waits while another one is written. That keeps both servers busy, and needs little memory. */
struct copy {
  struct reader *reader;
  const struct copy_task *task;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct writer_batch ready; /* filled, to be taken by the writer */
  bool has_ready;
  bool ended;         /* the reader will fill no more */
  bool failed;        /* and this is why */
  bool stop;          /* the writer wants no more */
  bool has_earlier;   /* the writer's: something was written before what waits for the majority */
  int64_t reading_us; /* not in task->measures yet */
  int64_t read_on_us; /* the reader's: since when it reads */
  struct error error;
  bson_t duplicate_ids; /* the writer's */
};

/*
 * Gives the batch to the writer as soon as the writer has taken the one before; false if the writer wants none. With
 * the `last` batch the writer learns that it is the last. So this batch waits for the majority, and nothing more is
 * sent for that.
 */
static bool
hand_over(struct copy *copy, struct writer_batch *batch, bool last)
{
  int64_t read_us = clock_us() - copy->read_on_us;
  pthread_mutex_lock(&copy->lock);
  copy->reading_us += read_us;
  while (copy->has_ready && !copy->stop) {
    pthread_cond_wait(&copy->changed, &copy->lock);
  }
  copy->read_on_us = clock_us();
  bool wanted = !copy->stop;
  if (wanted) {
    copy->ready = *batch;
    copy->has_ready = true;
    copy->ended = last;
    *batch = (struct writer_batch){0};
    pthread_cond_signal(&copy->changed);
  }
  pthread_mutex_unlock(&copy->lock);
  return wanted;
}

static bool
is_full(struct copy *copy, const struct writer_batch *batch, const bson_t *document)
{
  return writer_batch_full(batch, document, copy->task->alone) ||
         (batch->documents > 0 && batch->bytes + (int64_t)document->len > copy->task->batch_bytes) ||
         (batch->documents > 0 && pace_enough(copy->task->pace, batch->bytes, batch->documents));
}

struct filling {
  struct copy *copy;
  struct writer_batch *batch;
};

static enum range_answer
take_document(void *context, const bson_t *document, struct error *error)
{
  struct filling *filling = context;
  struct copy *copy = filling->copy;
  if (is_full(copy, filling->batch, document) && !hand_over(copy, filling->batch, false)) {
    return RANGE_ENOUGH;
  }
  return writer_batch_add(filling->batch, document, writer_bypasses(copy->task->coll), error) ? RANGE_GO_ON
                                                                                              : RANGE_FAILED;
}

static bool
read_range(struct copy *copy, struct error *error)
{
  const struct copy_task *task = copy->task;
  struct writer_batch batch = {0};
  copy->read_on_us = clock_us();
  struct filling filling = {copy, &batch};
  struct range range = {.db = task->from_db,
                        .coll = task->from_coll,
                        .uuid = task->has_uuid ? task->uuid : NULL,
                        .min = task->min,
                        .max = task->max,
                        .batch_size = task->answer_documents,
                        .natural = task->natural,
                        .fetch_max = task->fetch_max};
  bool ok = range_read(copy->reader, &range, take_document, &filling, error);
  /* Read by its UUID, the collection was dropped. The oplog says so, too, and that drop removes what was read. */
  ok = ok || (task->has_uuid && copy->reader->by_uuid && error->code == CODE_NAMESPACE_NOT_FOUND);
  ok = ok && hand_over(copy, &batch, true);
  writer_batch_clear(&batch);
  return ok;
}

static void *
reader_thread(void *context)
{
  struct copy *copy = context;
  struct error error = {.kind = ERROR_NONE};
  bool ok = read_range(copy, &error);
  pthread_mutex_lock(&copy->lock);
  if (!copy->ended) { /* else the last batch told it, and the writer may be done */
    copy->ended = true;
    copy->failed = !ok && error.kind != ERROR_NONE;
    copy->error = error;
  }
  pthread_cond_signal(&copy->changed);
  pthread_mutex_unlock(&copy->lock);
  return NULL;
}

/* The next filled batch; `last` if none follows. False at the end. */
static bool
take_batch(struct copy *copy, struct writer_batch *batch, bool *last)
{
  pthread_mutex_lock(&copy->lock);
  while (!copy->has_ready && !copy->ended) {
    pthread_cond_wait(&copy->changed, &copy->lock);
  }
  bool got = copy->has_ready;
  if (got) {
    *batch = copy->ready;
    copy->ready = (struct writer_batch){0};
    copy->has_ready = false;
    pthread_cond_signal(&copy->changed);
  }
  *last = copy->ended;
  copy->task->measures->us[MEASURE_READING] += copy->reading_us;
  copy->reading_us = 0;
  pthread_mutex_unlock(&copy->lock);
  return got;
}

/* The pace allows it, and then it is on the target. */
static bool
write_batch(struct writer *writer, struct writer_batch *batch, bool last, const struct copy_events *events,
            struct measures *measures, struct error *error)
{
  int64_t begun_us = clock_us();
  bool ok = events->wait(events->context, error);
  int64_t waited_us = clock_us();
  measures->us[MEASURE_PACE] += waited_us - begun_us;
  ok = ok && writer_insert(writer, batch, last, error);
  int64_t took_us = clock_us() - waited_us;
  measures->us[MEASURE_WRITING] += took_us;
  histogram_add(&measures->batches, took_us);
  return ok;
}

static bool
write_all(struct copy *copy, struct server *target, const struct copy_events *events, struct copy_result *result,
          struct error *error)
{
  struct writer writer = {.target = target,
                          .db = copy->task->db,
                          .coll = copy->task->coll,
                          .in_order = copy->task->natural && !copy->task->min && !copy->task->max,
                          .duplicate_ids = copy->task->no_id_index ? &copy->duplicate_ids : NULL,
                          .refuse = events->refuse,
                          .context = events->context};
  struct writer_batch batch = {0};
  bool last = false;
  bool confirmed = true; /* the newest batch is */
  while (take_batch(copy, &batch, &last)) {
    int64_t documents = batch.documents;
    int64_t bytes = batch.bytes;
    if (documents > 0) {
      confirmed = last;
      copy->has_earlier |= !last || batch.odd; /* an odd document is sent behind the others */
      if (!write_batch(&writer, &batch, last, events, copy->task->measures, error)) {
        writer_batch_clear(&batch);
        return false;
      }
      pace_spend(copy->task->pace, bytes, documents, clock_ms());
      fault_point("copy-batch");
    }
    result->documents += documents;
    result->bytes += bytes;
    result->duplicates = writer.duplicates;
    events->progress(events->context, result);
  }
  if (copy->failed) {
    *error = copy->error;
    return error_wrap(error, "cannot read %s.%s", copy->task->from_db, copy->task->from_coll);
  }
  return confirmed || server_confirm_majority(target, copy->task->db, copy->task->coll, error);
}

static bool
run_threads(struct copy *copy, struct server *target, const struct copy_events *events, struct copy_result *result,
            struct error *error)
{
  pthread_t thread;
  pthread_mutex_init(&copy->lock, NULL);
  pthread_cond_init(&copy->changed, NULL);
  bool started = pthread_create(&thread, NULL, reader_thread, copy) == 0;
  bool ok = started ? write_all(copy, target, events, result, error)
                    : error_set(error, ERROR_INTERNAL,
                                "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
  if (started) {
    pthread_mutex_lock(&copy->lock);
    copy->stop = true;
    pthread_cond_signal(&copy->changed);
    pthread_mutex_unlock(&copy->lock);
    pthread_join(thread, NULL);
  }
  writer_batch_clear(&copy->ready);
  pthread_cond_destroy(&copy->changed);
  pthread_mutex_destroy(&copy->lock);
  return ok;
}

/*
 * The last batch's majority stands for the earlier batches only if one primary took them all. So the primary must be
 * the same before and after the range, if there are several. What was asked after the range before serves as well.
 */
static bool
ask_before(struct copy_primary *primary, struct server *target, struct error *error)
{
  primary->known = primary->known || server_ask_hello(target, false, &primary->hello, error);
  return primary->known;
}

static bool
same_after(struct copy_primary *primary, struct server *target, const struct copy_task *task, struct error *error)
{
  struct server_hello before = primary->hello;
  primary->known = server_ask_hello(target, false, &primary->hello, error);
  if (!primary->known) {
    return false;
  }
  bool same = before.has_election == primary->hello.has_election &&
              (!before.has_election || bson_oid_equal(&before.election, &primary->hello.election));
  return same || error_set(error, ERROR_TARGET, "the target elected another primary before %s.%s was copied", task->db,
                           task->coll);
}

struct reporting {
  const struct copy_task *task;
  const struct copy_events *events;
};

static bool
report_repeated(void *context, const bson_t *selector, struct error *error)
{
  const struct reporting *reporting = context;
  struct error why;
  error_set(&why, ERROR_TARGET, REFUSED_REPEATED);
  struct writer_refusal refusal = {reporting->task->db, reporting->task->coll, selector, false, &why};
  return reporting->events->refuse(reporting->events->context, &refusal, error);
}

/* The scan meets a document twice, too, if it moved, or was deleted and inserted again. So the source is asked. */
static bool
look_for_repeated(const struct copy *copy, const struct copy_events *events, struct error *error)
{
  const struct copy_task *task = copy->task;
  struct reporting reporting = {task, events};
  struct duplicate_ids_visitor visitor = {report_repeated, &reporting};
  struct find where = {
    .db = task->from_db, .coll = task->from_coll, .uuid = task->has_uuid ? task->uuid : NULL, .majority = true};
  return bson_empty(&copy->duplicate_ids) ||
         duplicate_ids_among(copy->reader, &where, &copy->duplicate_ids, &visitor, error) ||
         error_wrap(error, "cannot look for documents of one _id in %s.%s", task->from_db, task->from_coll);
}

bool
copy_range(struct reader *reader, struct server *target, const struct copy_task *task, const struct copy_events *events,
           struct copy_result *result, struct error *error)
{
  struct copy copy = {.reader = reader, .task = task, .duplicate_ids = BSON_INITIALIZER};
  *result = (struct copy_result){0};
  if (!ask_before(task->primary, target, error)) {
    return false;
  }
  bool ok = run_threads(&copy, target, events, result, error) && look_for_repeated(&copy, events, error);
  bson_destroy(&copy.duplicate_ids);
  if (!ok) {
    task->primary->known = false; /* what failed may have been its end */
    return false;
  }
  if (copy.has_earlier && !same_after(task->primary, target, task, error)) {
    return false;
  }
  if (task->has_uuid && !reader->by_uuid) {
    int still = catalog_still(reader, task->from_db, task->from_coll, task->uuid, error);
    result->lost = still == 0;
    return still >= 0;
  }
  return true;
}
