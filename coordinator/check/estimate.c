#include "coordinator/check/estimate.h"

#include "ipc/message.h"
#include "source/oplog/oplog.h"

void
estimate_bytes_text(char text[ESTIMATE_TEXT_SIZE], int64_t bytes)
{
  static const char *const units[] = {"kB", "MB", "GB", "TB"};
  double number = (double)bytes / 1000;
  size_t unit = 0;
  if (bytes < 1000) {
    snprintf(text, ESTIMATE_TEXT_SIZE, "%lld bytes", (long long)bytes);
    return;
  }
  for (; number >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++) {
    number /= 1000;
  }
  snprintf(text, ESTIMATE_TEXT_SIZE, "%.1f %s", number, units[unit]);
}

static void
hours_text(char text[ESTIMATE_TEXT_SIZE], int64_t seconds)
{
  if (seconds < 1) {
    snprintf(text, ESTIMATE_TEXT_SIZE, "less than 1 s");
  } else if (seconds < 360) {
    snprintf(text, ESTIMATE_TEXT_SIZE, "%lld s", (long long)seconds);
  } else {
    snprintf(text, ESTIMATE_TEXT_SIZE, "%.1f h", (double)seconds / 3600);
  }
}

int64_t
estimate_full_s(int64_t spans_s, int64_t size, int64_t max_size)
{
  if (size <= 0 || max_size <= size) {
    return spans_s;
  }
  double full_s = (double)spans_s * (double)max_size / (double)size;
  return full_s < 1e12 ? (int64_t)full_s : INT64_C(1000000000000);
}

/*
 * How full the oplog is; zeroes if the server does not tell. `size` counts what `maxSize` limits: uncompressed bytes.
 */
static void
ask_oplog_size(struct reader *reader, int64_t *size, int64_t *max_size)
{
  bson_t reply;
  struct error ignored;
  bson_t *command = BCON_NEW("collStats", BCON_UTF8("oplog.rs"));
  reader_command(reader, "local", command, &reply, &ignored);
  *size = message_number(&reply, "size", 0);
  *max_size = message_number(&reply, "maxSize", 0);
  bson_destroy(command);
  bson_destroy(&reply);
}

static void
report_window(int64_t spans_s, int64_t full_s, int64_t size, int64_t max_size, struct findings *findings)
{
  char spans[ESTIMATE_TEXT_SIZE];
  char full[ESTIMATE_TEXT_SIZE];
  hours_text(spans, spans_s);
  hours_text(full, full_s);
  if (full_s > spans_s) {
    findings_add(findings, FINDING_NOTE, TOPIC_OPLOG, "source",
                 "the oplog spans %s and is %.0f %% full: at this pace about %s when it is full (estimate)", spans,
                 100.0 * (double)size / (double)max_size, full);
  } else {
    findings_add(findings, FINDING_NOTE, TOPIC_OPLOG, "source", "the oplog spans %s", spans);
  }
}

static void
report_copy(int64_t full_s, int64_t copy_s, int64_t bytes, const struct options *options, struct findings *findings)
{
  char data[ESTIMATE_TEXT_SIZE];
  char copy[ESTIMATE_TEXT_SIZE];
  estimate_bytes_text(data, bytes);
  hours_text(copy, copy_s);
  bool lasts = copy_s < full_s || copy_s == 0;
  const char *mend = lasts                 ? ""
                     : options->oplog_path ? "; the oplog is shorter, and --oplogPath keeps it"
                                           : "; the oplog is shorter: enlarge it, or give --oplogPath";
  findings_add(findings, lasts || options->oplog_path ? FINDING_NOTE : FINDING_WARNING, TOPIC_OPLOG, "source",
               "copying %s takes %s%s (estimate, at %lld MB/s: --estimateMBps)%s", data, copy_s < 1 ? "" : "about ",
               copy, (long long)options->estimate_mbps, mend);
}

