#include "coordinator/report/progress_json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#ifdef __SANITIZE_ADDRESS__
#define SLOWER 10
#else
#define SLOWER 1
#endif

#define AT(seconds) ((uint64_t)(seconds) << 32 | 1)

/* A status with `count` collections: number n has n+1 MB, one range each, and an index where `indexed`. */
struct sample {
  struct catalog catalog;
  struct plan plan;
  struct tail tail;
  struct window window;
  struct throttle throttle;
  struct pool pool;
  struct measure measure;
  struct phases phases;
  struct child workers[2];
  struct status status;
  bson_t *answer;
};

static struct sample *
make(size_t count, bool indexed)
{
  struct sample *sample = calloc(1, sizeof *sample);
  sample->catalog.count = count;
  sample->catalog.collections = calloc(count ? count : 1, sizeof *sample->catalog.collections);
  for (size_t i = 0; i < count; i++) {
    struct collection *collection = &sample->catalog.collections[i];
    collection->db = strdup("db");
    collection->name = malloc(30);
    snprintf(collection->name, 30, "c%zu", i);
    collection->bytes = (int64_t)(i + 1) * 1000000;
  }
  plan_init(&sample->plan, &sample->catalog, 4);
  for (size_t i = 0; i < count; i++) {
    struct split_points points = {.method = "test"};
    bson_t *spec = BCON_NEW("name", "a_1");
    plan_set_points(&sample->plan, i, &points);
    if (indexed) {
      plan_add_index(&sample->plan, i, spec);
    }
    bson_destroy(spec);
  }
  plan_close(&sample->plan);
  throttle_init(&sample->throttle);
  sample->pool.workers = sample->workers;
  sample->pool.worker_count = sample->pool.workers_wanted = 2;
  for (int i = 0; i < 2; i++) {
    sample->workers[i] = (struct child){.index = i + 1, .task = -1, .running = true, .ready = true};
  }
  sample->status = (struct status){.plan = &sample->plan,
                                   .pool = &sample->pool,
                                   .tail = &sample->tail,
                                   .window = &sample->window,
                                   .throttle = &sample->throttle,
                                   .measure = &sample->measure,
                                   .phases = &sample->phases,
                                   .now_ms = 100000};
  return sample;
}

static void
ask(struct sample *sample)
{
  bson_error_t cause;
  char *text = progress_json(&sample->status);
  bson_destroy(sample->answer);
  sample->answer = bson_new_from_json((const uint8_t *)text, -1, &cause);
  cr_assert_not_null(sample->answer, "%s in %s", cause.message, text);
  free(text);
}

/* Whether the answer has the field. Paths are as in a.0.b. */
static bool
has(const struct sample *sample, const char *path, bson_iter_t *found)
{
  bson_iter_t iter;
  return bson_iter_init(&iter, sample->answer) && bson_iter_find_descendant(&iter, path, found);
}

static int64_t
number(const struct sample *sample, const char *path)
{
  bson_iter_t found;
  cr_assert(has(sample, path, &found), "no %s", path);
  return bson_iter_as_int64(&found);
}

static const char *
text(const struct sample *sample, const char *path)
{
  bson_iter_t found;
  return has(sample, path, &found) ? bson_iter_utf8(&found, NULL) : "";
}

static void
expect_absent(const struct sample *sample, const char *path)
{
  bson_iter_t found;
  cr_expect_not(has(sample, path, &found), "%s", path);
}

static void
discard(struct sample *sample)
{
  plan_clear(&sample->plan);
  for (size_t i = 0; i < sample->catalog.count; i++) {
    free(sample->catalog.collections[i].db);
    free(sample->catalog.collections[i].name);
  }
  free(sample->catalog.collections);
  bson_destroy(sample->answer);
  free(sample);
}

/* `seconds` of a copy with the first range lent to the first worker. */
static void
copy_for(struct sample *sample, int64_t seconds, int64_t bytes_per_s)
{
  sample->workers[0].task = plan_lend(&sample->plan);
  sample->workers[0].lent_ms = sample->status.now_ms;
  for (int64_t i = 0; i <= seconds; i++) {
    status_measure(&sample->status, &sample->measure);
    sample->plan.tasks[sample->workers[0].task].bytes += i < seconds ? bytes_per_s : 0;
    sample->pool.copied_bytes += i < seconds ? bytes_per_s : 0;
    sample->status.now_ms += 1000;
  }
  sample->status.now_ms -= 1000;
}

