#include "coordinator/report/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "base/version.h"
#include "coordinator/report/copy_view.h"

#define OTHER "other" /* no namespace: it has no dot */

/* What is told of a namespace, or of several together. */
struct row {
  char label[METRICS_LABEL_MOST + 1];
  int64_t documents;
  int64_t bytes;
  int64_t expected;
  int64_t complete;
};

struct rows {
  struct row named[METRICS_NAMESPACES_MOST];
  size_t count;
  size_t others_count;
  struct row others;
};

struct out {
  FILE *text;
  const struct metric *metric;
  bool begun; /* the metric's HELP and TYPE are written */
  const struct rows *rows;
  const struct copy_view *copy;
};

struct metric {
  const char *name;
  const char *type;
  const char *label; /* the name of its only label; "": it has none */
  const char *help;
  void (*write)(struct out *out, const struct status *status);
};

void
metrics_label(char *to, const char *name)
{
  char *plain = text_escaped(name);
  size_t at = 0;
  for (size_t i = 0; plain[i];) {
    bool quoted = plain[i] == '\\' || plain[i] == '"';
    size_t length = 1;
    while (((unsigned char)plain[i + length] & 0xC0) == 0x80) {
      length++;
    }
    if (at + length + quoted > METRICS_LABEL_MOST) {
      break;
    }
    if (quoted) {
      to[at++] = '\\';
    }
    memcpy(to + at, plain + i, length);
    at += length;
    i += length;
  }
  to[at] = 0;
  free(plain);
}

/* The sample's name and labels; `labels` is as the format wants it. */
static void
begin_sample(struct out *out, const char *suffix, const char *labels)
{
  if (!out->begun) {
    fprintf(out->text, "# HELP %s %s\n# TYPE %s %s\n", out->metric->name, out->metric->help, out->metric->name,
            out->metric->type);
    out->begun = true;
  }
  fprintf(out->text, "%s%s", out->metric->name, suffix);
  if (labels[0]) {
    fprintf(out->text, "{%s}", labels);
  }
}

static void
put(struct out *out, double value)
{
  if (isfinite(value)) {
    begin_sample(out, "", "");
    fprintf(out->text, " %.15g\n", value);
  }
}

/* `value` is the label's, as metrics_label makes it. */
static void
put_labelled(struct out *out, const char *value, double number)
{
  char labels[METRICS_LABEL_MOST + 64];
  snprintf(labels, sizeof labels, "%s=\"%s\"", out->metric->label, value);
  begin_sample(out, "", labels);
  fprintf(out->text, " %.15g\n", number);
}

/* Less than 0: not known. */
static void
put_known(struct out *out, double value)
{
  if (value >= 0) {
    put(out, value);
  }
}

static void
put_build(struct out *out)
{
  char labels[200];
  snprintf(labels, sizeof labels, "version=\"%s\",revision=\"%s\"", version_number, version_revision);
  begin_sample(out, "", labels);
  fputs(" 1\n", out->text);
}

static void
put_log_lines(struct out *out)
{
  put_labelled(out, "warning", (double)log_count(LOG_WARN));
  put_labelled(out, "error", (double)log_count(LOG_ERROR));
}

/* An oplog's timestamp; 0: not known. */
static void
put_timestamp(struct out *out, uint64_t timestamp)
{
  if (timestamp != 0) {
    put(out, (double)(timestamp >> 32));
  }
}

static void
put_phases(struct out *out, const struct status *status)
{
  enum phase present = status_phase(status);
#define PHASE(name, text) put_labelled(out, text, present == PHASE_##name);
#include "coordinator/report/phase.def"
#undef PHASE
}

static void
put_phase_times(struct out *out, const struct status *status)
{
  int64_t now_ms = clock_unix_ms();
  for (int phase = PHASE_NONE + 1; status->phases && phase < PHASE_COUNT; phase++) {
    const struct phase_times *times = &status->phases->times[phase];
    if (times->began_ms != 0) {
      put_labelled(out, phase_text((enum phase)phase), (double)phase_spent_ms(times, now_ms) / 1000);
    }
  }
}

