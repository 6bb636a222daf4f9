#include "worker/cutover/compare.h"

#include "compare/digest.h"
#include "server/series.h"

#define PART_BYTES (1 << 20)

/* The namespaces of a COMPARE, on their way to the coordinator. */
struct report {
  struct channel *channel;
  struct digester *digester; /* NULL: no digests are asked for */
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

/* Of the options, and the sum of those of the indexes. */
static void
put_digests(struct digester *digester, const struct collection *collection, const char *options, const char *indexes,
            bson_t *item)
{
  struct digest sum = {{0}};
  bson_iter_t iter;
  struct digest digest = digester_of(digester, bson_get_data(collection->options), collection->options->len);
  digest_put(item, options, &digest);
  for (bson_iter_init(&iter, collection->indexes); bson_iter_next(&iter);) {
    bson_t spec;
    if (message_item(&iter, &spec)) {
      digest = digester_of(digester, bson_get_data(&spec), spec.len);
      digest_add(&sum, &digest);
    }
  }
  digest_put(item, indexes, &sum);
}

static void
put_both_digests(struct digester *digester, const struct compared *compared, bson_t *item)
{
  if (compared->collections[SOURCE_SIDE]) {
    put_digests(digester, compared->collections[SOURCE_SIDE], "source_options", "source_indexes", item);
  }
  if (compared->collections[TARGET_SIDE]) {
    put_digests(digester, compared->collections[TARGET_SIDE], "target_options", "target_indexes", item);
  }
}

static bool
report_namespace(void *context, const struct compared *compared, struct error *error)
{
  struct report *report = context;
  bson_t item = BSON_INITIALIZER;
  put_compared(compared, &item);
  if (report->digester && compared->state != COMPARED_EXTRA) {
    put_both_digests(report->digester, compared, &item);
  }
  message_put_item(&report->list, report->count++, &item);
  bson_destroy(&item);
  return report->list.len < PART_BYTES || send_part(report, error);
}

static void
put_result(const struct comparison_result *result, const bson_t *settings, bool counted, bson_t *done)
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
  if (counted) {
    texts_add(&notes, "the documents themselves: only their number");
  }
  texts_add(&notes, "users, roles, and the databases admin, config and local");
  if (message_flag(settings, "noIndexRestore")) {
    texts_add(&notes, "indexes: --noIndexRestore makes none");
  }
  texts_put(&notes, "notes", done);
  texts_clear(&notes);
}

bool
compare_run(const struct compare_sides *sides, struct excuses *excuses, const struct selection *selection,
            const bson_t *message, bson_t *done, struct error *error)
{
  struct comparison_result result;
  bool only = message_flag(message, "definitions_only");
  struct report report = {
    .channel = sides->channel, .task = message_number(message, "task", -1), .list = BSON_INITIALIZER};
  struct comparison comparison = {
    .readers = {sides->readers[SOURCE_SIDE], sides->readers[TARGET_SIDE]},
    .uris = {sides->uris[SOURCE_SIDE], sides->uris[TARGET_SIDE]},
    .selection = selection,
    .excuses = excuses,
    .rules = {.ttl_deferred = message_flag(message, "ttl_deferred"),
              .keep_uuids = message_flag(sides->settings, "preserveUUIDs"),
              .no_indexes = message_flag(sides->settings, "noIndexRestore") ? "--noIndexRestore makes none" : NULL},
    .definitions_only = only,
    .time_ms = message_number(message, "time_ms", 0),
    .tell = report_namespace,
    .context = &report};
  bool ok = !only || (report.digester = digester_new(error)) != NULL;
  ok = ok && comparison_run(&comparison, &result, error) && (report.count == 0 || send_part(&report, error));
  if (ok) {
    put_result(&result, sides->settings, !only, done);
  }
  digester_free(report.digester);
  bson_destroy(&report.list);
  excuses_clear(excuses);
  return ok;
}