void
estimate_oplog(struct reader *reader, int64_t bytes, const struct options *options, struct findings *findings)
{
  uint64_t oldest;
  uint64_t newest;
  int64_t size;
  int64_t max_size;
  struct error error;
  bson_t fact;
  if (!oplog_window(reader, &oldest, &newest, &error)) {
    findings_add_error(findings, TOPIC_OPLOG, "source", &error);
    return;
  }
  ask_oplog_size(reader, &size, &max_size);
  int64_t spans_s = (int64_t)OPTIME_SECONDS(newest) - (int64_t)OPTIME_SECONDS(oldest);
  int64_t full_s = estimate_full_s(spans_s, size, max_size);
  report_window(spans_s, full_s, size, max_size, findings);
  BSON_APPEND_DOCUMENT_BEGIN(findings->facts, "oplog", &fact);
  BSON_APPEND_INT64(&fact, "spansSeconds", spans_s);
  BSON_APPEND_INT64(&fact, "spansSecondsWhenFull", full_s);
  if (bytes >= 0) {
    int64_t copy_s = bytes / (options->estimate_mbps * 1000000);
    report_copy(full_s, copy_s, bytes, options, findings);
    BSON_APPEND_INT64(&fact, "copySeconds", copy_s);
    BSON_APPEND_INT64(&fact, "estimateMBps", options->estimate_mbps);
  }
  bson_append_document_end(findings->facts, &fact);
}

/* The users' databases on the target, whose room --drop frees. */
static int64_t
dropped_bytes(const bson_t *databases)
{
  bson_t list;
  bson_iter_t iter;
  struct error ignored;
  int64_t bytes = 0;
  if (!message_document(databases, "databases", &list, &ignored)) {
    return 0;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    const char *db = "";
    if (message_item(&iter, &item) && message_text(&item, "name", &db, &ignored) && !catalog_is_internal(db, "")) {
      bytes += message_number(&item, "sizeOnDisk", 0);
    }
  }
  return bytes;
}

/*
 * dbStats tells the file system's size from 3.6 on (S:src/mongo/db/commands/dbcommands.cpp@r4.0.14); a mongos does
 * not.
 */
void
estimate_space(struct server *target, const bson_t *databases, int64_t bytes, const struct options *options,
               struct findings *findings)
{
  bson_t reply;
  struct error ignored;
  char room[ESTIMATE_TEXT_SIZE];
  char data[ESTIMATE_TEXT_SIZE];
  bson_t *command = BCON_NEW("dbStats", BCON_INT32(1));
  server_command(target, "admin", command, &reply, &ignored); /* a database that every server has */
  int64_t total = message_number(&reply, "fsTotalSize", 0);
  int64_t used = message_number(&reply, "fsUsedSize", total);
  bson_destroy(command);
  bson_destroy(&reply);
  if (total <= 0 || bytes < 0) {
    findings_add(findings, FINDING_NOTE, TOPIC_TARGET, "target", "%s",
                 bytes < 0 ? "the source was not asked for sizes, so the target's disk was not compared with them"
                           : "the target does not tell how much room its disk has");
    return;
  }
  int64_t room_bytes = total - used + (options->drop ? dropped_bytes(databases) : 0);
  estimate_bytes_text(room, room_bytes);
  estimate_bytes_text(data, bytes);
  findings_add(findings, room_bytes < bytes ? FINDING_WARNING : FINDING_NOTE, TOPIC_TARGET, "target",
               "the target's disk has room for %s%s, and %s of uncompressed data will come%s", room,
               options->drop ? " after --drop" : "", data,
               room_bytes < bytes ? ": the data may not fit, and the indexes come on top" : "");
  bson_t fact;
  BSON_APPEND_DOCUMENT_BEGIN(findings->facts, "space", &fact);
  BSON_APPEND_INT64(&fact, "freeBytes", room_bytes);
  BSON_APPEND_INT64(&fact, "neededBytes", bytes);
  bson_append_document_end(findings->facts, &fact);
}
