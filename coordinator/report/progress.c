#include "coordinator/report/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "coordinator/report/copy_view.h"
#include "coordinator/report/terminal.h"
#include "source/oplog/oplog.h"

#define SHOW_EVERY_MS 900
#define LOG_EVERY_MS 5000
#define BAR_WIDTH 10

void
progress_init(struct progress *progress)
{
  *progress = (struct progress){.terminal = terminal_open()};
  progress->log = !progress->terminal || log_has_file();
}

void
progress_end(struct progress *progress)
{
  if (progress->terminal) {
    terminal_close();
  }
  for (size_t i = 0; progress->bars && i < progress->bar_count; i++) {
    free(progress->bars[i]);
  }
  free(progress->bars);
  progress->bars = NULL;
}

/* "building 2 indexes", and how far it is if the target tells. */
static void
build_text(char *text, size_t size, const struct plan_collection *collection)
{
  uint32_t count = bson_count_keys(&collection->indexes);
  int length = snprintf(text, size, "building %u index%s", count, count == 1 ? "" : "es");
  if (collection->build.total > 0 && length > 0 && (size_t)length < size) {
    snprintf(text + length, size - (size_t)length, ", %lld%%",
             (long long)(100 * build_steps_part(&collection->build, count)));
  }
}

/* What is left at this pace, as a text; "-" if nobody knows. */
static void
eta_text(char *text, size_t size, int64_t left, double per_s)
{
  if (per_s > 0) {
    snprintf(text, size, "%s", text_duration((int64_t)((double)left / per_s)).text);
  } else {
    snprintf(text, size, "-");
  }
}

