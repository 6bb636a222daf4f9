#include "worker/cutover.h"

#include "compare/comparison.h"
#include "server/series.h"
#include "source/catalog/selection.h"
#include "worker/source_end.h"
#include "worker/write_block.h"
#include "worker/writers.h"

#define PART_BYTES (1 << 20)

bool
cutover_is_task(enum message_type type)
{
  return type == MESSAGE_WRITERS || type == MESSAGE_BLOCK || type == MESSAGE_SOURCE_END || type == MESSAGE_COMPARE;
}

bool
cutover_needs_target(enum message_type type)
{
  return type == MESSAGE_COMPARE;
}

void
cutover_take_excuses(struct cutover *cutover, const bson_t *message)
{
  excuses_take(&cutover->excuses, message);
}

void
cutover_clear(struct cutover *cutover)
{
  excuses_clear(&cutover->excuses);
}

/* The namespaces of a COMPARE, on their way to the coordinator. */
struct report {
  struct channel *channel;
  int64_t task;
  bson_t list;
  uint32_t count;
};

static bool
send_part(struct report *report, struct error *error)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_INT64(&message, "task", report->task);
  BSON_APPEND_ARRAY(&message, "namespaces", &report->list);
  bool ok = channel_send(report->channel, MESSAGE_COMPARED, &message, error);
  bson_destroy(&message);
  bson_reinit(&report->list);
  report->count = 0;
  return ok;
}

static const char *
kind_of(const struct collection *collection)
{
  return series_of(collection->name) ? "buckets" : collection->view ? "view" : "collection";
}

static void
put_count(bson_t *item, const char *name, int64_t count)
{
  if (count >= 0) {
    bson_append_int64(item, name, -1, count);
  }
}

static void
put_compared(const struct compared *compared, bson_t *item)
{
  const struct collection *source = compared->collections[SOURCE_SIDE];
  const struct collection *named = source ? source : compared->collections[TARGET_SIDE];
  BSON_APPEND_UTF8(item, "db", named->to_db);
  BSON_APPEND_UTF8(item, "coll", named->to_name);
  if (source) {
    BSON_APPEND_UTF8(item, "from_db", source->db);
    BSON_APPEND_UTF8(item, "from_coll", source->name);
  }
  BSON_APPEND_UTF8(item, "kind", kind_of(named));
  BSON_APPEND_UTF8(item, "state", compared_state_name(compared->state));
  put_count(item, "source_documents", compared->counts[SOURCE_SIDE].documents);
  put_count(item, "target_documents", compared->counts[TARGET_SIDE].documents);
  put_count(item, "source_bytes", compared->counts[SOURCE_SIDE].bytes);
  put_count(item, "target_bytes", compared->counts[TARGET_SIDE].bytes);
  BSON_APPEND_BOOL(item, "exact", compared->exact);
  texts_put(&compared->findings.differences, "differences", item);
  texts_put(&compared->findings.translated, "translated", item);
  texts_put(&compared->findings.refused, "refused", item);
  texts_put(&compared->findings.not_compared, "not_compared", item);
}

static bool
report_namespace(void *context, const struct compared *compared, struct error *error)
{
  struct report *report = context;
  bson_t item = BSON_INITIALIZER;
  put_compared(compared, &item);
  message_put_item(&report->list, report->count++, &item);
  bson_destroy(&item);
  return report->list.len < PART_BYTES || send_part(report, error);
}

static void
put_result(const struct comparison_result *result, const bson_t *settings, bson_t *done)
{
  struct texts notes = {0};
  int64_t namespaces = 0;
  for (int state = 0; state <= COMPARED_EXTRA; state++) {
    bson_append_int64(done, compared_state_name((enum compared_state)state), -1, result->states[state]);
    namespaces += state == COMPARED_EXTRA ? 0 : result->states[state];
  }
  BSON_APPEND_INT64(done, "namespaces", namespaces);
  BSON_APPEND_INT64(done, "source_documents", result->documents[SOURCE_SIDE]);
  BSON_APPEND_INT64(done, "target_documents", result->documents[TARGET_SIDE]);
  BSON_APPEND_BOOL(done, "time_over", result->time_over);
  texts_add(&notes, "the documents themselves: only their number");
  texts_add(&notes, "users, roles, and the databases admin, config and local");
  if (message_flag(settings, "noIndexRestore")) {
    texts_add(&notes, "indexes: --noIndexRestore makes none");
  }
  texts_put(&notes, "notes", done);
  texts_clear(&notes);
}

static bool
compare(struct cutover *cutover, const struct selection *selection, const bson_t *message, bson_t *done,
        struct error *error)
{
  struct comparison_result result;
  struct report report = {
    .channel = cutover->channel, .task = message_number(message, "task", -1), .list = BSON_INITIALIZER};
  struct comparison comparison = {
    .reader = cutover->reader,
    .target = cutover->target,
    .source_uri = cutover->source_uri,
    .target_uri = cutover->target_uri,
    .selection = selection,
    .excuses = &cutover->excuses,
    .rules = {.ttl_deferred = message_flag(message, "ttl_deferred"),
              .keep_uuids = message_flag(cutover->settings, "preserveUUIDs"),
              .no_indexes = message_flag(cutover->settings, "noIndexRestore") ? "--noIndexRestore makes none" : NULL},
    .time_ms = message_number(message, "time_ms", 0),
    .tell = report_namespace,
    .context = &report};
  bool ok = comparison_run(&comparison, &result, error) && (report.count == 0 || send_part(&report, error));
  if (ok) {
    put_result(&result, cutover->settings, done);
  }
  bson_destroy(&report.list);
  excuses_clear(&cutover->excuses);
  return ok;
}

static bool
run(struct cutover *cutover, const struct selection *selection, enum message_type type, const bson_t *message,
    bson_t *done, struct error *error)
{
  struct write_block write_block = {.block = message_flag(message, "block"),
                                    .dry_run = message_flag(message, "dry_run"),
                                    .ours = message_flag(message, "ours")};
  struct writers_question question = {.selection = selection,
                                      .own = mongoc_uri_get_appname(mongoc_client_get_uri(cutover->target->client)),
                                      .since = message_timestamp(message, "since"),
                                      .oplog_only = message_flag(message, "oplog_only")};
  switch (type) {
  case MESSAGE_WRITERS:
    return writers_ask(cutover->reader, &question, done, error);
  case MESSAGE_BLOCK:
    return write_block_run(cutover->reader, &write_block, done, error);
  case MESSAGE_SOURCE_END:
    return source_end_ask(cutover->reader, done, error);
  default:
    return compare(cutover, selection, message, done, error);
  }
}

bool
cutover_run(struct cutover *cutover, enum message_type type, const bson_t *message, bson_t *done, struct error *error)
{
  struct selection selection;
  selection_get(&selection, cutover->settings);
  bool ok = run(cutover, &selection, type, message, done, error);
  selection_clear(&selection);
  return ok;
}