Test(progress_json, a_copy_tells_how_far_it_is)
{
  struct sample *sample = make(3, false);
  copy_for(sample, 10, 100000);
  ask(sample);
  cr_expect_str_eq(text(sample, "state"), "running");
  cr_expect_str_eq(text(sample, "phase"), "copying");
  cr_expect_eq(number(sample, "copy.bytes"), 1000000);
  cr_expect_eq(number(sample, "copy.expectedBytes"), 6000000);
  cr_expect_eq(number(sample, "copy.etaSeconds"), 50);
  cr_expect_eq(number(sample, "etaSeconds"), 50);
  cr_expect_eq(number(sample, "copy.tasks"), 3);
  cr_expect_str_eq(text(sample, "workers.0.state"), "copying");
  cr_expect_str_eq(text(sample, "workers.0.ns"), "db.c2");
  cr_expect_eq(number(sample, "workers.0.bytesPerSecond"), 100000);
  cr_expect_str_eq(text(sample, "workers.1.state"), "idle");
  cr_expect_eq(number(sample, "collections.0.totalBytes"), 3000000);
  cr_expect_eq(number(sample, "history.bytesPerSecond.0"), 100000);
  expect_absent(sample, "replay");
  expect_absent(sample, "otherCollections");
  discard(sample);
}

Test(progress_json, indexes_to_come_are_part_of_the_eta)
{
  struct sample *sample = make(2, true);
  copy_for(sample, 10, 200000);
  plan_task_done(&sample->plan, sample->workers[0].task); /* the 2 MB one: an eta for its indexes is not known yet */
  sample->workers[0].task = plan_lend(&sample->plan);
  ask(sample);
  expect_absent(sample, "indexes.etaSeconds");
  cr_expect_str_eq(text(sample, "workers.0.state"), "building indexes");
  cr_expect_str_eq(text(sample, "indexes.building.0.ns"), "db.c1");
  for (int second = 0; second < 10; second++) {
    sample->status.now_ms += 1000;
    status_measure(&sample->status, &sample->measure);
  }
  build_steps_take(&sample->plan.collections[1].build, 90, 100); /* it has read the collection, */
  build_steps_take(&sample->plan.collections[1].build, 1, 100);  /* and writes the index */
  ask(sample); /* 1 MB in 10 s; 2 MB are left, of which 1 MB is of one collection, and there are two workers */
  cr_expect_eq(number(sample, "indexes.building.0.done"), 1);
  cr_expect_eq(number(sample, "indexes.work"), build_work(1000000, 1) + build_work(2000000, 1));
  cr_expect_eq(number(sample, "indexes.workDone"), (int64_t)((double)build_work(2000000, 1) * 0.505));
  cr_expect_eq(number(sample, "indexes.etaSeconds"), 10);
  cr_expect_eq(number(sample, "etaSeconds"), number(sample, "copy.etaSeconds") + 10);
  plan_task_done(&sample->plan, sample->workers[0].task);
  sample->workers[0].task = -1;
  ask(sample);
  cr_expect_eq(number(sample, "indexes.done"), 1);
  cr_expect_eq(number(sample, "indexes.total"), 2);
  cr_expect_eq(number(sample, "indexes.etaSeconds"), 5);
  discard(sample);
}

Test(progress_json, the_applier_tells_how_far_all_its_builds_are)
{
  struct sample *sample = make(2, true);
  sample->status.handed_off = true;
  sample->tail.replays = true;
  strcpy(sample->tail.building, "db.c1");
  sample->tail.builds = (struct tail_builds){
    .running = 2, .collections = 9, .collections_built = 3, .work = 4000, .built_work = 1000, .passed_ms = 20000};
  ask(sample);
  cr_expect_str_eq(text(sample, "phase"), "building unique indexes");
  cr_expect_eq(number(sample, "indexes.workDone"), 1000);
  cr_expect_eq(number(sample, "indexes.work"), 4000);
  cr_expect_eq(number(sample, "indexes.collectionsDone"), 3);
  cr_expect_eq(number(sample, "indexes.collections"), 9);
  cr_expect_eq(number(sample, "indexes.atOnce"), 2);
  cr_expect_eq(number(sample, "indexes.etaSeconds"), 60);
  cr_expect_eq(number(sample, "etaSeconds"), 60);
  sample->tail.builds.built_work = 0;
  ask(sample);
  expect_absent(sample, "indexes.etaSeconds");
  discard(sample);
}

Test(progress_json, what_an_earlier_run_copied_says_nothing_of_the_pace)
{
  struct sample *sample = make(2, false);
  int64_t earlier = plan_lend(&sample->plan);
  sample->plan.tasks[earlier].bytes = 2000000;
  plan_task_done(&sample->plan, earlier);
  copy_for(sample, 10, 50000); /* half of the other one */
  cr_expect_eq(status_copy_needs_s(&sample->status), 10);
  discard(sample);
}

Test(progress_json, each_worker_has_a_state)
{
  struct sample *sample = make(2, false);
  struct child *worker = &sample->workers[0];
  worker->ready = false;
  sample->workers[1].running = false;
  ask(sample);
  cr_expect_str_eq(text(sample, "workers.0.state"), "starting");
  expect_absent(sample, "workers.1");
  worker->ready = true;
  worker->pause_until_ms = sample->status.now_ms + 1;
  ask(sample);
  cr_expect_str_eq(text(sample, "workers.0.state"), "waiting to retry");
  worker->task = plan_lend(&sample->plan);
  sample->pool.paused = true;
  sample->status.paused_since_ms = 1000;
  ask(sample);
  cr_expect_str_eq(text(sample, "workers.0.state"), "paused");
  cr_expect_str_eq(text(sample, "state"), "paused");
  cr_expect_gt(number(sample, "pause.seconds"), 1000);
  expect_absent(sample, "copy.etaSeconds");
  worker->leaving = true;
  ask(sample);
  cr_expect_str_eq(text(sample, "workers.0.state"), "leaving");
  discard(sample);
}

