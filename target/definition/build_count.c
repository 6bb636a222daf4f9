#include "target/definition/build_count.h"

#define WINDOW_MS 6000 /* at least: the target is asked for its builds' progress every two seconds */
#define RETRY_FIRST_MS 60000
#define RETRY_MOST_MS 600000
#define GAIN_PART 0.25  /* one more of N could make them 1/N faster at best */
#define LATENCY_MS 25.0 /* so much more, and twice as much, is slow */
#define BUILD_LEAST (INT64_C(64) << 10)

int64_t
build_work(int64_t bytes, int64_t indexes)
{
  return bytes * indexes + BUILD_LEAST;
}

const char *
build_why_text(enum build_why why)
{
  static const char *const texts[BUILD_WHY_REASONS] = {
    [BUILD_WHY_START] = "nothing is measured yet",
    [BUILD_WHY_TRY] = "it is measured whether one more makes the builds faster",
    [BUILD_WHY_NO_FASTER] = "one more did not make the builds faster",
    [BUILD_WHY_LATENCY] = "with so many the target answered more slowly",
    [BUILD_WHY_FEW] = "there are no more long builds",
  };
  return texts[why];
}

void
build_count_init(struct build_count *count)
{
  *count = (struct build_count){.wanted = BUILD_COUNT_START, .at_ms = -1, .calm_ms = -1, .retry_ms = RETRY_FIRST_MS};
}

static void
go_to(struct build_count *count, int wanted, enum build_why why)
{
  count->wanted = wanted > 1 ? wanted : 1;
  count->why = why;
  count->began_ms = 0;
}

static void
settle(struct build_count *count, int wanted, enum build_why why, int64_t now_ms)
{
  go_to(count, wanted, why);
  count->before = 0;
  count->settled = true;
  count->retry_at_ms = now_ms + count->retry_ms;
  count->retry_ms = 2 * count->retry_ms < RETRY_MOST_MS ? 2 * count->retry_ms : RETRY_MOST_MS;
}

static bool
is_slow(double now_ms, double before_ms)
{
  return now_ms >= 0 && before_ms >= 0 && now_ms > 2 * before_ms && now_ms > before_ms + LATENCY_MS;
}

/* One more, if there is one. */
static void
climb(struct build_count *count, double pace, const struct build_look *look)
{
  count->pace = pace;
  count->at_ms = look->target_ms;
  count->settled = false;
  if (count->wanted < look->most && look->waiting > 0) {
    count->before = count->wanted;
    go_to(count, count->wanted + 1, BUILD_WHY_TRY);
  } else {
    count->before = 0;
    count->began_ms = 0;
  }
}

static bool
answers_slowly(const struct build_count *count, const struct build_look *look)
{
  return is_slow(look->target_ms, count->calm_ms) || (count->before > 0 && is_slow(look->target_ms, count->at_ms));
}

static void
judge(struct build_count *count, const struct build_look *look)
{
  double seconds = (double)(look->now_ms - count->began_ms) / 1000;
  double pace = (double)(look->built - count->began_built) / seconds;
  if (count->before > 0 && pace < count->pace * (1 + GAIN_PART / count->before)) {
    settle(count, count->before, BUILD_WHY_NO_FASTER, look->now_ms);
  } else if (!count->settled || look->now_ms >= count->retry_at_ms) {
    climb(count, pace, look);
  } else {
    count->began_ms = 0;
  }
}

/* One more cannot be measured: there is none. */
static void
give_up(struct build_count *count)
{
  count->began_ms = 0;
  if (count->before > 0) {
    go_to(count, count->before, BUILD_WHY_FEW);
    count->before = 0;
  }
}

static void
take(struct build_count *count, const struct build_look *look)
{
  if (look->running == 0) {
    count->calm_ms = look->target_ms;
  }
  if (look->running > count->wanted) { /* one too many goes on to its end */
    count->began_ms = 0;
  } else if (look->running < count->wanted && look->waiting == 0) {
    give_up(count);
  } else if (count->began_ms == 0) {
    count->began_ms = look->running == count->wanted ? look->now_ms : 0;
    count->began_built = look->built;
  } else if (look->now_ms - count->began_ms >= WINDOW_MS) {
    if (count->wanted > 1 && answers_slowly(count, look)) {
      settle(count, count->wanted - 1, BUILD_WHY_LATENCY, look->now_ms);
    } else if (look->running > 0 && look->built - count->began_built >= look->work / look->running) {
      judge(count, look);
    }
  }
}

bool
build_count_take(struct build_count *count, const struct build_look *look)
{
  int wanted = count->wanted;
  enum build_why why = count->why;
  take(count, look);
  return count->wanted != wanted || count->why != why;
}
