#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "coordinator/cutover/report.h"
#include "ipc/message.h"
#include "source/oplog/oplog.h"

static bool
sub_document(const bson_t *document, const char *name, bson_t *found)
{
  struct error absent;
  return message_document(document, name, found, &absent);
}

static void
print_side(const bson_t *document, const char *name, FILE *out)
{
  bson_t side;
  if (sub_document(document, name, &side)) {
    const char *set = message_text_or_none(&side, "set"); /* a cluster has none */
    fprintf(out, "%-12s %s, version %s\n", name, *set ? set : "a mongos", message_text_or_none(&side, "version"));
  }
}

static void
print_timestamp(const bson_t *document, const char *field, const char *name, FILE *out)
{
  uint64_t ts = message_timestamp(document, field);
  if (ts) {
    fprintf(out, "%-12s ts=%u.%u\n", name, OPTIME_SECONDS(ts), OPTIME_INCREMENT(ts));
  }
}

/* Each text of an array. */
static void
print_texts(const bson_t *document, const char *field, const char *before, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(document, field, &list)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    if (BSON_ITER_HOLDS_UTF8(&iter)) {
      fputs(before, out);
      text_print(out, bson_iter_utf8(&iter, NULL));
      fputc('\n', out);
    }
  }
}

static void
print_namespace(const bson_t *item, FILE *out)
{
  char *ns = memory_format("%s.%s", message_text_or_none(item, "db"), message_text_or_none(item, "coll"));
  fputs("  ", out);
  text_print(out, ns);
  fprintf(out, "  %s", message_text_or_none(item, "state"));
  if (bson_has_field(item, "target_documents")) {
    fprintf(out, "  %" PRId64 " documents%s", message_number(item, "target_documents", 0),
            message_flag(item, "exact") ? "" : " by the servers' own count");
  }
  if (bson_has_field(item, "entries")) {
    fprintf(out, "  %" PRId64 " oplog entries", message_number(item, "entries", 0));
  }
  fputc('\n', out);
  print_texts(item, "differences", "      differs: ", out);
  print_texts(item, "translated", "      translated: ", out);
  print_texts(item, "refused", "      refused: ", out);
  print_texts(item, "not_compared", "      not compared: ", out);
  free(ns);
}

static void
print_comparison(const bson_t *document, FILE *out)
{
  bson_t done;
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(document, "comparison", &done) || bson_empty(&done)) {
    fputs("\nNothing was compared.\n", out);
    return;
  }
  fprintf(out,
          "\nCompared: %" PRId64 " namespaces, with options, indexes and the number of documents; %" PRId64
          " equal, %" PRId64 " equal but for what was refused, %" PRId64 " different, %" PRId64 " not to the end%s.\n",
          message_number(&done, "namespaces", 0), message_number(&done, "equal", 0),
          message_number(&done, "excused", 0), message_number(&done, "different", 0),
          message_number(&done, "unfinished", 0), message_flag(&done, "time_over") ? " (the time was over)" : "");
  if (message_flag(document, "rehearsal") && message_number(&done, "different", 0) > 0) {
    fputs("Clients wrote to the source meanwhile, so the numbers of documents may differ.\n", out);
  }
  print_texts(&done, "notes", "Not compared: ", out);
  if (sub_document(document, "namespaces", &list)) {
    for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
      bson_t item;
      if (message_item(&iter, &item)) {
        print_namespace(&item, out);
      }
    }
  }
}

/* The times of an array of {step | name, milliseconds | seconds}. */
static void
print_times(const bson_t *document, const char *field, const char *title, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(document, field, &list) || bson_empty(&list)) {
    return;
  }
  fprintf(out, "\n%s\n", title);
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (!message_item(&iter, &item)) {
      continue;
    }
    double seconds = bson_has_field(&item, "milliseconds") ? (double)message_number(&item, "milliseconds", 0) / 1000
                                                           : message_double(&item, "seconds", -1);
    const char *name = message_text_or_none(&item, bson_has_field(&item, "step") ? "step" : "name");
    if (seconds >= 0) {
      fprintf(out, "  %-50s %10.1f s\n", name, seconds);
    }
  }
}

static void
print_transactions(const bson_t *document, FILE *out)
{
  bson_t answer;
  if (!sub_document(document, "transactions", &answer) || bson_empty(&answer)) {
    return;
  }
  int64_t open = message_number(&answer, "open", 0);
  int64_t prepared = message_number(&answer, "prepared", 0);
  if (open + prepared > 0) {
    fprintf(out,
            "transactions %" PRId64 " were open and %" PRId64 " prepared on the source. What they write from now on is "
            "not on the target.\n",
            open, prepared);
  }
}

/* What differs, by namespace. */
static void
print_differences(const bson_t *verification, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(verification, "namespaces", &list)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item) && message_number(&item, "different", 0) > 0) {
      fputs("  ", out);
      text_print(out, message_text_or_none(&item, "ns"));
      fprintf(out, ": %" PRId64 " documents\n", message_number(&item, "different", 0));
    }
  }
}

static void
print_verification(const bson_t *document, FILE *out)
{
  bson_t verification;
  if (!sub_document(document, "verification", &verification)) {
    return;
  }
  if (!message_flag(&verification, "asked")) {
    fputs("verified     no: the bytes of the documents were not compared (--verify)\n", out);
    return;
  }
  fprintf(out,
          "%-12s %s: every byte of %" PRId64 " documents, and %" PRId64 " documents once more after a write; %" PRId64
          " differ, %" PRId64 " are excused, %" PRId64 " were repaired\n",
          "verified", message_flag(&verification, "done") ? "yes" : "not to the end",
          message_number(&verification, "documents", 0), message_number(&verification, "comparedAgain", 0),
          message_number(&verification, "different", 0), message_number(&verification, "excused", 0),
          message_number(&verification, "repaired", 0));
  print_differences(&verification, out);
}

void
cutover_report_print(const bson_t *document, FILE *out)
{
  bson_t downtime;
  bson_t refused;
  bool rehearsal = message_flag(document, "rehearsal");
  bool finished = message_flag(document, "finished");
  fprintf(out, "%s %s, mongoferry %s\n",
          rehearsal  ? "Rehearsal of a cut-over,"
          : finished ? "Cut-over finished,"
                     : "Cut-over not finished,",
          message_text_or_none(document, "writtenAt"), message_text_or_none(document, "mongoferry"));
  if (*message_text_or_none(document, "why")) {
    fputs("because ", out);
    text_print(out, message_text_or_none(document, "why"));
    fputc('\n', out);
  }
  print_side(document, "source", out);
  print_side(document, "target", out);
  print_timestamp(document, "firstTimestamp", "first entry", out);
  print_timestamp(document, "lastTimestamp", "last entry", out);
  if (sub_document(document, "downtime", &downtime)) {
    fprintf(out, "%-12s %.1f s, from the last write to the source\n", rehearsal ? "would take" : "downtime",
            (double)message_number(&downtime, "milliseconds", 0) / 1000);
  }
  if (message_flag(document, "writesBlocked")) {
    fputs("The writes of the source's users are blocked, and stay so.\n", out);
  }
  print_transactions(document, out);
  if (sub_document(document, "refused", &refused) && !bson_empty(&refused)) {
    fprintf(out, "%-12s %u documents, indexes or options by the target; the log and the JSON report name each\n",
            "refused", bson_count_keys(&refused));
  }
  print_verification(document, out);
  print_comparison(document, out);
  print_times(document, "steps", "Steps of the cut-over", out);
  print_times(document, "phases", "Phases of the migration", out);
}
