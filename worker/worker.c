#include "worker/worker.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/channel.h"
#include "server/guards.h"
#include "source/catalog/catalog.h"
#include "source/oplog/oplog.h"
#include "target/definition/schema.h"
#include "target/definition/uuid.h"
#include "target/guard/in_flight.h"
#include "target/guard/mark.h"
#include "worker/copy.h"
#include "worker/cutover/cutover.h"
#include "worker/index.h"
#include "worker/list.h"
#include "worker/verify.h"
#include "worker/verify_ids.h"

#define PROGRESS_MS 250
#define WAIT_MOST_MS 60000
#define OPEN_PAUSE_MS 1000
#define COPY_BLOCK_BYTES (9 << 20) /* libmongoc's buffer for an answer of a little more than 4 MB has 8 */

struct worker {
  struct channel channel;
  struct reader reader;
  struct server target;        /* not open if the settings say readOnly */
  struct reader target_reader; /* its own connection only with readOnly */
  struct compare_sides sides;
  struct copy_primary primary;
  struct mark mark;
  bool looked; /* it is the target that the migration wrote to, and no connection failed since */
  char *source_uri;
  char *target_uri;
  bson_t settings;
  struct cutover cutover;
  struct pace pace;
  struct measures measures;
  int64_t task;
  int64_t progress_ms;
  int64_t turn_ms;            /* the last batch's */
  int64_t verified_documents; /* of the present VERIFY or VERIFY_IDS */
  int64_t verified_bytes;
  int64_t refused; /* documents of the present COPY */
  bool indexed;    /* the collection got its indexes before its documents */
  bool stopping;   /* a STOP came while a task was under way */
};

static bool
send_failure(struct worker *worker, const struct error *cause, bool retry, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_INT64(&document, "task", worker->task);
  BSON_APPEND_BOOL(&document, "retry", retry);
  message_put_error(&document, cause);
  bool sent = channel_send(&worker->channel, MESSAGE_FAILED, &document, error);
  bson_destroy(&document);
  return sent;
}

static void
send_progress(void *context, const struct copy_result *so_far)
{
  struct worker *worker = context;
  struct error ignored; /* a coordinator that is gone is met at the next read */
  if (clock_ms() - worker->progress_ms < PROGRESS_MS) {
    return;
  }
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_INT64(&document, "task", worker->task);
  BSON_APPEND_INT64(&document, "documents", so_far->documents);
  BSON_APPEND_INT64(&document, "bytes", so_far->bytes);
  measures_put(&document, &worker->measures);
  channel_send(&worker->channel, MESSAGE_PROGRESS, &document, &ignored);
  bson_destroy(&document);
  worker->progress_ms = clock_ms();
}

/* Called by the thread that watches the build's progress. */
static void
send_built(void *context, int64_t built, int64_t total)
{
  struct worker *worker = context;
  struct error ignored;
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_INT64(&document, "task", worker->task);
  BSON_APPEND_INT64(&document, "built", built);
  BSON_APPEND_INT64(&document, "total", total);
  channel_send(&worker->channel, MESSAGE_PROGRESS, &document, &ignored);
  bson_destroy(&document);
}

static bool
report_document(void *context, const struct writer_refusal *refusal, struct error *error)
{
  struct worker *worker = context;
  if (worker->indexed) {
    *error = *refusal->why; /* with its code: another attempt would not help */
    return false;
  }
  bson_t document = BSON_INITIALIZER;
  worker->refused++;
  message_put_refused_document(&document, refusal->db, refusal->coll, refusal->selector, refusal->kept, refusal->why);
  bool ok = channel_send(&worker->channel, MESSAGE_REFUSED, &document, error);
  bson_destroy(&document);
  return ok;
}

/* A server that is away is waited for, as during the tasks. That is logged once. */
static bool
open_reader(struct reader *reader, enum error_kind kind, const char *uri, struct error *error)
{
  bool said = false;
  while (!reader_open_side(reader, kind, uri, true, error)) {
    if (!server_error_passes(error)) {
      return false;
    }
    if (!said) {
      log_warn("%s; trying again until it answers", error->text);
      said = true;
    } else {
      log_debug("%s; tried again after_ms=%d", error->text, OPEN_PAUSE_MS);
    }
    clock_sleep_ms(OPEN_PAUSE_MS);
  }
  return true;
}

