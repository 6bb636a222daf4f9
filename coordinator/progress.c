#include "coordinator/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "source/oplog.h"

#define LOG_EVERY_MS 5000
#define BARS_MOST 12
#define BAR_WIDTH 10
#define BAR_REST 68 /* what a bar's line takes beside the name */

static int lines_shown; /* bars on the terminal now */

void
progress_clear(void)
{
  while (lines_shown > 0) {
    fputs("\033[1A\033[2K", stderr);
    lines_shown--;
  }
  fflush(stderr);
}

void
progress_init(struct progress *progress)
{
  *progress = (struct progress){.terminal = isatty(STDERR_FILENO), .started_ms = clock_ms(), .shown_ms = clock_ms()};
  if (progress->terminal) {
    log_before_line(progress_clear);
  }
}

void
progress_end(struct progress *progress)
{
  progress_clear();
  free(progress->shown);
  progress->shown = NULL;
}

static void
human_time(char *text, size_t size, int64_t seconds)
{
  if (seconds >= 3600) {
    snprintf(text, size, "%lldh%02lldm", (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
  } else {
    snprintf(text, size, "%lldm%02llds", (long long)(seconds / 60), (long long)(seconds % 60));
  }
}

/* A line that wraps could not be taken off again. */
static int
columns(void)
{
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static void show_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
show_line(const char *format, ...)
{
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%.*s\n", columns() - 1, line);
  lines_shown++;
}

/* "building 2 indexes", and how far it is if the target tells. */
static void
build_text(char *text, size_t size, const struct plan_collection *collection)
{
  int length = snprintf(text, size, "building %u indexes", bson_count_keys(&collection->indexes));
  if (collection->to_build > 0 && length > 0 && (size_t)length < size) {
    snprintf(text + length, size - (size_t)length, ", %lld%%",
             (long long)(100 * collection->built / collection->to_build));
  }
}

/* Documents, bytes, rate and the time left; the name has what room is left. */
static void
show_bar(const struct plan *plan, size_t number, double bytes_per_s)
{
  const struct plan_collection *collection = &plan->collections[number];
  int64_t documents;
  int64_t bytes;
  char name[400];
  char eta[32] = "-";
  char bar[BAR_WIDTH + 1];
  plan_copied(plan, number, &documents, &bytes);
  int64_t total = collection->source->bytes > bytes ? collection->source->bytes : bytes;
  int filled = total > 0 ? (int)(BAR_WIDTH * bytes / total) : 0;
  for (int i = 0; i < BAR_WIDTH; i++) {
    bar[i] = i < filled ? '#' : '.';
  }
  bar[BAR_WIDTH] = 0;
  if (bytes_per_s > 0) {
    human_time(eta, sizeof eta, (int64_t)((double)(total - bytes) / bytes_per_s));
  }
  int room = columns() - BAR_REST < 12 ? 12 : columns() - BAR_REST;
  snprintf(name, sizeof name, "%s.%s", collection->source->db, collection->source->name);
  if (collection->copies_done == collection->copies) {
    char building[64];
    build_text(building, sizeof building, collection);
    show_line("%-*.*s [%s] %9lld docs %7.1f MB: %s", room, room, name, bar, (long long)documents, (double)bytes / 1e6,
              building);
  } else {
    show_line("%-*.*s [%s] %9lld docs %7.1f/%.1f MB %6.1f MB/s %s", room, room, name, bar, (long long)documents,
              (double)bytes / 1e6, (double)total / 1e6, bytes_per_s / 1e6, eta);
  }
}

static void
show_bars(struct progress *progress, const struct plan *plan, double seconds, double documents_per_s,
          double bytes_per_s)
{
  progress_clear();
  for (size_t i = 0; i < plan->collection_count; i++) {
    size_t number = plan->by_size[i];
    int64_t documents;
    int64_t bytes;
    if (plan_is_active(plan, number) && lines_shown < BARS_MOST) {
      plan_copied(plan, number, &documents, &bytes);
      int64_t more = bytes > progress->shown[number] ? bytes - progress->shown[number] : 0;
      show_bar(plan, number, (double)more / seconds);
      progress->shown[number] = bytes;
    }
  }
  show_line("copying: %.0f docs/s, %.1f MB/s, %zu of %zu tasks done", documents_per_s, bytes_per_s / 1e6, plan->done,
            plan->task_count);
}

/* How long the source's oplog holds what the replay will need. */
static void
show_window(const struct window *window)
{
  char length[32];
  char left[32];
  if (window->oldest == 0) {
    return;
  }
  human_time(length, sizeof length, window_length_s(window));
  human_time(left, sizeof left, window_left_s(window));
  if (window_left_s(window) < 0) {
    show_line("oplog: %s long, nothing is dropped yet", length);
  } else {
    show_line("oplog: %s long, what is needed falls off in about %s", length, left);
  }
}

static void
log_window(const struct window *window)
{
  if (window->oldest != 0 && window_left_s(window) >= 0) {
    log_info("oplog length_s=%lld left_s=%lld spooled_mb=%.1f", (long long)window_length_s(window),
             (long long)window_left_s(window), (double)window->spooled / 1e6);
  }
}

static void
log_builds(const struct plan *plan)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    const struct plan_collection *collection = &plan->collections[i];
    char building[64];
    if (collection->to_build > 0 && !collection->index_done) {
      build_text(building, sizeof building, collection);
      log_info("%s ns=%s.%s", building, collection->source->db, collection->source->name);
    }
  }
}

static void
log_copy(const struct plan *plan, double documents_per_s, double bytes_per_s, int64_t documents, int64_t bytes)
{
  const char *name = "-";
  const char *db = "";
  for (size_t i = plan->collection_count; i-- > 0;) {
    if (plan_is_active(plan, plan->by_size[i])) {
      name = plan->collections[plan->by_size[i]].source->name;
      db = plan->collections[plan->by_size[i]].source->db;
    }
  }
  log_info("copying ns=%s.%s tasks=%zu/%zu documents=%lld mb=%.1f docs_per_s=%.0f mb_per_s=%.1f", db, name, plan->done,
           plan->task_count, (long long)documents, (double)bytes / 1e6, documents_per_s, bytes_per_s / 1e6);
}

void
progress_copy(struct progress *progress, const struct plan *plan, const struct window *window)
{
  int64_t now = clock_ms();
  int64_t documents = 0;
  int64_t bytes = 0;
  if (now - progress->shown_ms < (progress->terminal ? 900 : LOG_EVERY_MS)) {
    return;
  }
  for (size_t i = 0; i < plan->task_count; i++) {
    documents += plan->tasks[i].documents;
    bytes += plan->tasks[i].bytes;
  }
  double seconds = (double)(now - progress->shown_ms) / 1000;
  double documents_per_s = (double)(documents - progress->shown_documents) / seconds;
  double bytes_per_s = (double)(bytes - progress->shown_bytes) / seconds;
  if (progress->terminal) {
    if (!progress->shown) {
      progress->shown = memory_new(plan->collection_count * sizeof *progress->shown);
    }
    show_bars(progress, plan, seconds, documents_per_s, bytes_per_s);
    show_window(window);
  } else {
    log_copy(plan, documents_per_s, bytes_per_s, documents, bytes);
    log_builds(plan);
    log_window(window);
  }
  progress->shown_ms = now;
  progress->shown_documents = documents;
  progress->shown_bytes = bytes;
}

void
progress_tail(struct progress *progress, const struct progress_tail *tail, const struct window *window)
{
  int64_t now = clock_ms();
  if (now - progress->shown_ms < (progress->terminal ? 900 : LOG_EVERY_MS)) {
    return;
  }
  /* Another applier counts from 0 again. */
  int64_t more = tail->entries > progress->shown_entries ? tail->entries - progress->shown_entries : 0;
  double rate = (double)more * 1000 / (double)(now - progress->shown_ms);
  int64_t lag =
    tail->latest > tail->bookmark ? OPTIME_SECONDS(tail->latest) - (int64_t)OPTIME_SECONDS(tail->bookmark) : 0;
  const char *stage = tail->consistent ? "tailing" : "catching up";
  if (progress->terminal) {
    progress_clear();
    show_window(window);
    show_line("%s: lag %lld s, %lld entries, %.0f/s", stage, (long long)lag, (long long)tail->entries, rate);
  } else {
    log_info("%s lag_s=%lld applied=%lld entries_per_s=%.0f ts=%u.%u latest=%u.%u", stage, (long long)lag,
             (long long)tail->entries, rate, OPTIME_SECONDS(tail->bookmark), OPTIME_INCREMENT(tail->bookmark),
             OPTIME_SECONDS(tail->latest), OPTIME_INCREMENT(tail->latest));
    log_window(window);
  }
  progress->shown_ms = now;
  progress->shown_entries = tail->entries;
}
