#include "coordinator/report/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/report/terminal.h"
#include "source/oplog/oplog.h"

#define LOG_EVERY_MS 5000
#define BARS_MOST 12
#define BAR_WIDTH 10

void
progress_init(struct progress *progress)
{
  *progress = (struct progress){.terminal = terminal_open(), .shown_ms = clock_ms()};
}

void
progress_end(struct progress *progress)
{
  if (progress->terminal) {
    terminal_clear();
  }
  for (size_t i = 0; progress->bars && i < progress->bar_count; i++) {
    free(progress->bars[i]);
  }
  free(progress->bars);
  progress->bars = NULL;
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

/* "building 2 indexes", and how far it is if the target tells. */
static void
build_text(char *text, size_t size, const struct plan_collection *collection)
{
  uint32_t count = bson_count_keys(&collection->indexes);
  int length = snprintf(text, size, "building %u index%s", count, count == 1 ? "" : "es");
  if (collection->to_build > 0 && length > 0 && (size_t)length < size) {
    snprintf(text + length, size - (size_t)length, ", %lld%%",
             (long long)(100 * collection->built / collection->to_build));
  }
}

/* What is left at this pace, as a text; "-" if nobody knows. */
static void
eta_text(char *text, size_t size, int64_t left, double per_s)
{
  if (per_s > 0) {
    human_time(text, size, (int64_t)((double)left / per_s));
  } else {
    snprintf(text, size, "-");
  }
}

static int
percent(int64_t done, int64_t total)
{
  return total > 0 ? (int)(100.0 * (double)done / (double)total) : 0;
}

static void
show_bar(const struct plan *plan, size_t number, double bytes_per_s)
{
  const struct plan_collection *collection = &plan->collections[number];
  int64_t documents;
  int64_t bytes;
  char eta[32];
  char share[16];
  char pace[32];
  char bar[BAR_WIDTH + 3] = "[..........]";
  char amount[48];
  char size[64];
  plan_copied(plan, number, &documents, &bytes);
  int64_t total = collection->source->bytes > bytes ? collection->source->bytes : bytes;
  memset(bar + 1, '#', total > 0 ? (size_t)(BAR_WIDTH * bytes / total) : 0);
  eta_text(eta, sizeof eta, total - bytes, bytes_per_s);
  snprintf(share, sizeof share, "%3d%%", percent(bytes, total));
  snprintf(pace, sizeof pace, "%6.1f MB/s %7s", bytes_per_s / 1e6, eta);
  snprintf(amount, sizeof amount, "%9lld docs", (long long)documents);
  snprintf(size, sizeof size, "%.1f/%.1f MB", (double)bytes / 1e6, (double)total / 1e6);
  char *name = memory_format("%s.%s", collection->source->db, collection->source->name);
  if (collection->copies_done == collection->copies) {
    char building[64];
    build_text(building, sizeof building, collection);
    const char *const fields[] = {building, amount, size};
    terminal_show_fields(name, fields, 3);
  } else {
    const char *const fields[] = {share, pace, bar, amount, size};
    terminal_show_fields(name, fields, 5);
  }
  free(name);
}

/* Bytes a second of one collection lately; of one that is not under copy nothing is kept. */
static double
pace_of(struct progress *progress, const struct plan *plan, size_t number, bool active)
{
  int64_t documents;
  int64_t bytes;
  struct throughput **bar = &progress->bars[number];
  if (!active) {
    free(*bar);
    *bar = NULL;
    return 0;
  }
  if (!*bar) {
    *bar = memory_new(sizeof **bar);
  }
  plan_copied(plan, number, &documents, &bytes);
  throughput_note(*bar, clock_ms(), bytes);
  return throughput_per_s(*bar);
}

static void
show_bars(struct progress *progress, const struct plan *plan, const struct plan_total *total)
{
  char eta[32];
  double bytes_per_s = throughput_per_s(&progress->bytes);
  eta_text(eta, sizeof eta, total->expected - total->bytes, bytes_per_s);
  terminal_clear();
  terminal_show("copying %d%%, %s left: %.1f of %.1f MB, %.1f MB/s, %.0f docs/s, %zu of %zu tasks done",
                percent(total->bytes, total->expected), eta, (double)total->bytes / 1e6, (double)total->expected / 1e6,
                bytes_per_s / 1e6, throughput_per_s(&progress->documents), plan->done, plan->task_count);
  for (size_t i = 0; i < plan->collection_count; i++) {
    size_t number = plan->by_size[i];
    bool active = plan_is_active(plan, number);
    double pace = pace_of(progress, plan, number, active);
    if (active && terminal_lines() <= BARS_MOST) {
      show_bar(plan, number, pace);
    }
  }
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
    terminal_show("oplog: %s long, nothing is dropped yet", length);
  } else {
    terminal_show("oplog: %s long, what is needed falls off in about %s", length, left);
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

/* Each collection whose indexes are being built. */
static void
log_builds(const struct plan *plan)
{
  for (size_t i = 0; i < plan->collection_count; i++) {
    const struct plan_collection *collection = &plan->collections[i];
    char building[64];
    if (plan_is_active(plan, i) && collection->copies_done == collection->copies && !collection->index_done) {
      build_text(building, sizeof building, collection);
      log_info("%s ns=%s", building, log_value("%s.%s", collection->source->db, collection->source->name));
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
  log_info("copying ns=%s tasks=%zu/%zu documents=%lld mb=%.1f docs_per_s=%.0f mb_per_s=%.1f",
           log_value("%s.%s", db, name), plan->done, plan->task_count, (long long)documents, (double)bytes / 1e6,
           documents_per_s, bytes_per_s / 1e6);
}

void
progress_hurry(struct progress *progress)
{
  progress->shown_ms = 0;
}

static bool
is_due(struct progress *progress, int64_t now_ms)
{
  if (now_ms - progress->shown_ms < (progress->terminal ? 900 : LOG_EVERY_MS)) {
    return false;
  }
  progress->shown_ms = now_ms;
  return true;
}

void
progress_copy(struct progress *progress, enum phase phase, const struct plan *plan, const struct window *window)
{
  int64_t now = clock_ms();
  if (!is_due(progress, now)) {
    return;
  }
  struct plan_total total = plan_total(plan);
  throughput_note(&progress->documents, now, total.documents);
  throughput_note(&progress->bytes, now, total.bytes);
  if (progress->terminal) {
    if (!progress->bars) {
      progress->bar_count = plan->collection_count;
      progress->bars = memory_new((plan->collection_count + 1) * sizeof(struct throughput *));
    }
    show_bars(progress, plan, &total);
    show_window(window);
    return;
  }
  if (phase == PHASE_COPYING) {
    log_copy(plan, throughput_per_s(&progress->documents), throughput_per_s(&progress->bytes), total.documents,
             total.bytes);
  } else {
    log_info("%s tasks=%zu/%zu", phase_text(phase), plan->done, plan->task_count);
  }
  log_builds(plan);
  log_window(window);
}

/* The lag over what it became less in a second; "-" where it does not become less. */
static void
catch_up_text(char *text, size_t size, const struct progress *progress, int64_t lag_s)
{
  eta_text(text, size, lag_s, throughput_per_s(&progress->position) - throughput_per_s(&progress->newest));
}

/* "shop.orders, 40%" */
static void
deferred_text(char *text, size_t size, const struct tail *tail)
{
  if (tail->to_build > 0) {
    snprintf(text, size, "%s, %lld%%", tail->building, (long long)(100 * tail->built / tail->to_build));
  } else {
    snprintf(text, size, "%s", tail->building);
  }
}

/* What is shown of the replay. */
struct replay_view {
  uint64_t at;
  uint64_t latest;
  int64_t lag_s;
  int64_t entries;
  double per_s;
  char left[32];
  char deferred[560];
};

static struct replay_view
look_at_replay(struct progress *progress, enum phase phase, const struct tail *tail, int64_t now_ms)
{
  /* Until it tails, what was taken says more; from then on what a majority has counts. */
  bool ahead = phase < PHASE_TAILING && tail->position > tail->bookmark;
  uint64_t at = ahead ? tail->position : tail->bookmark;
  struct replay_view view = {.at = at, .latest = tail->newest > at ? tail->newest : at};
  view.entries = tail->taken > tail->entries ? tail->taken : tail->entries;
  if (view.entries < progress->taken) { /* another applier counts from 0 again */
    progress->entries = progress->position = progress->newest = (struct throughput){0};
  }
  progress->taken = view.entries;
  view.lag_s = ahead ? -1 : tail_lag_s(tail, now_ms);
  if (view.lag_s < 0) {
    view.lag_s = OPTIME_SECONDS(view.latest) - (int64_t)OPTIME_SECONDS(at);
  }
  throughput_note(&progress->entries, now_ms, view.entries);
  throughput_note(&progress->position, now_ms, OPTIME_SECONDS(at));
  throughput_note(&progress->newest, now_ms, OPTIME_SECONDS(view.latest));
  view.per_s = throughput_per_s(&progress->entries);
  catch_up_text(view.left, sizeof view.left, progress, view.lag_s);
  deferred_text(view.deferred, sizeof view.deferred, tail);
  return view;
}

static void
show_replay(enum phase phase, const struct replay_view *view, const struct window *window)
{
  terminal_clear();
  show_window(window);
  if (phase == PHASE_BUILDING_UNIQUE) {
    terminal_show("%s: %s", phase_text(phase), view->deferred);
  } else if (phase == PHASE_CATCHING_UP) {
    terminal_show("%s: %lld s behind, %s left, %lld entries, %.0f/s", phase_text(phase), (long long)view->lag_s,
                  view->left, (long long)view->entries, view->per_s);
  } else if (phase == PHASE_WAITING) {
    terminal_show("%s", phase_text(phase));
  } else {
    terminal_show("%s: lag %lld s, %lld entries, %.0f/s", phase_text(phase), (long long)view->lag_s,
                  (long long)view->entries, view->per_s);
  }
}

static void
log_replay(enum phase phase, const struct replay_view *view, const struct window *window)
{
  if (phase == PHASE_WAITING) {
    log_info("%s", phase_text(phase));
  } else if (phase == PHASE_BUILDING_UNIQUE) {
    log_info("%s ns=%s", phase_text(phase), log_value("%s", view->deferred));
  } else {
    log_info("%s lag_s=%lld%s%s applied=%lld entries_per_s=%.0f ts=%u.%u latest=%u.%u", phase_text(phase),
             (long long)view->lag_s, phase == PHASE_CATCHING_UP ? " left=" : "",
             phase == PHASE_CATCHING_UP ? view->left : "", (long long)view->entries, view->per_s,
             OPTIME_SECONDS(view->at), OPTIME_INCREMENT(view->at), OPTIME_SECONDS(view->latest),
             OPTIME_INCREMENT(view->latest));
  }
  log_window(window);
}

void
progress_tail(struct progress *progress, enum phase phase, const struct tail *tail, const struct window *window)
{
  int64_t now = clock_ms();
  if (!is_due(progress, now)) {
    return;
  }
  struct replay_view view = look_at_replay(progress, phase, tail, now);
  if (progress->terminal) {
    show_replay(phase, &view, window);
  } else {
    log_replay(phase, &view, window);
  }
}