Test(progress_json, the_time_of_all_processes_goes_somewhere)
{
  struct sample *sample = make(0, false);
  sample->workers[0].measures.us[MEASURE_READING] = 2000000;
  sample->workers[1].measures.us[MEASURE_READING] = 1000000;
  sample->pool.gone.us[MEASURE_READING] = 500000;
  sample->pool.gone_appliers.us[MEASURE_MAJORITY] = 4000000;
  ask(sample);
  bson_iter_t found;
  cr_assert(has(sample, "time.reading", &found));
  cr_expect_eq(bson_iter_as_double(&found), 3.5);
  cr_expect_eq(number(sample, "time.waitingForMajority"), 4);
  cr_expect_eq(number(sample, "time.waitingForPace"), 0);
  discard(sample);
}

Test(progress_json, a_replay_tells_its_lag)
{
  struct sample *sample = make(0, false);
  sample->tail = (struct tail){.bookmark = AT(100),
                               .newest = AT(160),
                               .asked_ms = 99000,
                               .alive_ms = 99500,
                               .last_write = AT(130),
                               .last_write_wall_ms = 130000,
                               .known_ms = 99000,
                               .entries = 7,
                               .taken = 9,
                               .ahead = 3,
                               .consistent = true};
  sample->status.handed_off = true;
  ask(sample);
  cr_expect_eq(number(sample, "replay.lagSeconds"), 30);
  cr_expect_eq(number(sample, "replay.lagEntries"), 5);
  cr_expect_eq(number(sample, "replay.entries"), 9);
  cr_expect_str_eq(text(sample, "replay.sourceLastWriteAt"), "1970-01-01T00:02:10.000Z");
  cr_expect_str_eq(text(sample, "phase"), "tailing the oplog");
  expect_absent(sample, "copy");
  expect_absent(sample, "etaSeconds");
  sample->tail.known_ms = 0;
  sample->status.now_ms = 200000;
  ask(sample);
  expect_absent(sample, "replay.lagSeconds");
  expect_absent(sample, "replay.lagEntries");
  cr_expect_str_eq(text(sample, "waitsFor"), "a sign of life from the applier");
  discard(sample);
}

Test(progress_json, every_phase_is_there_in_order)
{
  struct sample *sample = make(0, false);
  phase_begin(&sample->phases, PHASE_CONNECTING);
  phase_begin(&sample->phases, PHASE_COPYING);
  ask(sample);
  cr_expect_str_eq(text(sample, "phases.0.name"), "connecting");
  cr_expect_eq(strlen(text(sample, "phases.0.endedAt")), strlen("2026-01-01T00:00:00.000Z"));
  cr_expect_str_eq(text(sample, "phases.6.name"), "copying");
  cr_expect_eq(strlen(text(sample, "phases.6.beganAt")), strlen("2026-01-01T00:00:00.000Z"));
  expect_absent(sample, "phases.6.endedAt");
  expect_absent(sample, "phases.7.beganAt");
  discard(sample);
}

Test(progress_json, warnings_are_shown)
{
  struct sample *sample = make(0, false);
  log_warn("something with \"marks\"");
  ask(sample);
  cr_expect_str_eq(text(sample, "warnings.0.text"), "something with \"marks\"");
  discard(sample);
}

/* What this thread took of a processor: a busy machine does not count. */
static int64_t
processor_us(void)
{
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* The best of five. */
static size_t
time_text(const struct status *status, const char *name, char *(*make_text)(const struct status *status))
{
  int64_t best_us = INT64_MAX;
  size_t length = 0;
  for (int i = 0; i < 5; i++) {
    int64_t begun_us = processor_us();
    char *json = make_text(status);
    int64_t took_us = processor_us() - begun_us;
    best_us = took_us < best_us ? took_us : best_us;
    length = strlen(json);
    free(json);
  }
  fprintf(stderr, "%s of 10,000 collections: %.2f ms, %zu bytes\n", name, (double)best_us / 1000, length);
  cr_expect(best_us < 50000 * SLOWER, "%s: %lld us", name, (long long)best_us);
  return length;
}

Test(progress_json, ten_thousand_collections_are_told_at_once)
{
  struct sample *sample = make(10000, true);
  ask(sample);
  cr_expect_eq(number(sample, "otherCollections.count"), 10000 - PROGRESS_COLLECTIONS_MOST);
  cr_expect_lt(time_text(&sample->status, "progress", progress_json), 20000);
  time_text(&sample->status, "status", status_json);
  discard(sample);
}