/* Who only reads may meet a target that is too old for the driver. */
static bool
open_target(struct worker *worker, const char *uri, struct error *error)
{
  if (message_flag(&worker->settings, "readOnly")) {
    return open_reader(&worker->target_reader, ERROR_TARGET, uri, error);
  }
  bool ok = server_open(&worker->target, ERROR_TARGET, uri, true, error);
  worker->target_reader = reader_view(&worker->target);
  worker->target_reader.majority =
    false; /* its primary's newest state counts: what is lost of it, the replay repeats */
  return ok;
}

static bool
setup(struct worker *worker, const bson_t *message, struct error *error)
{
  const char *source = NULL;
  const char *target = NULL;
  bson_t settings;
  bson_t ready = BSON_INITIALIZER;
  if (!message_text(message, "source", &source, error) || !message_text(message, "target", &target, error) ||
      !message_document(message, "settings", &settings, error)) {
    return false;
  }
  mark_get(&settings, &worker->mark);
  worker->source_uri = memory_string(source);
  worker->target_uri = memory_string(target);
  bson_concat(&worker->settings, &settings);
  worker->sides = (struct compare_sides){.readers = {&worker->reader, &worker->target_reader},
                                         .uris = {worker->source_uri, worker->target_uri},
                                         .settings = &worker->settings,
                                         .channel = &worker->channel,
                                         .target = &worker->target};
  worker->cutover = (struct cutover){.sides = &worker->sides};
  bool ok = open_reader(&worker->reader, ERROR_SOURCE, source, error) && open_target(worker, target, error) &&
            channel_send(&worker->channel, MESSAGE_READY, &ready, error);
  bson_destroy(&ready);
  return ok;
}

static void
take_pace(struct worker *worker, const bson_t *message)
{
  pace_set(&worker->pace, message_double(message, "bytes_per_s", 0), message_double(message, "documents_per_s", 0),
           clock_ms());
  pace_pause(&worker->pace, message_flag(message, "paused"));
}

/* The pace may change while a batch waits for it. */
static bool
await_pace(struct worker *worker, struct error *error)
{
  enum message_type type;
  bson_t message;
  for (;;) {
    int64_t wait_ms = pace_wait_ms(&worker->pace, clock_ms());
    if (!channel_waiting(&worker->channel, (int)(wait_ms > WAIT_MOST_MS ? WAIT_MOST_MS : wait_ms))) {
      if (wait_ms <= WAIT_MOST_MS) {
        return true;
      }
      continue;
    }
    int got = channel_receive(&worker->channel, &type, &message, error);
    if (got <= 0) {
      return got == 0 ? error_set(error, ERROR_CHILD, "the coordinator is gone") : false;
    }
    if (type == MESSAGE_PACE) {
      take_pace(worker, &message);
    } else if (type == MESSAGE_STOP) {
      worker->stopping = true;
    } else {
      return error_set(error, ERROR_CHILD, "%s came while a task was under way", message_name(type));
    }
  }
}

static bool
await_turn(void *context, struct error *error)
{
  struct worker *worker = context;
  return await_pace(worker, error) && mark_look_after_rest(&worker->target, &worker->mark, &worker->turn_ms, error);
}

/*
 * A capped collection has an order. Without an `_id` index, what an earlier attempt left looks like another document
 * of that `_id`. So an attempt that was cut short has to be cleared away first.
 */
static bool
clear_away(struct worker *worker, const bson_t *message, const struct copy_task *task, struct error *error)
{
  bson_t options;
  bool again = task->alone || message_flag(message, "again");
  if (again) {
    char *ns = memory_format("%s.%s", task->db, task->coll);
    in_flight_wait(&worker->target, ns, NULL, NULL);
    free(ns);
  }
  return !again || (schema_drop(&worker->target, task->db, task->coll, error) &&
                    message_document(message, "options", &options, error) &&
                    schema_create(&worker->target, task->db, task->coll, &options, error));
}

/* For a capped collection: everything logged up to `*start` is in what will be read. */
static bool
find_start(struct worker *worker, uint64_t *start, struct error *error)
{
  struct optime before;
  if (!oplog_newest(&worker->reader, &before, error)) {
    return false;
  }
  *start = before.ts;
  return true;
}

/* The newest entry of the member that the range was read from. If it rolls back, what was read may have, too. */
static bool
put_seen(struct worker *worker, uint64_t member, bson_t *done, struct error *error)
{
  struct optime seen = {0};
  uint64_t now = 0;
  if (!oplog_last(&worker->reader, &seen, error) || !reader_member(&worker->reader, &now, error)) {
    return false;
  }
  if (now != member) {
    return error_set(error, ERROR_SOURCE, "the source may be read from another member now");
  }
  optime_put_as(done, "seen", &seen);
  return true;
}

