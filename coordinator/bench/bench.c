#include "coordinator/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/bench/result.h"
#include "coordinator/bench/scratch.h"
#include "coordinator/bench/sweep.h"
#include "coordinator/bench/turn.h"
#include "coordinator/check/check.h"
#include "coordinator/options/uri.h"
#include "server/floor.h"

#define WORKERS_MOST 16
#define MINUTE_MS INT64_C(60000)

/* Set by the signals that ask for an end. The scratch databases are removed first. */
static atomic_bool stop;

static void
on_signal(int number)
{
  (void)number;
  atomic_store(&stop, true);
}

/* Again after each loop, as that leaves them ignored. */
static void
watch_signals(void)
{
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action = {.sa_handler = on_signal};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaction(numbers[i], &action, NULL);
  }
}

struct bench {
  const struct options *options;
  char *uris[2];
  struct scratch scratch;
  struct sweep sweep;
  struct result_files files;
};

static bool
ask(const struct bench *bench, struct error *error)
{
  char answer[16] = "";
  long long mb = (long long)bench->options->bench_mb;
  fprintf(
    stderr,
    "This bench writes %lld MB of scratch data to the SOURCE (and its oplog), and again and again to the target,\n"
    "for about %lld min. It takes %lld MB of this machine's memory. All of it is in the database " SCRATCH_DB
    ",\nwhich is removed from both at the end. It slows what else the servers do.\n",
    mb, (long long)bench->options->minutes, mb + mb / 4);
  if (bench->options->yes) {
    return true;
  }
  if (!isatty(STDIN_FILENO)) {
    return error_set(error, ERROR_USAGE, "a bench writes to both servers; give --yes where nobody can be asked");
  }
  fputs("Go on? [y/N] ", stderr);
  if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y')) {
    return true;
  }
  return error_set(error, ERROR_USAGE, "not confirmed; nothing was written");
}

static bool
prepare(struct bench *bench, struct error *error)
{
  const struct options *options = bench->options;
  bench->uris[0] = uri_make(options, URI_SOURCE, error);
  bench->uris[1] = bench->uris[0] ? uri_make(options, URI_TARGET, error) : NULL;
  bench->scratch = (struct scratch){.uris = {bench->uris[0], bench->uris[1]}, .stop = &stop};
  return bench->uris[1] && check_files(options, error) && scratch_check(&bench->scratch, error) && ask(bench, error) &&
         result_open(&bench->files, options->report ? options->report : RESULT_FILE, error);
}

/* As many connections as the setting has workers. */
static bool
measure_floor(struct bench *bench, const struct sweep_setting *setting, struct sweep_sample *sample,
              struct error *error)
{
  static const char *const collections[] = {SCRATCH_COLL};
  struct floor_result result;
  struct floor_plan plan = {.source_uri = bench->uris[0],
                            .target_uri = bench->uris[1],
                            .db = SCRATCH_DB,
                            .collections = collections,
                            .collection_count = 1,
                            .connections = setting->workers,
                            .stop = &stop};
  if (!scratch_reset_target(&bench->scratch, error) || !floor_run(&plan, &result, error)) {
    return false;
  }
  sample->floor_per_s = (double)result.bytes / (result.seconds > 0 ? result.seconds : 0.001);
  return true;
}

static bool
measure_copy(struct bench *bench, const struct sweep_setting *setting, struct sweep_sample *sample, struct error *error)
{
  struct turn turn = {
    .source_uri = bench->uris[0], .target_uri = bench->uris[1], .options = bench->options, .setting = *setting};
  bool ok = scratch_reset_target(&bench->scratch, error) && turn_run(&turn, error);
  watch_signals();
  if (!ok) {
    return false;
  }
  double seconds = turn.seconds > 0 ? turn.seconds : 0.001;
  sample->copy_per_s = (double)turn.bytes / seconds;
  sample->processors = turn.cpu_s / seconds;
  return turn.bytes == bench->scratch.bytes ||
         error_set(error, ERROR_TARGET, "%lld bytes were copied, not %lld: somebody changed the scratch data",
                   (long long)turn.bytes, (long long)bench->scratch.bytes);
}

static bool
measure(struct bench *bench, struct sweep_point *point, struct error *error)
{
  struct sweep_sample sample;
  if (atomic_load(&stop)) {
    return error_set(error, ERROR_INTERRUPTED, "stopped by a signal");
  }
  if (!measure_floor(bench, &point->setting, &sample, error) || !measure_copy(bench, &point->setting, &sample, error)) {
    return false;
  }
  sweep_add(point, &sample);
  log_info("measured workers=%d range_mb=%lld batch_mb=%lld mb_per_s=%.1f floor_mb_per_s=%.1f processors=%.2f",
           point->setting.workers, (long long)point->setting.range_mb, (long long)point->setting.batch_mb,
           sample.copy_per_s / 1e6, sample.floor_per_s / 1e6, sample.processors);
  return true;
}

static int
workers_most(void)
{
  int most = 2 * (int)sysconf(_SC_NPROCESSORS_ONLN);
  return most < 4 ? 4 : most > WORKERS_MOST ? WORKERS_MOST : most;
}

static bool
sweep_all(struct bench *bench, struct error *error)
{
  const struct options *options = bench->options;
  int64_t began_ms = clock_ms();
  struct sweep_point *point;
  log_info("writing scratch data to the source mb=%lld database=" SCRATCH_DB, (long long)options->bench_mb);
  /* A target that takes nothing is known before much is written. */
  if (!scratch_reset_target(&bench->scratch, error) ||
      !scratch_fill(&bench->scratch, options->bench_mb * 1000000, error)) {
    return false;
  }
  sweep_init(&bench->sweep, workers_most(), options->bench_mb, clock_ms(),
             options->minutes * MINUTE_MS - (clock_ms() - began_ms));
  while ((point = sweep_next(&bench->sweep, clock_ms())) != NULL) {
    if (!measure(bench, point, error)) {
      return false;
    }
  }
  return true;
}

/* Errors of the removal count only if there was none before. */
static bool
clean_up(struct bench *bench, bool ok, struct error *error)
{
  struct error cause;
  if (scratch_remove(&bench->scratch, &cause)) {
    return ok;
  }
  if (ok) {
    *error = cause;
  }
  return false;
}

int
bench_run(const struct options *options)
{
  struct error error = {.kind = ERROR_NONE};
  struct bench *bench = memory_new(sizeof *bench);
  bench->options = options;
  bool ok = prepare(bench, &error);
  if (ok) {
    watch_signals();
    ok = clean_up(bench, sweep_all(bench, &error), &error);
  }
  if (ok) {
    result_print(&bench->sweep, stdout);
    ok = result_write(&bench->files, &bench->sweep, &bench->scratch, &error);
  }
  if (ok) {
    log_info("wrote %s and %s", bench->files.names[0], bench->files.names[1]);
  } else {
    log_error("%s", error.text);
  }
  result_close(&bench->files);
  memory_wipe(bench->uris[0]);
  memory_wipe(bench->uris[1]);
  free(bench);
  return ok ? 0 : error_exit_status(error.kind);
}
