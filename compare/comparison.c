#include "compare/comparison.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "server/parallel.h"
#include "source/catalog/target_name.h"
#include "source/catalog/unfinished_builds.h"

#define LATE "the time was over"

struct job {
  struct comparison *comparison;
  struct catalog catalogs[COMPARISON_SIDES];
  struct compared *items;
  size_t count;
  int64_t until_ms; /* by clock_ms */
};

/* The work on one side. */
struct share {
  struct job *job;
  enum comparison_side side;
  struct compared **items;
  size_t count;
  bool again; /* the second look */
  bool ok;
  struct error error;
};

const char *
compared_state_name(enum compared_state state)
{
  static const char *const names[] = {"equal", "excused", "different", "unfinished", "extra"};
  return names[state];
}

static int64_t
left_ms(const struct job *job)
{
  return job->until_ms - clock_ms();
}

static bool
list_indexes(struct compared *item, struct collection *collection, struct reader *reader, struct error *error)
{
  if (catalog_list_indexes(collection, reader, error)) {
    return true;
  }
  if (server_error_passes(error)) {
    return false;
  }
  snprintf(item->unread, sizeof item->unread, "%.*s", COUNTS_WHY_SIZE - 1, error->text);
  return true;
}

/* What is behind a difference. */
static bool
look_again(const struct share *share, struct compared *item, struct reader *reader, struct error *error)
{
  struct collection *collection = item->collections[share->side];
  bool unsure = item->doubtful && share->side == SOURCE_SIDE && !item->unread[0];
  if (unsure && !unfinished_builds_leave_out(collection, reader, error) && server_error_passes(error)) {
    return false;
  }
  int64_t limit_ms = left_ms(share->job);
  return !item->exact ||
         counts_exact(reader, collection, limit_ms > 0 ? limit_ms : 1, &item->counts[share->side], error);
}

static bool
look_at(const struct share *share, struct compared *item, struct reader *reader, struct error *error)
{
  struct collection *collection = item->collections[share->side];
  struct counts *counts = &item->counts[share->side];
  int64_t limit_ms = left_ms(share->job);
  if (!collection || collection->view) {
    return true;
  }
  if (share->again) {
    return look_again(share, item, reader, error);
  }
  if (limit_ms <= 0) {
    counts->documents = -1;
    snprintf(counts->why, sizeof counts->why, LATE);
    snprintf(item->unread, sizeof item->unread, LATE);
    return true;
  }
  return list_indexes(item, collection, reader, error) &&
         (share->job->comparison->definitions_only || counts_quick(reader, collection, limit_ms, counts, error));
}

/* What the reader knows of the server, with this thread's connection. */
static bool
look_at_one(void *context, size_t number, struct server *server, struct error *error)
{
  const struct share *share = context;
  struct reader reader = *share->job->comparison->readers[share->side];
  reader.server = *server;
  return look_at(share, share->items[number], &reader, error);
}

static void *
do_share(void *argument)
{
  struct share *share = argument;
  const struct comparison *comparison = share->job->comparison;
  struct reader *reader = comparison->readers[share->side];
  struct parallel parallel = {.kind = reader->server.kind,
                              .uri = comparison->uris[share->side],
                              .patient = true,
                              .threads = PARALLEL_MOST,
                              .work = look_at_one,
                              .context = share,
                              .own = &reader->server};
  share->ok = parallel_run(&parallel, share->count, &share->error);
  return NULL;
}

/* Both sides at once. */
static bool
look_at_all(struct job *job, struct compared **items, size_t count, bool again, struct error *error)
{
  pthread_t thread;
  struct share source = {.job = job, .side = SOURCE_SIDE, .items = items, .count = count, .again = again};
  struct share target = {.job = job, .side = TARGET_SIDE, .items = items, .count = count, .again = again};
  bool started = pthread_create(&thread, NULL, do_share, &target) == 0;
  do_share(&source);
  if (started) {
    pthread_join(thread, NULL);
  } else {
    do_share(&target);
  }
  if (!source.ok || !target.ok) {
    *error = source.ok ? target.error : source.error;
  }
  return source.ok && target.ok;
}

/* A name that no target takes: the migration has told that, and the namespace is compared under its own name. */
static void
name_sources(struct job *job)
{
  struct error ignored;
  for (size_t i = 0; i < job->catalogs[SOURCE_SIDE].count; i++) {
    target_name_set(job->comparison->selection, &job->catalogs[SOURCE_SIDE].collections[i], &ignored);
  }
}

