#include "coordinator/bench/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/version.h"
#include "coordinator/bench/chart.h"

static void
print_point(const struct sweep_point *point, FILE *out)
{
  struct sweep_range copy = sweep_copy(point);
  double floor = sweep_floor(point).middle;
  char range[32];
  snprintf(range, sizeof range, "%.1f-%.1f", copy.least / 1e6, copy.most / 1e6);
  fprintf(out, "%7d %7lld %7lld | %8.1f %15s | %8.1f %6.2f | %9.2f | %d\n", point->setting.workers,
          (long long)point->setting.range_mb, (long long)point->setting.batch_mb, copy.middle / 1e6, range, floor / 1e6,
          sweep_ratio(point).middle, sweep_processors(point).middle, point->count);
}

void
result_print(const struct sweep *sweep, FILE *out)
{
  const struct sweep_point *best = sweep_best(sweep);
  fputs("workers rangeMB batchMB |     MB/s         (range) | floor MB/s ratio | CPUs busy | runs\n", out);
  for (size_t i = 0; i < sweep->count; i++) {
    if (sweep->points[i].count > 0) {
      print_point(&sweep->points[i], out);
    }
  }
  if (best) {
    fprintf(out,
            "\nThe best settings for this pair: --workers %d --rangeMB %lld --batchMB %lld\n"
            "(--workers auto finds the number of workers by itself, and follows the data.)\n",
            best->setting.workers, (long long)best->setting.range_mb, (long long)best->setting.batch_mb);
  }
  fflush(out);
}

static void
put_range(bson_t *document, const char *name, struct sweep_range range, double unit)
{
  bson_t item;
  bson_append_document_begin(document, name, -1, &item);
  BSON_APPEND_DOUBLE(&item, "median", range.middle / unit);
  BSON_APPEND_DOUBLE(&item, "least", range.least / unit);
  BSON_APPEND_DOUBLE(&item, "most", range.most / unit);
  bson_append_document_end(document, &item);
}

static void
put_setting(bson_t *document, const struct sweep_setting *setting)
{
  BSON_APPEND_INT32(document, "workers", setting->workers);
  BSON_APPEND_INT64(document, "rangeMB", setting->range_mb);
  BSON_APPEND_INT64(document, "batchMB", setting->batch_mb);
}

static void
put_points(bson_t *document, const struct sweep *sweep)
{
  static const char *const stages[] = {"workers", "rangeMB", "batchMB"};
  bson_t list;
  uint32_t count = 0;
  BSON_APPEND_ARRAY_BEGIN(document, "settings", &list);
  for (size_t i = 0; i < sweep->count; i++) {
    const struct sweep_point *point = &sweep->points[i];
    bson_t item;
    char key[16];
    if (point->count == 0) {
      continue;
    }
    snprintf(key, sizeof key, "%u", count++);
    BSON_APPEND_DOCUMENT_BEGIN(&list, key, &item);
    BSON_APPEND_UTF8(&item, "varies", stages[point->stage]);
    put_setting(&item, &point->setting);
    BSON_APPEND_INT32(&item, "runs", point->count);
    put_range(&item, "megabytesPerSecond", sweep_copy(point), 1e6);
    put_range(&item, "floorMegabytesPerSecond", sweep_floor(point), 1e6);
    put_range(&item, "processorsBusy", sweep_processors(point), 1);
    bson_append_document_end(&list, &item);
  }
  bson_append_array_end(document, &list);
}

static char *
json_of(const struct sweep *sweep, const struct scratch *scratch)
{
  bson_t document = BSON_INITIALIZER;
  bson_t best;
  BSON_APPEND_UTF8(&document, "version", version_number);
  BSON_APPEND_UTF8(&document, "sourceVersion", scratch->hellos[0].version);
  BSON_APPEND_UTF8(&document, "targetVersion", scratch->hellos[1].version);
  BSON_APPEND_INT64(&document, "processors", sysconf(_SC_NPROCESSORS_ONLN));
  BSON_APPEND_INT64(&document, "documents", scratch->documents);
  BSON_APPEND_INT64(&document, "bytes", scratch->bytes);
  put_points(&document, sweep);
  if (sweep_best(sweep)) {
    BSON_APPEND_DOCUMENT_BEGIN(&document, "best", &best);
    put_setting(&best, &sweep_best(sweep)->setting);
    bson_append_document_end(&document, &best);
  }
  char *json = bson_as_relaxed_extended_json(&document, NULL);
  bson_destroy(&document);
  return json;
}

static bool
cannot_write(const char *file, struct error *error)
{
  return error_set(error, ERROR_STATE, "cannot write %s: %s", file, strerror(errno));
}

bool
result_open(struct result_files *files, const char *file, struct error *error)
{
  size_t length = strlen(file);
  bool json = length > 5 && strcmp(file + length - 5, ".json") == 0;
  files->names[0] = memory_string(file);
  files->names[1] = memory_format("%.*s.svg", (int)(json ? length - 5 : length), file);
  for (int i = 0; i < 2; i++) {
    files->files[i] = fopen(files->names[i], "we");
    if (!files->files[i]) {
      return cannot_write(files->names[i], error);
    }
  }
  return true;
}

bool
result_write(struct result_files *files, const struct sweep *sweep, const struct scratch *scratch, struct error *error)
{
  char *json = json_of(sweep, scratch);
  fprintf(files->files[0], "%s\n", json);
  bson_free(json);
  chart_write(sweep, files->files[1]);
  for (int i = 0; i < 2; i++) {
    FILE *file = files->files[i];
    bool bad = ferror(file) != 0;
    files->files[i] = NULL;
    if (fclose(file) != 0 || bad) {
      return cannot_write(files->names[i], error);
    }
  }
  return true;
}

void
result_close(struct result_files *files)
{
  for (int i = 0; i < 2; i++) {
    if (files->files[i]) { /* nothing was found */
      fclose(files->files[i]);
      unlink(files->names[i]);
    }
    free(files->names[i]);
  }
}