static bool
run_copy(struct worker *worker, const bson_t *message, const struct copy_task *task, bson_t *done, struct error *error)
{
  struct copy_result result;
  uint64_t start = 0;
  bool capped = message_flag(message, "capped");
  if (((capped || task->no_id_index) && !clear_away(worker, message, task, error)) ||
      (capped && !find_start(worker, &start, error))) {
    return false;
  }
  struct copy_events events = {await_turn, send_progress, report_document, worker};
  struct optime seen = {0};
  uint64_t member = 0;
  bool certain = worker->reader.majority;
  if (!certain && (!oplog_last(&worker->reader, &seen, error) || /* connects, if that is to be done */
                   !reader_member(&worker->reader, &member, error))) {
    return false;
  }
  if (!copy_range(&worker->reader, &worker->target, task, &events, &result, error) ||
      (!certain && !put_seen(worker, member, done, error))) {
    return false;
  }
  BSON_APPEND_INT64(done, "documents", result.documents);
  BSON_APPEND_INT64(done, "bytes", result.bytes);
  BSON_APPEND_INT64(done, "duplicates", result.duplicates);
  BSON_APPEND_BOOL(done, "lost", result.lost);
  if (start) {
    message_put_timestamp(done, "start", start);
  }
  return true;
}

/*
 * A collection without options is made by its first document as well. That is one command less for each of thousands. If
 * the target does not take the document, the command may know why (schema_command).
 */
static bool
needs_create(const bson_t *message)
{
  bson_t options;
  struct error ignored;
  return !message_document(message, "options", &options, &ignored) || !bson_empty(&options);
}

/* Options that the target does not take are reported. */
static bool
create_collection(struct worker *worker, const bson_t *message, const struct copy_task *task, struct error *error)
{
  bson_t options;
  if (!message_flag(message, "create")) {
    return true;
  }
  if (!message_document(message, "options", &options, error)) {
    return false;
  }
  int made = schema_create_or_less(&worker->target, task->db, task->coll, &options, error);
  fault_point("collection-created");
  if (made != 0) {
    return made > 0;
  }
  bson_t document = BSON_INITIALIZER;
  struct error why = *error;
  message_put_refused_definition(&document, task->db, task->coll, NULL, &why);
  bool ok = channel_send(&worker->channel, MESSAGE_REFUSED, &document, error);
  bson_destroy(&document);
  return ok;
}

static struct index_build
index_build_of(struct worker *worker)
{
  return (struct index_build){.target = &worker->target, .target_uri = worker->target_uri, .channel = &worker->channel};
}

/*
 * With indexes in the message, they are built first. A document that they refuse is of a time when the source had
 * dropped such an index. So then it is copied without them, and they are built by a task of their own.
 */
static bool
copy_indexed(struct worker *worker, const bson_t *message, const struct copy_task *task, bson_t *done,
             struct error *error)
{
  struct index_build build = index_build_of(worker);
  struct error none;
  int made = index_build_get(&build, message, &none) ? index_build_first(&build, error) : 0;
  worker->indexed = made == 1;
  if (worker->indexed) {
    fault_point("copy-indexed");
  }
  bool ok = made >= 0 && run_copy(worker, message, task, done, error);
  if (!ok && worker->indexed && error->kind == ERROR_TARGET && !server_error_passes(error)) {
    worker->indexed = false;
    ok = index_build_undo(&build, error) && run_copy(worker, message, task, done, error);
  }
  if (ok && worker->indexed) {
    BSON_APPEND_BOOL(done, "indexed", true);
  }
  worker->indexed = false;
  return ok;
}

