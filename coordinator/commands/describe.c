#include "coordinator/commands/describe.h"

#include <stdarg.h>
#include <string.h>

/* Text of a field, by a dotted path; NULL: there is none. */
static const char *
text_at(const bson_t *document, const char *path)
{
  bson_iter_t iter;
  bson_iter_t found;
  return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, path, &found) &&
             BSON_ITER_HOLDS_UTF8(&found)
           ? bson_iter_utf8(&found, NULL)
           : NULL;
}

static bool
number_at(const bson_t *document, const char *path, double *number)
{
  bson_iter_t iter;
  bson_iter_t found;
  bool there = bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, path, &found) &&
               (BSON_ITER_HOLDS_NUMBER(&found) || BSON_ITER_HOLDS_BOOL(&found));
  *number = !there ? 0 : BSON_ITER_HOLDS_BOOL(&found) ? bson_iter_bool(&found) : bson_iter_as_double(&found);
  return there;
}

static void
time_text(char *text, size_t size, double seconds)
{
  long long whole = (long long)seconds;
  if (whole >= 3600) {
    snprintf(text, size, "%lldh%02lldm", whole / 3600, whole / 60 % 60);
  } else {
    snprintf(text, size, "%lldm%02llds", whole / 60, whole % 60);
  }
}

static void put_line(FILE *out, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
put_line(FILE *out, const char *name, const char *format, ...)
{
  va_list arguments;
  fprintf(out, "%-10s ", name);
  va_start(arguments, format);
  vfprintf(out, format, arguments);
  va_end(arguments);
  fputc('\n', out);
}

/* ", 12m03s left"; "" where nobody knows. */
static const char *
left_text(const bson_t *document, const char *path, char *text, size_t size)
{
  double seconds;
  char time[32];
  if (!number_at(document, path, &seconds)) {
    return "";
  }
  time_text(time, sizeof time, seconds);
  snprintf(text, size, ", about %s left", time);
  return text;
}

static void
put_copy(const bson_t *progress, FILE *out)
{
  double bytes;
  double expected;
  double documents;
  double rate;
  double tasks;
  double done;
  char left[64];
  if (!number_at(progress, "copy.bytes", &bytes) || !number_at(progress, "copy.expectedBytes", &expected)) {
    return;
  }
  number_at(progress, "copy.documents", &documents);
  number_at(progress, "copy.bytesPerSecond", &rate);
  put_line(out, "copied", "%.1f of %.1f MB, %.0f documents, %.1f MB/s%s", bytes / 1e6, expected / 1e6, documents,
           rate / 1e6, left_text(progress, "copy.etaSeconds", left, sizeof left));
  if (number_at(progress, "indexes.total", &tasks) && number_at(progress, "indexes.done", &done) && tasks > 0) {
    put_line(out, "indexes", "%.0f of %.0f built%s", done, tasks,
             left_text(progress, "indexes.etaSeconds", left, sizeof left));
  }
}

static void
put_replay(const bson_t *progress, FILE *out)
{
  double entries;
  double rate;
  double lag;
  double connections;
  char over[40];
  double caught_up;
  if (!number_at(progress, "replay.lagSeconds", &lag)) {
    return;
  }
  number_at(progress, "replay.entries", &entries);
  number_at(progress, "replay.entriesPerSecond", &rate);
  number_at(progress, "replay.caughtUp", &caught_up);
  bool known = number_at(progress, "replay.connections", &connections);
  snprintf(over, sizeof over, " over %.0f connection%s", connections, connections == 1 ? "" : "s");
  put_line(out, "replay", "lag %.0f s, %.0f entries, %.0f/s%s%s", lag, entries, rate, known ? over : "",
           caught_up != 0 ? ", caught up" : "");
}

static void
put_verification(const bson_t *progress, FILE *out)
{
  double ranges;
  double done;
  double left;
  double different;
  const char *state = text_at(progress, "verification.state");
  if (!state) {
    return;
  }
  number_at(progress, "verification.ranges", &ranges);
  number_at(progress, "verification.rangesDone", &done);
  number_at(progress, "verification.documentsLeft", &left);
  number_at(progress, "verification.different", &different);
  put_line(out, "verified", "%s: %.0f of %.0f ranges, %.0f documents to compare again, %.0f different", state, done,
           ranges, left, different);
}

static void
put_oplog(const bson_t *progress, FILE *out)
{
  double length;
  double left;
  char text[32];
  char left_for[32];
  if (!number_at(progress, "oplogWindow.lengthSeconds", &length)) {
    return;
  }
  time_text(text, sizeof text, length);
  if (number_at(progress, "oplogWindow.secondsLeft", &left)) {
    time_text(left_for, sizeof left_for, left);
    put_line(out, "oplog", "%s long; what is needed falls off in about %s", text, left_for);
  } else {
    put_line(out, "oplog", "%s long; nothing that is needed is dropped yet", text);
  }
}

/* Each text of an array, or the field "text" of each of its documents. */
static void
put_texts(const bson_t *progress, const char *path, const char *name, FILE *out)
{
  bson_iter_t iter;
  bson_iter_t found;
  bson_iter_t item;
  bson_iter_t text;
  if (!bson_iter_init(&iter, progress) || !bson_iter_find_descendant(&iter, path, &found) ||
      !BSON_ITER_HOLDS_ARRAY(&found) || !bson_iter_recurse(&found, &item)) {
    return;
  }
  while (bson_iter_next(&item)) {
    if (BSON_ITER_HOLDS_UTF8(&item)) {
      put_line(out, name, "%s", bson_iter_utf8(&item, NULL));
    } else if (BSON_ITER_HOLDS_DOCUMENT(&item) && bson_iter_recurse(&item, &text) && bson_iter_find(&text, "text") &&
               BSON_ITER_HOLDS_UTF8(&text)) {
      put_line(out, name, "%s", bson_iter_utf8(&text, NULL));
    }
  }
}

void
describe_progress(const bson_t *progress, FILE *out)
{
  const char *state = text_at(progress, "state");
  const char *phase = text_at(progress, "phase");
  const char *waits = text_at(progress, "waitsFor");
  const char *error = text_at(progress, "errorMessage");
  double workers;
  double refused;
  double paused;
  char left[64];
  put_line(out, "phase", "%s%s%s%s", phase ? phase : "?", left_text(progress, "etaSeconds", left, sizeof left),
           waits ? "; it waits for " : "", waits ? waits : "");
  if (state && strcmp(state, "running") != 0) {
    put_line(out, "state", "%s", state);
  }
  if (number_at(progress, "pause.seconds", &paused)) {
    char text[32];
    time_text(text, sizeof text, paused);
    put_line(out, "paused", "for %s", text);
  }
  if (error) {
    put_line(out, "error", "%s", error);
  }
  put_copy(progress, out);
  put_replay(progress, out);
  put_verification(progress, out);
  put_oplog(progress, out);
  if (number_at(progress, "workersWanted", &workers)) {
    const char *why = text_at(progress, "workersWhy");
    put_line(out, "workers", "%.0f%s%s", workers, why ? ": " : "", why ? why : "");
  }
  if (number_at(progress, "refused", &refused) && refused > 0) {
    put_line(out, "refused", "%.0f by the target; the log names each", refused);
  }
  put_texts(progress, "cutover.obstacles", "cut-over", out);
  put_texts(progress, "warnings", "warning", out);
}