static const struct collection **
sorted(struct catalog *catalog)
{
  const struct collection **list = memory_new((catalog->count + 1) * sizeof *list);
  for (size_t i = 0; i < catalog->count; i++) {
    list[i] = &catalog->collections[i];
  }
  qsort(list, catalog->count, sizeof *list, catalog_compare_targets);
  return list;
}

/* Brings together what has one name on the target. */
static void
pair(struct job *job)
{
  size_t source = 0;
  size_t target = 0;
  size_t counts[] = {job->catalogs[SOURCE_SIDE].count, job->catalogs[TARGET_SIDE].count};
  const struct collection **sources = sorted(&job->catalogs[SOURCE_SIDE]);
  const struct collection **targets = sorted(&job->catalogs[TARGET_SIDE]);
  job->items = memory_new((counts[0] + counts[1] + 1) * sizeof *job->items);
  while (source < counts[0] || target < counts[1]) {
    int order = source == counts[0]   ? 1
                : target == counts[1] ? -1
                                      : catalog_compare_targets(&sources[source], &targets[target]);
    struct compared *item = &job->items[job->count++];
    item->collections[SOURCE_SIDE] = order <= 0 ? (struct collection *)sources[source++] : NULL;
    item->collections[TARGET_SIDE] = order >= 0 ? (struct collection *)targets[target++] : NULL;
    for (int side = 0; side < COMPARISON_SIDES; side++) {
      item->counts[side] = (struct counts){.documents = -1, .bytes = -1};
    }
  }
  free(sources);
  free(targets);
}

static bool
list_both(struct job *job, struct error *error)
{
  struct comparison *comparison = job->comparison;
  struct reader *source = comparison->readers[SOURCE_SIDE];
  struct reader *target = comparison->readers[TARGET_SIDE];
  struct server_hello hello;
  if (!server_ask_hello(&target->server, true, &hello, error) ||
      !catalog_list(&job->catalogs[SOURCE_SIDE], source, selection_wants, comparison->selection, error)) {
    return false;
  }
  comparison->rules.target_version = server_version(&hello);
  comparison->rules.pages = source->moves;
  name_sources(job);
  if (!catalog_list(&job->catalogs[TARGET_SIDE], target, catalog_any, NULL, error)) {
    return error_wrap(error, "cannot list the target's collections");
  }
  pair(job);
  return true;
}

static const struct excuse *
excuse_of(const struct job *job, const struct compared *item)
{
  const struct collection *collection = item->collections[item->collections[TARGET_SIDE] ? TARGET_SIDE : SOURCE_SIDE];
  return excuses_of(job->comparison->excuses, collection->to_db, collection->to_name);
}

static bool
is_extra(const struct job *job, const struct compared *item)
{
  const struct excuse *excuse = excuse_of(job, item);
  return !item->collections[SOURCE_SIDE] && !(excuse && excuse->ours);
}

static bool
has_documents(const struct compared *item)
{
  return item->collections[SOURCE_SIDE] && item->collections[TARGET_SIDE] && !item->collections[SOURCE_SIDE]->view &&
         !item->collections[TARGET_SIDE]->view;
}

/* With those documents that the target refused, or without. */
static bool
same_count(const struct job *job, const struct compared *item)
{
  const struct excuse *excuse = excuse_of(job, item);
  int64_t more = item->counts[SOURCE_SIDE].documents - item->counts[TARGET_SIDE].documents;
  return more == 0 || (excuse && excuse->refused_documents > 0 && more == excuse->refused_documents);
}

static bool
known_count(const struct compared *item)
{
  return item->counts[SOURCE_SIDE].documents >= 0 && item->counts[TARGET_SIDE].documents >= 0;
}

static int
compare_sizes(const void *left, const void *right)
{
  const struct compared *a = *(const struct compared *const *)left;
  const struct compared *b = *(const struct compared *const *)right;
  int64_t documents = a->counts[SOURCE_SIDE].documents;
  int64_t others = b->counts[SOURCE_SIDE].documents;
  return (documents > others) - (documents < others);
}

static bool
differs(const struct job *job, const struct compared *item)
{
  struct definitions_findings findings = {.differences = {.count = 0}};
  definitions_compare(item->collections[SOURCE_SIDE], item->collections[TARGET_SIDE], &job->comparison->rules,
                      excuse_of(job, item), &findings);
  bool found = findings.differences.count > 0;
  definitions_findings_clear(&findings);
  return found;
}