/* The same of an estimate, "-" if there is none. */
static void
left_text(char *text, size_t size, int64_t left_s)
{
  snprintf(text, size, "%s", left_s < 0 ? "-" : text_duration(left_s).text);
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
  snprintf(pace, sizeof pace, "%8s/s %7s", text_bytes((int64_t)bytes_per_s).text, eta);
  snprintf(amount, sizeof amount, "%9lld docs", (long long)documents);
  snprintf(size, sizeof size, "%s of %s", text_bytes(bytes).text, text_bytes(total).text);
  char *name = memory_format("%s.%s", collection->source->db, collection->source->name);
  if (collection->copies_done == collection->copies) {
    char building[64];
    build_text(building, sizeof building, collection);
    const char *const fields[] = {building, amount, size};
    terminal_add_fields(name, fields, 3);
  } else {
    const char *const fields[] = {share, pace, bar, amount, size};
    terminal_add_fields(name, fields, 5);
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

/* The phase and how far it is, then what it waits for. */
static void
show_phase(const struct progress_phase *now, const char *const *parts, size_t count)
{
  terminal_add(parts, count);
  if (now->waits_for[0]) {
    char *line = memory_format("waits for %s", now->waits_for);
    terminal_add((const char *const[]){line}, 1);
    free(line);
  }
}

/* The workers' index builds, when all ranges are copied. */
static void
show_builds(const struct progress_phase *now, const struct plan *plan, const struct plan_total *total)
{
  struct copy_view view = copy_view_of(now->status);
  char begin[64];
  char eta[32];
  char left[48];
  char tasks[64];
  left_text(eta, sizeof eta, view.indexes_eta_s);
  snprintf(begin, sizeof begin, "%s %d%%", phase_text(now->phase), percent(view.built_work, view.build_work));
  snprintf(left, sizeof left, "%s left", eta);
  snprintf(tasks, sizeof tasks, "%zu of %zu tasks done", plan->done, plan->task_count);
  show_phase(now, (const char *const[]){begin, left, tasks, text_bytes(total->bytes).text}, 4);
}

static void
show_total(const struct progress *progress, const struct progress_phase *now, const struct plan *plan,
           const struct plan_total *total)
{
  char begin[64];
  char left[48];
  char eta[32];
  char amount[64];
  char pace[48];
  char documents[48];
  char tasks[64];
  double bytes_per_s = throughput_per_s(&progress->bytes);
  eta_text(eta, sizeof eta, total->expected - total->bytes, bytes_per_s);
  if (now->phase != PHASE_COPYING) {
    show_builds(now, plan, total);
    return;
  }
  snprintf(begin, sizeof begin, "%s %d%%", phase_text(now->phase), percent(total->bytes, total->expected));
  snprintf(left, sizeof left, "%s left", eta);
  snprintf(amount, sizeof amount, "%s of %s", text_bytes(total->bytes).text, text_bytes(total->expected).text);
  snprintf(pace, sizeof pace, "%s/s", text_bytes((int64_t)bytes_per_s).text);
  snprintf(documents, sizeof documents, "%.0f docs/s", throughput_per_s(&progress->documents));
  snprintf(tasks, sizeof tasks, "%zu of %zu tasks done", plan->done, plan->task_count);
  show_phase(now, (const char *const[]){begin, left, amount, pace, documents, tasks}, 6);
}

/* How long the source's oplog holds what the replay will need. */
static void
show_window(const struct window *window)
{
  char left[64] = "oplog: nothing is dropped yet";
  char length[48];
  if (window->oldest == 0) {
    return;
  }
  if (window_left_s(window) >= 0) {
    snprintf(left, sizeof left, "oplog: what is needed stays for %s", text_duration(window_left_s(window)).text);
  }
  snprintf(length, sizeof length, "it is %s long", text_duration(window_length_s(window)).text);
  terminal_add((const char *const[]){left, length}, 2);
}

/* A bar for each collection under copy; the last line says how many more there are, if not all have room. */
static void
show_bars(struct progress *progress, const struct plan *plan)
{
  size_t hidden = 0;
  for (size_t i = 0; i < plan->collection_count; i++) {
    size_t number = plan->by_size[i];
    bool active = plan_is_active(plan, number);
    double pace = pace_of(progress, plan, number, active);
    if (active && terminal_room() > 1) {
      show_bar(plan, number, pace);
    } else {
      hidden += active;
    }
  }
  if (hidden > 0) {
    char more[48];
    snprintf(more, sizeof more, "and %zu more", hidden);
    terminal_add((const char *const[]){more}, 1);
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

/* What is logged of every phase. */
static void
log_rest(const struct progress_phase *now)
{
  log_window(now->window);
  if (now->waits_for[0]) {
    log_info("%s: it waits for %s", phase_text(now->phase), now->waits_for);
  }
}

static void
log_building(const struct progress_phase *now, const struct plan *plan)
{
  struct copy_view view = copy_view_of(now->status);
  char left[32];
  left_text(left, sizeof left, view.indexes_eta_s);
  log_info("%s tasks=%zu/%zu percent=%d left=%s", phase_text(now->phase), plan->done, plan->task_count,
           percent(view.built_work, view.build_work), left);
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
  progress->shown_ms = progress->logged_ms = 0;
}

static bool
is_due(int64_t *last_ms, int64_t every_ms, int64_t now_ms)
{
  if (now_ms - *last_ms < every_ms) {
    return false;
  }
  *last_ms = now_ms;
  return true;
}

static void
show_copy(struct progress *progress, const struct progress_phase *now, const struct plan *plan,
          const struct plan_total *total)
{
  if (!progress->bars) {
    progress->bar_count = plan->collection_count;
    progress->bars = memory_new((plan->collection_count + 1) * sizeof(struct throughput *));
  }
  show_total(progress, now, plan, total);
  show_window(now->window);
  show_bars(progress, plan);
  terminal_draw();
}

void
progress_copy(struct progress *progress, const struct progress_phase *now, const struct plan *plan)
{
  int64_t now_ms = clock_ms();
  bool show = progress->terminal && is_due(&progress->shown_ms, SHOW_EVERY_MS, now_ms);
  bool log = progress->log && is_due(&progress->logged_ms, LOG_EVERY_MS, now_ms);
  if (!show && !log) {
    return;
  }
  struct plan_total total = plan_total(plan);
  throughput_note(&progress->documents, now_ms, total.documents);
  throughput_note(&progress->bytes, now_ms, total.bytes);
  if (show) {
    show_copy(progress, now, plan, &total);
  }
  if (log && now->phase == PHASE_COPYING) {
    log_copy(plan, throughput_per_s(&progress->documents), throughput_per_s(&progress->bytes), total.documents,
             total.bytes);
  } else if (log) {
    log_building(now, plan);
  }
  if (log) {
    log_builds(plan);
    log_rest(now);
  }
}

/* The lag over what it became less in a second; "-" where it does not become less. */
static void
catch_up_text(char *text, size_t size, const struct progress *progress, int64_t lag_s)
{
  eta_text(text, size, lag_s, throughput_per_s(&progress->position) - throughput_per_s(&progress->newest));
}

/* What is shown of the replay. */
struct replay_view {
  uint64_t at;
  uint64_t latest;
  int64_t lag_s;
  int64_t entries;
  double per_s;
  char left[32];
  const char *building; /* a collection whose deferred indexes are built, of: */
  const struct tail_builds *builds;
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
  view.building = tail->building;
  view.builds = &tail->builds;
  return view;
}

/* The applier's index builds. */
static void
show_deferred(const struct progress_phase *now, const struct replay_view *view)
{
  char begin[64];
  char eta[32];
  char left[48];
  char done[64];
  left_text(eta, sizeof eta, copy_view_deferred_s(now->status));
  snprintf(begin, sizeof begin, "%s %d%%", phase_text(now->phase),
           percent(view->builds->built_work, view->builds->work));
  snprintf(left, sizeof left, "%s left", eta);
  snprintf(done, sizeof done, "%lld of %lld collections", (long long)view->builds->collections_built,
           (long long)view->builds->collections);
  show_phase(now, (const char *const[]){begin, left, done, view->building}, 4);
}

static void
show_replay(const struct progress_phase *now, const struct replay_view *view)
{
  char begin[64];
  char lag[48];
  char left[48];
  char entries[48];
  char pace[48];
  const char *name = phase_text(now->phase);
  snprintf(lag, sizeof lag, "lag %lld s", (long long)view->lag_s);
  snprintf(left, sizeof left, "%s left", view->left);
  snprintf(entries, sizeof entries, "%lld entries", (long long)view->entries);
  snprintf(pace, sizeof pace, "%.0f/s", view->per_s);
  if (now->phase == PHASE_BUILDING_UNIQUE) {
    show_deferred(now, view);
  } else if (now->phase == PHASE_CATCHING_UP) {
    snprintf(begin, sizeof begin, "%s: %lld s behind", name, (long long)view->lag_s);
    show_phase(now, (const char *const[]){begin, left, entries, pace}, 4);
  } else if (now->phase == PHASE_WAITING) {
    show_phase(now, (const char *const[]){name}, 1);
  } else {
    show_phase(now, (const char *const[]){name, lag, entries, pace}, 4);
  }
  show_window(now->window);
  terminal_draw();
}

static void
log_deferred(const struct progress_phase *now, const struct replay_view *view)
{
  const struct tail_builds *builds = view->builds;
  char left[32];
  left_text(left, sizeof left, copy_view_deferred_s(now->status));
  log_info("%s ns=%s built=%lld/%lld at_once=%lld collections=%lld/%lld percent=%d left=%s", phase_text(now->phase),
           log_value("%s", view->building), (long long)builds->built, (long long)builds->total,
           (long long)builds->running, (long long)builds->collections_built, (long long)builds->collections,
           percent(builds->built_work, builds->work), left);
}

static void
log_replay(const struct progress_phase *now, const struct replay_view *view)
{
  enum phase phase = now->phase;
  const char *name = phase_text(phase);
  if (phase == PHASE_WAITING) {
    log_info("%s", name);
  } else if (phase == PHASE_BUILDING_UNIQUE) {
    log_deferred(now, view);
  } else if (phase == PHASE_CATCHING_UP) {
    log_info("%s lag_s=%lld left=%s applied=%lld entries_per_s=%.0f ts=%u.%u latest=%u.%u", name,
             (long long)view->lag_s, view->left, (long long)view->entries, view->per_s, OPTIME_SECONDS(view->at),
             OPTIME_INCREMENT(view->at), OPTIME_SECONDS(view->latest), OPTIME_INCREMENT(view->latest));
  } else {
    log_info("%s lag_s=%lld applied=%lld entries_per_s=%.0f ts=%u.%u latest=%u.%u", name, (long long)view->lag_s,
             (long long)view->entries, view->per_s, OPTIME_SECONDS(view->at), OPTIME_INCREMENT(view->at),
             OPTIME_SECONDS(view->latest), OPTIME_INCREMENT(view->latest));
  }
}

void
progress_tail(struct progress *progress, const struct progress_phase *now, const struct tail *tail)
{
  int64_t now_ms = clock_ms();
  bool show = progress->terminal && is_due(&progress->shown_ms, SHOW_EVERY_MS, now_ms);
  bool log = progress->log && is_due(&progress->logged_ms, LOG_EVERY_MS, now_ms);
  if (!show && !log) {
    return;
  }
  struct replay_view view = look_at_replay(progress, now->phase, tail, now_ms);
  if (show) {
    show_replay(now, &view);
  }
  if (log) {
    log_replay(now, &view);
    log_rest(now);
  }
}