static bool
do_copy(struct worker *worker, const bson_t *message, bson_t *done, struct error *error)
{
  struct copy_task task = {.natural = message_flag(message, "natural"),
                           .no_id_index = message_flag(message, "no_id_index"),
                           .fetch_max = message_flag(message, "last"),
                           .answer_documents = (int32_t)message_number(message, "batch", 0),
                           .batch_bytes = message_number(&worker->settings, "batchBytes", WRITER_BATCH_BYTES),
                           .primary = &worker->primary,
                           .measures = &worker->measures,
                           .pace = &worker->pace};
  bson_t min;
  bson_t max;
  memory_keep_below(COPY_BLOCK_BYTES, 4);
  if (!message_text(message, "db", &task.db, error) || !message_text(message, "coll", &task.coll, error) ||
      !message_text(message, "from_db", &task.from_db, error) ||
      !message_text(message, "from_coll", &task.from_coll, error)) {
    return false;
  }
  struct error ignored;
  task.min = message_document(message, "min", &min, &ignored) ? &min : NULL;
  task.max = message_document(message, "max", &max, &ignored) ? &max : NULL;
  task.has_uuid = uuid_get(message, task.uuid);
  bool create = needs_create(message);
  worker->refused = 0;
  if (create && !create_collection(worker, message, &task, error)) {
    return false;
  }
  bool ok = copy_indexed(worker, message, &task, done, error) ||
            (schema_allow_mixed(&worker->target, task.db, task.coll, error->text) &&
             run_copy(worker, message, &task, done, error));
  if (!ok) {
    task.alone = writer_unreadable(error);
    ok = task.alone && run_copy(worker, message, &task, done, error);
  }
  if (!ok && !create && error->kind == ERROR_TARGET && !server_error_passes(error)) {
    create = true;
    ok = create_collection(worker, message, &task, error) && copy_indexed(worker, message, &task, done, error);
  }
  bool made = create || message_number(done, "documents", 0) > worker->refused;
  return ok && (made || create_collection(worker, message, &task, error));
}

static bool
do_index(struct worker *worker, const bson_t *message, struct error *error)
{
  struct index_build build = index_build_of(worker);
  return index_build_get(&build, message, error) && index_build_run(&build, send_built, worker, error);
}

static bool
verify_ids_progress(void *context, int64_t documents, int64_t bytes, struct error *error)
{
  struct worker *worker = context;
  pace_spend(&worker->pace, bytes - worker->verified_bytes, documents - worker->verified_documents, clock_ms());
  worker->verified_bytes = bytes;
  worker->verified_documents = documents;
  return await_pace(worker, error);
}

static bool
verify_progress(void *context, int64_t documents, int64_t bytes, struct error *error)
{
  struct copy_result so_far = {.documents = documents, .bytes = bytes};
  send_progress(context, &so_far);
  return verify_ids_progress(context, documents, bytes, error);
}

static bool
do_verify_ids(struct worker *worker, const bson_t *message, bson_t *done, struct error *error)
{
  memory_keep_below(GUARDS_LARGE_BYTES, 2);
  worker->verified_bytes = worker->verified_documents = 0;
  return verify_ids(&worker->sides, message, verify_ids_progress, worker, done, error);
}

static bool
do_verify(struct worker *worker, const bson_t *message, bson_t *done, struct error *error)
{
  memory_keep_below(GUARDS_LARGE_BYTES, 2);
  worker->verified_bytes = worker->verified_documents = 0;
  return verify_range(&worker->sides, message, verify_progress, worker, done, error);
}

static bool
do_kind(struct worker *worker, enum message_type type, const bson_t *message, bson_t *done, struct error *error)
{
  switch (type) {
  case MESSAGE_COPY:
    return do_copy(worker, message, done, error);
  case MESSAGE_VERIFY:
    return do_verify(worker, message, done, error);
  case MESSAGE_VERIFY_IDS:
    return do_verify_ids(worker, message, done, error);
  case MESSAGE_INDEX:
    return do_index(worker, message, error);
  case MESSAGE_LIST:
    return list_pairs(&worker->sides, message, error);
  default:
    return cutover_run(&worker->cutover, type, message, done, error);
  }
}

/*
 * The target is looked at before a task, unless that was done after the last one, and again when the task is done. A
 * connection that was lost and made again meanwhile may have been to another target. What concerns the source alone
 * must work while the target is away. Who only reads has no mark.
 */
static bool
run_task(struct worker *worker, enum message_type type, const bson_t *message, bson_t *done, struct error *error)
{
  if ((cutover_is_task(type) && !cutover_needs_target(type)) || message_flag(&worker->settings, "readOnly")) {
    return do_kind(worker, type, message, done, error);
  }
  worker->looked = worker->looked || mark_look(&worker->target, &worker->mark, error);
  worker->turn_ms = clock_ms();
  if (!worker->looked) {
    return false;
  }
  worker->looked = do_kind(worker, type, message, done, error) && mark_look(&worker->target, &worker->mark, error);
  return worker->looked;
}

