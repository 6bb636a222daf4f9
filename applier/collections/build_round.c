#include "applier/collections/build_round.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/probe.h"

static int
compare_work(const void *left, const void *right)
{
  const struct build_item *one = left;
  const struct build_item *other = right;
  return one->work < other->work ? 1 : one->work > other->work ? -1 : 0;
}

void
build_round_sort(struct build_item *items, size_t count)
{
  if (count > 0) {
    qsort(items, count, sizeof *items, compare_work);
  }
}

static int64_t
built_work(const struct build_item *item)
{
  return (int64_t)((double)item->work * build_steps_part(&item->steps, item->indexes));
}

static bool
is_long(const struct build_item *item)
{
  return item->work >= BUILD_LONG;
}

void
build_round_see(const struct build_round *round, int64_t now_ms, struct builds_seen *seen)
{
  size_t first = round->item_count;
  *seen = (struct builds_seen){.running = (int64_t)round->running_count,
                               .collections = (int64_t)round->item_count,
                               .collections_built = round->ended,
                               .work = round->work,
                               .built_work = round->ended_work,
                               .passed_ms = now_ms - round->began_ms};
  for (size_t i = 0; i < round->running_count; i++) {
    seen->built_work += built_work(&round->items[round->running[i]]);
    first = round->running[i] < first ? round->running[i] : first;
  }
  if (first < round->item_count) {
    seen->ns = round->items[first].deferred_list->ns;
    seen->built = round->items[first].steps.done;
    seen->total = round->items[first].steps.total;
  }
}

/* With the lock held. */
static void
tell(const struct build_round *round)
{
  struct builds_seen seen;
  build_round_see(round, clock_ms(), &seen);
  if (seen.ns) {
    round->watch->tell(round->watch->context, &seen);
  }
}

/* With the lock held. */
static int
long_running(const struct build_round *round)
{
  int running = 0;
  for (size_t i = 0; i < round->running_count; i++) {
    running += is_long(&round->items[round->running[i]]);
  }
  return running;
}

/* With the lock held. */
static void
decide(struct build_round *round)
{
  struct build_look look = {.now_ms = clock_ms(),
                            .built = round->ended_work,
                            .running = long_running(round),
                            .waiting = round->long_waiting,
                            .most = BUILD_ROUND_MOST,
                            .target_ms = round->target_ms};
  int before = round->count.wanted;
  for (size_t i = 0; i < round->running_count; i++) {
    const struct build_item *item = &round->items[round->running[i]];
    look.built += built_work(item);
    look.work += is_long(item) ? item->work : 0;
  }
  if (build_count_take(&round->count, &look)) {
    log_info("long index builds at_once=%d before=%d running=%d waiting=%lld why=%s", round->count.wanted, before,
             look.running, (long long)look.waiting, log_value("%s", build_why_text(round->count.why)));
    pthread_cond_broadcast(&round->changed);
  }
}

/* With the lock held. A second, or until the round ends. */
static void
wait_a_second(struct build_round *round)
{
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec++;
  while (!round->stop && pthread_cond_timedwait(&round->changed, &round->lock, &until) == 0) {
  }
}

static void *
measure(void *argument)
{
  struct build_round *round = argument;
  struct server server = {0};
  struct error ignored;
  bool open = false;
  pthread_mutex_lock(&round->lock);
  wait_a_second(round);
  while (!round->stop) {
    double ms = -1;
    pthread_mutex_unlock(&round->lock);
    open = open || server_open(&server, ERROR_TARGET, round->target_uri, false, &ignored);
    bool known = open && probe_latency(&server, &ms, &ignored);
    pthread_mutex_lock(&round->lock);
    round->target_ms = known ? ms : -1;
    decide(round);
    tell(round);
    wait_a_second(round);
  }
  pthread_mutex_unlock(&round->lock);
  server_close(&server);
  return NULL;
}

void
build_round_start(struct build_round *round)
{
  build_count_init(&round->count);
  round->target_ms = -1;
  round->began_ms = clock_ms();
  for (size_t i = 0; i < round->item_count; i++) {
    round->work += round->items[i].work;
    round->long_waiting += is_long(&round->items[i]);
  }
  pthread_mutex_init(&round->lock, NULL);
  pthread_cond_init(&round->changed, NULL);
  round->started = pthread_create(&round->thread, NULL, measure, round) == 0;
}

bool
build_round_enter(struct build_round *round, size_t number)
{
  struct build_item *item = &round->items[number];
  pthread_mutex_lock(&round->lock);
  while (!round->failed && is_long(item) && long_running(round) >= round->count.wanted) {
    pthread_cond_wait(&round->changed, &round->lock);
  }
  bool may = !round->failed;
  if (may) {
    round->running[round->running_count++] = number;
    round->long_waiting -= is_long(item);
    tell(round);
  }
  pthread_mutex_unlock(&round->lock);
  return may;
}

void
build_round_progress(struct build_round *round, size_t number, int64_t done, int64_t total)
{
  pthread_mutex_lock(&round->lock);
  build_steps_take(&round->items[number].steps, done, total);
  tell(round);
  pthread_mutex_unlock(&round->lock);
}

void
build_round_leave(struct build_round *round, size_t number, bool ok)
{
  pthread_mutex_lock(&round->lock);
  size_t at = 0;
  while (round->running[at] != number) {
    at++;
  }
  round->running[at] = round->running[--round->running_count];
  round->ended++;
  round->ended_work += round->items[number].work;
  round->failed = round->failed || !ok;
  tell(round);
  pthread_cond_broadcast(&round->changed);
  pthread_mutex_unlock(&round->lock);
}

void
build_round_stop(struct build_round *round)
{
  pthread_mutex_lock(&round->lock);
  round->stop = true;
  pthread_cond_broadcast(&round->changed);
  pthread_mutex_unlock(&round->lock);
  if (round->started) {
    pthread_join(round->thread, NULL);
  }
  pthread_cond_destroy(&round->changed);
  pthread_mutex_destroy(&round->lock);
}
