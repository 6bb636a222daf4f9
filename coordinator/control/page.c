#include "coordinator/control/page.h"

#include <bson/bson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool
find(const bson_t *document, const char *path, bson_iter_t *found)
{
  bson_iter_t iter;
  return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, path, found);
}

/* NAN: there is none. */
static double
number(const bson_t *document, const char *path)
{
  bson_iter_t found;
  bool is_number = find(document, path, &found) && (BSON_ITER_HOLDS_NUMBER(&found));
  return is_number ? bson_iter_as_double(&found) : NAN;
}

static bool
flag(const bson_t *document, const char *path)
{
  bson_iter_t found;
  return find(document, path, &found) && BSON_ITER_HOLDS_BOOL(&found) && bson_iter_bool(&found);
}

static const char *
text(const bson_t *document, const char *path)
{
  bson_iter_t found;
  return find(document, path, &found) && BSON_ITER_HOLDS_UTF8(&found) ? bson_iter_utf8(&found, NULL) : "";
}

static void
put_text(FILE *out, const char *from)
{
  for (; *from; from++) {
    switch (*from) {
    case '&':
      fputs("&amp;", out);
      break;
    case '<':
      fputs("&lt;", out);
      break;
    case '>':
      fputs("&gt;", out);
      break;
    case '"':
      fputs("&quot;", out);
      break;
    case '\'':
      fputs("&#39;", out);
      break;
    default:
      fputc(*from, out);
    }
  }
}

static void
put_bytes(FILE *out, double bytes)
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
    bytes /= 1000;
    unit++;
  }
  fprintf(out, "%.*f %s", unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2, bytes, units[unit]);
}