static void
put_workers(struct out *out, const struct status *status)
{
  int counts[WORKER_STATES] = {0};
  for (int i = 0; i < status->pool->worker_count; i++) {
    if (status->pool->workers[i].running) {
      counts[copy_view_worker_state(status, &status->pool->workers[i])]++;
    }
  }
  for (int state = 0; state < WORKER_STATES; state++) {
    put_labelled(out, copy_view_worker_text((enum worker_state)state), counts[state]);
  }
}

static void
put_workers_why(struct out *out, const struct status *status)
{
  bool automatic = status_has_workers(status) && !status->workers->fixed;
  for (int why = WORKERS_FIXED + 1; automatic && why < WORKERS_REASONS; why++) {
    put_labelled(out, workers_why_word((enum workers_why)why), (enum workers_why)why == status->workers->why);
  }
}

static double
pause_s(const struct status *status)
{
  return status->paused_since_ms == 0 ? 0 : fmax(0, (double)(clock_unix_ms() - status->paused_since_ms) / 1000);
}

static void
put_time(struct out *out, const struct status *status)
{
  struct measures all = {0};
  pool_measures(status->pool, &all, &all);
  for (int part = 0; part < MEASURE_PARTS; part++) {
    put_labelled(out, measure_name((enum measure_part)part), (double)all.us[part] / 1e6);
  }
}

/* Each bucket of the format has those below it, too. */
static void
put_batches(struct out *out, const struct status *status, bool of_copy)
{
  struct measures workers = {0};
  struct measures appliers = {0};
  pool_measures(status->pool, &workers, &appliers);
  const struct histogram *batches = of_copy ? &workers.batches : &appliers.batches;
  int64_t count = 0;
  for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
    char labels[40];
    count += batches->counts[i];
    if (isfinite(histogram_bounds_s[i])) {
      snprintf(labels, sizeof labels, "le=\"%g\"", histogram_bounds_s[i]);
    } else {
      snprintf(labels, sizeof labels, "le=\"+Inf\"");
    }
    begin_sample(out, "_bucket", labels);
    fprintf(out->text, " %" PRId64 "\n", count);
  }
  begin_sample(out, "_sum", "");
  fprintf(out->text, " %.15g\n", (double)batches->sum_us / 1e6);
  begin_sample(out, "_count", "");
  fprintf(out->text, " %" PRId64 "\n", batches->count);
}

/* Where nothing is copied, because a bookmark was there, the plan is empty. */
static void
put_copied(struct out *out, const struct status *status, double value)
{
  if (!status->resumed) {
    put(out, value);
  }
}

static void
put_copying(struct out *out, const struct status *status, double value)
{
  if (!status->resumed && !status->handed_off) {
    put(out, value);
  }
}

static void
put_replaying(struct out *out, const struct status *status, double value)
{
  if (status->handed_off) {
    put(out, value);
  }
}

static void
put_replaying_known(struct out *out, const struct status *status, double value)
{
  put_replaying(out, status, value < 0 ? NAN : value);
}

/* 0: there is none. */
static void
put_positive(struct out *out, double value)
{
  if (value > 0) {
    put(out, value);
  }
}

static void
put_window(struct out *out, const struct status *status, double value)
{
  if (status->window->oldest != 0) {
    put_known(out, value);
  }
}

static void
put_verified(struct out *out, const struct status *status, double value)
{
  if (status->verification) {
    put(out, value);
  }
}

/* A number of the verification's; nothing is evaluated without one. */
#define VERIFIED(field) put_verified(out, status, status->verification ? (double)status->verification->field : 0)