/* Small ones first, so that as many as possible are done in time. */
static bool
look_behind(struct job *job, struct error *error)
{
  size_t count = 0;
  struct compared **items = memory_new((job->count + 1) * sizeof(struct compared *));
  for (size_t i = 0; i < job->count; i++) {
    struct compared *item = &job->items[i];
    bool only = job->comparison->definitions_only;
    if (has_documents(item) && (only || known_count(item))) {
      item->exact = !only && !same_count(job, item);
      item->doubtful = differs(job, item);
    }
    if (item->exact || item->doubtful) {
      items[count++] = item;
    }
  }
  qsort(items, count, sizeof(struct compared *), compare_sizes);
  bool ok = look_at_all(job, items, count, true, error);
  free(items);
  return ok;
}

static bool
look(struct job *job, struct error *error)
{
  size_t count = 0;
  struct compared **items = memory_new((job->count + 1) * sizeof(struct compared *));
  for (size_t i = 0; i < job->count; i++) {
    if (!is_extra(job, &job->items[i])) {
      items[count++] = &job->items[i];
    }
  }
  bool ok = look_at_all(job, items, count, false, error) && look_behind(job, error);
  free(items);
  return ok;
}

static void
judge_count(const struct job *job, struct compared *item)
{
  static const char *const sides[] = {"source", "target"};
  const struct excuse *excuse = excuse_of(job, item);
  long long here = (long long)item->counts[SOURCE_SIDE].documents;
  long long there = (long long)item->counts[TARGET_SIDE].documents;
  if (!known_count(item)) {
    enum comparison_side side = here < 0 ? SOURCE_SIDE : TARGET_SIDE;
    texts_add(&item->findings.not_compared, "how many documents it has%s: %s: %s",
              item->exact ? ", although the servers' quick counts differ" : "", sides[side], item->counts[side].why);
  } else if (!same_count(job, item)) {
    texts_add(&item->findings.differences, "documents: %lld on the source, %lld on the target", here, there);
  } else if (here != there) {
    texts_add(&item->findings.refused, "documents: %lld on the source, %lld on the target, which refused %lld", here,
              there, (long long)excuse->refused_documents);
  }
}

static enum compared_state
state_of(const struct job *job, const struct compared *item)
{
  const struct definitions_findings *findings = &item->findings;
  bool uncounted = !job->comparison->definitions_only && has_documents(item) && !known_count(item);
  return findings->differences.count > 0 ? COMPARED_DIFFERENT
         : item->unread[0] || uncounted  ? COMPARED_UNFINISHED
         : findings->refused.count > 0   ? COMPARED_EXCUSED
                                         : COMPARED_EQUAL;
}

static void
judge(const struct job *job, struct compared *item)
{
  struct definitions_rules rules = job->comparison->rules;
  if (is_extra(job, item)) {
    item->state = COMPARED_EXTRA;
    return;
  }
  if (item->unread[0]) {
    rules.no_indexes = item->unread;
  }
  definitions_compare(item->collections[SOURCE_SIDE], item->collections[TARGET_SIDE], &rules, excuse_of(job, item),
                      &item->findings);
  if (has_documents(item) && !job->comparison->definitions_only) {
    judge_count(job, item);
  }
  item->state = state_of(job, item);
}

static bool
tell_all(struct job *job, struct comparison_result *result, struct error *error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < job->count; i++) {
    struct compared *item = &job->items[i];
    judge(job, item);
    result->states[item->state]++;
    for (int side = 0; side < COMPARISON_SIDES && has_documents(item) && known_count(item); side++) {
      result->documents[side] += item->counts[side].documents;
    }
    result->time_over = result->time_over || item->state == COMPARED_UNFINISHED;
    ok = job->comparison->tell(job->comparison->context, item, error);
  }
  result->time_over = result->time_over && left_ms(job) <= 0;
  return ok;
}

bool
comparison_run(struct comparison *comparison, struct comparison_result *result, struct error *error)
{
  struct job job = {.comparison = comparison, .until_ms = clock_ms() + comparison->time_ms};
  *result = (struct comparison_result){.time_over = false};
  bool ok = list_both(&job, error) && look(&job, error) && tell_all(&job, result, error);
  for (size_t i = 0; i < job.count; i++) {
    definitions_findings_clear(&job.items[i].findings);
  }
  free(job.items);
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    catalog_clear(&job.catalogs[side]);
  }
  return ok;
}