static void
put_duration(FILE *out, double seconds)
{
  long long whole = seconds > 0 && seconds < 1e15 ? llround(seconds) : 0;
  if (whole < 60) {
    fprintf(out, "%lld s", whole);
  } else if (whole < 3600) {
    fprintf(out, "%lld min %02lld s", whole / 60, whole % 60);
  } else if (whole < 86400) {
    fprintf(out, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
  } else {
    fprintf(out, "%lld d %lld h", whole / 86400, whole / 3600 % 24);
  }
}

/* In hundredths, whole ones. */
static int
share(double done, double total)
{
  double percent = total > 0 && done > 0 ? done * 100 / total : 0;
  return percent > 100 ? 100 : (int)percent;
}

static void
put_title(const bson_t *progress, FILE *out)
{
  put_text(out, text(progress, "phase"));
  fputs(" · mongoferry", out);
}

static void
put_version(const bson_t *progress, FILE *out)
{
  put_text(out, text(progress, "version"));
}

/* hh:mm:ss of an ISO time. */
static void
put_clock(FILE *out, const char *iso)
{
  const char *time = strchr(iso, 'T');
  char clock[9] = "";
  if (time) {
    snprintf(clock, sizeof clock, "%s", time + 1);
    put_text(out, clock);
    fputs(" UTC", out);
  }
}

static void
put_now(const bson_t *progress, FILE *out)
{
  fputs("at ", out);
  put_clock(out, text(progress, "now"));
}

static void
put_state(const bson_t *progress, FILE *out)
{
  put_text(out, text(progress, "state"));
}

static void
put_step(const bson_t *progress, FILE *out)
{
  const char *step = text(progress, "cutover.step");
  if (step[0]) {
    fputs("Cut-over: ", out);
  }
  put_text(out, step[0] ? step : text(progress, "errorMessage"));
}

static void
put_phase(const bson_t *progress, FILE *out)
{
  put_text(out, text(progress, "phase"));
}

static void
put_eta(const bson_t *progress, FILE *out)
{
  const char *waits_for = text(progress, "waitsFor");
  double eta = number(progress, "etaSeconds");
  if (waits_for[0]) {
    fputs("Waits for ", out);
    put_text(out, waits_for);
    fputs(". ", out);
  }
  if (!isnan(eta) && strcmp(text(progress, "state"), "running") == 0) {
    fputs("Follows the source in about ", out);
    put_duration(out, eta);
    fputc('.', out);
  }
}

static void
put_percent(const bson_t *progress, FILE *out)
{
  fprintf(out, "%d", share(number(progress, "copy.bytes"), number(progress, "copy.expectedBytes")));
}

static void
begin_figure(FILE *out, const char *name)
{
  fprintf(out, "<div><dt>%s</dt><dd><span>", name);
}

static void
end_figure(FILE *out, const char *more)
{
  fprintf(out, "</span><small>%s</small></dd></div>", more);
}

static void
put_seconds(const bson_t *progress, FILE *out, const char *path, const char *name)
{
  double seconds = number(progress, path);
  if (!isnan(seconds)) {
    begin_figure(out, name);
    put_duration(out, seconds);
    end_figure(out, "");
  }
}

/* Nothing without --verify. */
static void
put_verification(const bson_t *progress, FILE *out)
{
  double ranges = number(progress, "verification.ranges");
  if (isnan(ranges)) {
    return;
  }
  begin_figure(out, "Verified");
  fprintf(out, "%.0f of %.0f", number(progress, "verification.rangesDone"), ranges);
  fprintf(out, "</span><small>ranges; %.0f documents to compare again; %.0f differ</small></dd></div>",
          number(progress, "verification.documentsLeft"), number(progress, "verification.different"));
}

static void
put_figures(const bson_t *progress, FILE *out)
{
  double copied = number(progress, "copy.bytes");
  double per_s = number(progress, "copy.bytesPerSecond");
  double refused = number(progress, "refused");
  if (!isnan(copied)) {
    begin_figure(out, "Copied");
    put_bytes(out, copied);
    fputs("</span><small>of ", out);
    put_bytes(out, fmax(copied, number(progress, "copy.expectedBytes")));
    fprintf(out, ", %.0f documents</small></dd></div>", fmax(0, number(progress, "copy.documents")));
  }
  if (!isnan(per_s)) {
    begin_figure(out, "Throughput");
    put_bytes(out, per_s);
    fputs("/s", out);
    end_figure(out, "");
  }
  put_seconds(progress, out, "replay.lagSeconds", "Lag");
  put_verification(progress, out);
  put_seconds(progress, out, "oplogWindow.secondsLeft", "Oplog lasts");
  put_seconds(progress, out, "oplogWindow.lengthSeconds", "Oplog holds");
  put_seconds(progress, out, "pause.seconds", "Paused for");
  if (!isnan(refused)) {
    begin_figure(out, "Refused");
    fprintf(out, "%.0f", refused);
    end_figure(out, refused > 0 ? "by the target; see the log" : "");
  }
}

typedef void (*put_row)(const bson_t *progress, const bson_t *item, FILE *out);

static void
put_rows(const bson_t *progress, FILE *out, const char *path, put_row put)
{
  bson_iter_t found;
  bson_iter_t items;
  bool any = false;
  if (find(progress, path, &found) && BSON_ITER_HOLDS_ARRAY(&found) && bson_iter_recurse(&found, &items)) {
    while (bson_iter_next(&items)) {
      const uint8_t *data;
      uint32_t size;
      bson_t item;
      if (BSON_ITER_HOLDS_DOCUMENT(&items)) {
        bson_iter_document(&items, &size, &data);
        if (bson_init_static(&item, data, size)) {
          put(progress, &item, out);
          any = true;
        }
      }
    }
  }
  if (!any) {
    fputs("<li class=\"none\">None</li>", out);
  }
}

static void
put_phase_row(const bson_t *progress, const bson_t *phase, FILE *out)
{
  const char *name = text(phase, "name");
  bool now = strcmp(name, text(progress, "phase")) == 0;
  bool begun = text(phase, "beganAt")[0] != 0;
  double seconds = number(phase, "seconds");
  fprintf(out, "<li data-at=\"%s\"%s><span>",
          now     ? "now"
          : begun ? "done"
                  : "next",
          now ? " aria-current=\"step\"" : "");
  put_text(out, name);
  fprintf(out, "<span class=\"hidden-text\">%s</span></span><span class=\"sub\">",
          now     ? ", at this now"
          : begun ? ", done"
                  : "");
  if (!isnan(seconds)) {
    put_duration(out, seconds);
  }
  fputs("</span></li>", out);
}

static void
put_phases(const bson_t *progress, FILE *out)
{
  put_rows(progress, out, "phases", put_phase_row);
}

static void
put_collection_row(const bson_t *progress, const bson_t *collection, FILE *out)
{
  double bytes = fmax(0, number(collection, "bytes"));
  double total = fmax(bytes, number(collection, "totalBytes"));
  bool complete = flag(collection, "complete");
  int percent = complete ? 100 : share(bytes, total);
  (void)progress;
  fputs("<li><span class=\"name\" dir=\"ltr\">", out);
  put_text(out, text(collection, "ns"));
  fprintf(out, "</span><progress max=\"100\" value=\"%d\"%s aria-label=\"", percent, complete ? " class=\"done\"" : "");
  put_text(out, text(collection, "ns"));
  fprintf(out, "\"></progress><span class=\"sub\">%d %% · ", percent);
  put_bytes(out, bytes);
  fputs(" of ", out);
  put_bytes(out, total);
  fputs("</span></li>", out);
}

static void
put_collections(const bson_t *progress, FILE *out)
{
  double others = number(progress, "otherCollections.count");
  put_rows(progress, out, "collections", put_collection_row);
  if (others > 0) {
    fprintf(out, "<li><span class=\"name\">%.0f others</span><span class=\"sub\">%.0f complete</span></li>", others,
            fmax(0, number(progress, "otherCollections.complete")));
  }
}

static void
put_worker_row(const bson_t *progress, const bson_t *worker, FILE *out)
{
  double documents = number(worker, "documents");
  (void)progress;
  fprintf(out, "<li><span>%.0f: ", fmax(0, number(worker, "index")));
  put_text(out, text(worker, "state"));
  fputs(" <span class=\"name\" dir=\"ltr\">", out);
  put_text(out, text(worker, "ns"));
  fputs("</span></span><span class=\"sub\">", out);
  if (!isnan(documents)) {
    fprintf(out, "%.0f documents", documents);
  }
  fputs("</span></li>", out);
}

static void
put_workers(const bson_t *progress, FILE *out)
{
  put_rows(progress, out, "workers", put_worker_row);
}

static void
put_warning_row(const bson_t *progress, const bson_t *warning, FILE *out)
{
  (void)progress;
  fputs("<li><time>", out);
  put_clock(out, text(warning, "at"));
  fputs("</time><span>", out);
  put_text(out, text(warning, "text"));
  fputs("</span></li>", out);
}

static void
put_warnings(const bson_t *progress, FILE *out)
{
  put_rows(progress, out, "warnings", put_warning_row);
}

static const struct slot {
  const char *name;
  void (*put)(const bson_t *progress, FILE *out);
} slots[] = {{"title", put_title},      {"version", put_version}, {"now", put_now},
             {"state", put_state},      {"step", put_step},       {"phase", put_phase},
             {"eta", put_eta},          {"percent", put_percent}, {"figures", put_figures},
             {"phases", put_phases},    {"workers", put_workers}, {"collections", put_collections},
             {"warnings", put_warnings}};

/* The slot that begins here with "{{"; NULL: it is none. */
static const struct slot *
slot_at(const char *at)
{
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    size_t length = strlen(slots[i].name);
    if (strncmp(at + 2, slots[i].name, length) == 0 && strncmp(at + 2 + length, "}}", 2) == 0) {
      return &slots[i];
    }
  }
  return NULL;
}

char *
page_html(const char *progress)
{
  char *html = NULL;
  size_t size;
  bson_error_t error;
  bson_t *document = bson_new_from_json((const uint8_t *)progress, -1, &error);
  document = document ? document : bson_new();
  FILE *out = open_memstream(&html, &size);
  for (const char *at = page_template; out && *at;) {
    const char *next = strstr(at, "{{");
    const struct slot *slot = next ? slot_at(next) : NULL;
    size_t plain = !next ? strlen(at) : slot ? (size_t)(next - at) : (size_t)(next - at) + 2;
    fwrite(at, 1, plain, out);
    at += plain;
    if (slot) {
      slot->put(document, out);
      at += strlen(slot->name) + 4;
    }
  }
  if (out) {
    fclose(out);
  }
  bson_destroy(document);
  return html;
}