static void
put_brake(struct out *out, const struct status *status)
{
  const struct brake *brake = &status->throttle->brake;
  enum brake_cause cause = brake->bytes_per_s > 0 ? brake->cause : BRAKE_NONE;
  put_labelled(out, "source", cause == BRAKE_SOURCE);
  put_labelled(out, "target", cause == BRAKE_TARGET);
  put_labelled(out, "target members", cause == BRAKE_LAG);
}

static int64_t
row_documents(const struct row *row)
{
  return row->documents;
}

static int64_t
row_bytes(const struct row *row)
{
  return row->bytes;
}

static int64_t
row_expected(const struct row *row)
{
  return row->expected;
}

static int64_t
row_complete(const struct row *row)
{
  return row->complete;
}

static void
put_namespaces(struct out *out, int64_t (*value)(const struct row *row))
{
  for (size_t i = 0; i < out->rows->count; i++) {
    put_labelled(out, out->rows->named[i].label, (double)value(&out->rows->named[i]));
  }
  if (out->rows->others_count > 0) {
    put_labelled(out, OTHER, (double)value(&out->rows->others));
  }
}

/* Two names may look the same, as both were cut or escaped: a series must not be there twice. */
static bool
is_new(const struct rows *rows, const char *label)
{
  for (size_t i = 0; i < rows->count; i++) {
    if (strcmp(rows->named[i].label, label) == 0) {
      return false;
    }
  }
  return true;
}

static struct row
read_row(const struct plan *plan, size_t number)
{
  const struct plan_collection *collection = &plan->collections[number];
  bool complete =
    collection->copies_done == collection->copies && (!collection->has_index_task || collection->index_done);
  struct row row = {.expected = collection->source->bytes, .complete = complete};
  plan_copied(plan, number, &row.documents, &row.bytes);
  return row;
}

static void
add_row(struct rows *rows, const struct plan *plan, size_t number)
{
  const struct collection *source = plan->collections[number].source;
  struct row row = read_row(plan, number);
  if (rows->count < METRICS_NAMESPACES_MOST) {
    char *name = memory_format("%s.%s", source->db, source->name);
    metrics_label(row.label, name);
    free(name);
    if (is_new(rows, row.label)) {
      rows->named[rows->count++] = row;
      return;
    }
  }
  rows->others_count++;
  rows->others.documents += row.documents;
  rows->others.bytes += row.bytes;
  rows->others.expected += row.expected;
  rows->others.complete += row.complete;
}

static void
read_rows(struct rows *rows, const struct status *status)
{
  const struct plan *plan = status->plan;
  for (size_t i = 0; !status->resumed && i < plan->collection_count; i++) {
    if (!plan->collections[plan->by_size[i]].source->view) {
      add_row(rows, plan, plan->by_size[i]);
    }
  }
}

static double
count_complete(const struct rows *rows)
{
  int64_t complete = rows->others.complete;
  for (size_t i = 0; i < rows->count; i++) {
    complete += rows->named[i].complete;
  }
  return (double)complete;
}

#define METRIC(name, type, labels, help, write)                                                                        \
  static void put_##name(struct out *out, const struct status *status)                                                 \
  {                                                                                                                    \
    (void)status;                                                                                                      \
    write;                                                                                                             \
  }
#include "coordinator/report/metrics.def"
#undef METRIC

static const struct metric metrics[] = {
#define METRIC(name, type, labels, help, write) {#name, #type, labels, help, put_##name},
#include "coordinator/report/metrics.def"
#undef METRIC
};

char *
metrics_text(const struct status *status)
{
  char *text = NULL;
  size_t size;
  struct rows *rows = memory_new(sizeof *rows);
  struct copy_view copy = copy_view_of(status);
  struct out out = {.text = open_memstream(&text, &size), .rows = rows, .copy = &copy};
  read_rows(rows, status);
  for (size_t i = 0; out.text && i < sizeof metrics / sizeof *metrics; i++) {
    out.metric = &metrics[i];
    out.begun = false;
    metrics[i].write(&out, status);
  }
  if (out.text) {
    fclose(out.text);
  }
  free(rows);
  return text;
}
