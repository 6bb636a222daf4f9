#include "coordinator/cutover/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/version.h"
#include "coordinator/state/traffic.h"
#include "ipc/message.h"

#define FORMAT 1 /* of the document; grows when a field gets another meaning */

void
cutover_report_init(struct cutover_report *report)
{
  *report = (struct cutover_report){.quiet_ms = -1};
  bson_init(&report->steps);
  bson_init(&report->open);
  bson_init(&report->compared);
  bson_init(&report->namespaces);
}

void
cutover_report_clear(struct cutover_report *report)
{
  bson_destroy(&report->steps);
  bson_destroy(&report->open);
  bson_destroy(&report->compared);
  bson_destroy(&report->namespaces);
}

void
cutover_report_reset(struct cutover_report *report)
{
  bson_reinit(&report->steps);
  bson_reinit(&report->open);
  bson_reinit(&report->compared);
  bson_reinit(&report->namespaces);
  report->step_count = report->namespace_count = 0;
  report->last = report->written = 0;
  report->quiet_ms = -1;
  report->blocked = false;
}

void
cutover_report_sides(struct cutover_report *report, const struct server_hello *source,
                     const struct server_hello *target)
{
  snprintf(report->source_set, sizeof report->source_set, "%s", source->set_name);
  snprintf(report->source_version, sizeof report->source_version, "%s", source->version);
  snprintf(report->target_set, sizeof report->target_set, "%s", target->set_name);
  snprintf(report->target_version, sizeof report->target_version, "%s", target->version);
}

void
cutover_report_step(struct cutover_report *report, const char *step, int64_t ms)
{
  bson_t item = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&item, "step", step);
  BSON_APPEND_INT64(&item, "milliseconds", ms);
  message_put_item(&report->steps, report->step_count++, &item);
  bson_destroy(&item);
}

/* A namespace with what was moved of it. */
static void
add_namespace(struct cutover_report *report, struct checkpoint *checkpoint, const bson_t *compared)
{
  bson_t item;
  bson_t moved;
  struct error ignored; /* the comparison counts without it */
  bson_copy_to(compared, &item);
  if (traffic_get(checkpoint, message_text_or_none(compared, "db"), message_text_or_none(compared, "coll"), &moved,
                  &ignored) == 1) {
    BSON_APPEND_INT64(&item, "copied_documents", message_number(&moved, "documents", 0));
    BSON_APPEND_INT64(&item, "copied_bytes", message_number(&moved, "bytes", 0));
    BSON_APPEND_INT64(&item, "entries", message_number(&moved, "entries", 0));
    bson_destroy(&moved);
  }
  message_put_item(&report->namespaces, report->namespace_count++, &item);
  bson_destroy(&item);
}

void
cutover_report_add_namespaces(struct cutover_report *report, struct checkpoint *checkpoint, const bson_t *message)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  if (!message_document(message, "namespaces", &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      add_namespace(report, checkpoint, &item);
    }
  }
}

/* All but the number of the task. */
static void
take_answer(bson_t *to, const bson_t *done)
{
  bson_reinit(to);
  bson_copy_to_excluding_noinit(done, to, "task", NULL);
}

void
cutover_report_set_compared(struct cutover_report *report, const bson_t *done)
{
  take_answer(&report->compared, done);
}

void
cutover_report_set_open(struct cutover_report *report, const bson_t *done)
{
  take_answer(&report->open, done);
}

static void
put_side(bson_t *document, const char *name, const char *set, const char *version)
{
  bson_t side;
  bson_append_document_begin(document, name, -1, &side);
  BSON_APPEND_UTF8(&side, "set", set);
  BSON_APPEND_UTF8(&side, "version", version);
  bson_append_document_end(document, &side);
}

static void
put_downtime(const struct cutover_report *report, bson_t *document)
{
  bson_t downtime;
  if (report->quiet_ms < 0) {
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(document, "downtime", &downtime);
  BSON_APPEND_INT64(&downtime, "milliseconds", report->quiet_ms);
  if (report->written) {
    message_put_timestamp(&downtime, "lastSourceWrite", report->written);
  }
  bson_append_document_end(document, &downtime);
}

static void
put_known_timestamp(bson_t *document, const char *name, uint64_t timestamp)
{
  if (timestamp) {
    message_put_timestamp(document, name, timestamp);
  }
}

void
cutover_report_make(const struct cutover_report *report, const struct cutover_outcome *outcome, bson_t *document)
{
  char now[CLOCK_ISO_BYTES];
  bson_init(document);
  BSON_APPEND_INT32(document, "format", FORMAT);
  BSON_APPEND_UTF8(document, "mongoferry", version_number);
  BSON_APPEND_BOOL(document, "finished", outcome->finished);
  BSON_APPEND_BOOL(document, "rehearsal", outcome->rehearsal);
  if (outcome->why) {
    BSON_APPEND_UTF8(document, "why", outcome->why);
  }
  BSON_APPEND_INT32(document, "exitStatus", outcome->exit_status);
  clock_iso(now, clock_unix_ms());
  BSON_APPEND_UTF8(document, "writtenAt", now);
  put_side(document, "source", report->source_set, report->source_version);
  put_side(document, "target", report->target_set, report->target_version);
  put_known_timestamp(document, "firstTimestamp", report->first);
  put_known_timestamp(document, "lastTimestamp", report->last);
  BSON_APPEND_BOOL(document, "writesBlocked", report->blocked);
  put_downtime(report, document);
  BSON_APPEND_ARRAY(document, "steps", &report->steps);
  if (outcome->phases) {
    BSON_APPEND_ARRAY(document, "phases", outcome->phases);
  }
  BSON_APPEND_DOCUMENT(document, "transactions", &report->open);
  BSON_APPEND_DOCUMENT(document, "comparison", &report->compared);
  if (outcome->verification) {
    BSON_APPEND_DOCUMENT(document, "verification", outcome->verification);
  }
  BSON_APPEND_ARRAY(document, "namespaces", &report->namespaces);
  BSON_APPEND_ARRAY(document, "refused", outcome->refused);
}

void
cutover_report_save(const bson_t *document, const char *bookmark, const struct signer *signer)
{
  struct error error;
  char *json = memory_format("%s.report.json", bookmark);
  char *text = memory_format("%s.report.txt", bookmark);
  FILE *file = NULL;
  bool ok = report_file_write(document, json, signer, &error) && (file = report_file_open(text, &error)) != NULL;
  if (ok) {
    cutover_report_print(document, file);
    ok = report_file_close(file, text, &error);
  }
  if (ok) {
    log_info("report written file=%s text=%s", log_value("%s", json), log_value("%s", text));
  } else {
    log_warn("%s; the bookmark file has it, too", error.text);
  }
  free(json);
  free(text);
}