static void
fault_around(enum message_type type, bool begins)
{
  if (type == MESSAGE_COPY) {
    fault_point(begins ? "copy-begun" : "copy-written");
  } else if (type == MESSAGE_INDEX) {
    fault_point(begins ? "index-begun" : "index-built");
  } else if (type == MESSAGE_VERIFY) {
    fault_point(begins ? "verify-begun" : "verify-done");
  } else if (type == MESSAGE_VERIFY_IDS && begins) {
    fault_point("verify-again");
  }
}

static bool
verifies(enum message_type type)
{
  return type == MESSAGE_VERIFY || type == MESSAGE_VERIFY_IDS || type == MESSAGE_LIST;
}

/* Another attempt may succeed. */
static bool
may_retry(enum message_type type, const struct error *cause)
{
  struct error read = *cause;
  read.kind = verifies(type) ? ERROR_SOURCE : cause->kind; /* both sides are read */
  return server_error_passes(cause) || reader_cursor_died(&read);
}

/* False only if the coordinator cannot be told. */
static bool
do_task(struct worker *worker, enum message_type type, const bson_t *message, struct error *error)
{
  struct error cause = {.kind = ERROR_NONE};
  bson_t done = BSON_INITIALIZER;
  if (!message_int(message, "task", &worker->task, error)) {
    return false;
  }
  BSON_APPEND_INT64(&done, "task", worker->task);
  worker->progress_ms = clock_ms();
  fault_around(type, true);
  bool ok = run_task(worker, type, message, &done, &cause);
  fault_around(type, false);
  measures_put(&done, &worker->measures);
  bool sent = ok ? channel_send(&worker->channel, MESSAGE_DONE, &done, error)
                 : send_failure(worker, &cause, may_retry(type, &cause), error);
  bson_destroy(&done);
  return sent;
}

/* The message is copied, as others are received during the task. */
static bool
take_task(struct worker *worker, enum message_type type, const bson_t *received, struct error *error)
{
  bson_t message;
  bson_copy_to(received, &message);
  bool ok = do_task(worker, type, &message, error);
  bson_destroy(&message);
  return ok;
}

static bool
take_message(struct worker *worker, enum message_type type, const bson_t *message, struct error *error)
{
  switch (type) {
  case MESSAGE_SETUP:
    return setup(worker, message, error);
  case MESSAGE_PACE:
    take_pace(worker, message);
    return true;
  case MESSAGE_EXCUSES:
    cutover_take_excuses(&worker->cutover, message);
    return true;
  case MESSAGE_COPY:
  case MESSAGE_VERIFY:
  case MESSAGE_VERIFY_IDS:
  case MESSAGE_LIST:
  case MESSAGE_INDEX:
  case MESSAGE_WRITERS:
  case MESSAGE_BLOCK:
  case MESSAGE_SOURCE_END:
  case MESSAGE_COMPARE:
    return take_task(worker, type, message, error);
  default:
    return error_set(error, ERROR_CHILD, "%s is no task for a worker", message_name(type));
  }
}

static bool
run(struct worker *worker, struct error *error)
{
  enum message_type type;
  bson_t message;
  while (!worker->stopping) {
    int got = channel_receive(&worker->channel, &type, &message, error);
    if (got <= 0) {
      return got == 0;
    }
    if (type == MESSAGE_STOP) {
      return true;
    }
    if (!take_message(worker, type, &message, error)) {
      return false;
    }
  }
  return true;
}

int
worker_main(int index, int in, int out)
{
  struct error error = {.kind = ERROR_NONE};
  struct error ignored;
  struct worker worker = {.task = -1, .settings = BSON_INITIALIZER};
  char role[32];
  snprintf(role, sizeof role, "worker[%d]", index);
  log_open(role);
  server_library_start();
  channel_init(&worker.channel, in, out);
  pace_init(&worker.pace);
  bool ok = run(&worker, &error);
  if (!ok) {
    worker.task = -1;
    send_failure(&worker, &error, false, &ignored);
  }
  cutover_clear(&worker.cutover);
  memory_wipe(worker.source_uri);
  memory_wipe(worker.target_uri);
  if (message_flag(&worker.settings, "readOnly")) {
    reader_close(&worker.target_reader);
  }
  server_close(&worker.target);
  reader_close(&worker.reader);
  bson_destroy(&worker.settings);
  pace_clear(&worker.pace);
  channel_clear(&worker.channel);
  server_library_end();
  return ok ? 0 : error_exit_status(error.kind);
}
