#include "coordinator/pace/workers.h"

#define WINDOW_MS 3000       /* a measurement takes so long at least, */
#define WINDOW_MOST_MS 9000  /* and so long where its result is not clear */
#define START_MOST_MS 20000  /* so long workers may take until they copy */
#define RETRY_FIRST_MS 30000 /* twice as long after each try that changed nothing */
#define RETRY_MOST_MS 600000
#define DOCUMENT_WORK 500.0 /* a document costs the servers about as much as so many bytes, beside its own */
#define GAIN_CLEAR 1.08
#define GAIN_ENOUGH 1.04
#define GAIN_NONE 1.0
#define IDLE_ENOUGH 0.04      /* where less is idle, more workers gain less than GAIN_ENOUGH */
#define GAIN_FOR_LATENCY 1.25 /* what a worse latency has to be worth */
#define LATENCY_MS 25.0       /* so much more, and twice as much, is worse */
#define PACE_CHANGE 1.6
#define SIZE_CHANGE 2.0
#define STRIKES 2

static const struct {
  const char *word;
  const char *text;
} reasons[WORKERS_REASONS] = {
  [WORKERS_FIXED] = {"fixed", "that number was given"},
  [WORKERS_START] = {"start", "nothing is measured yet"},
  [WORKERS_TRY_MORE] = {"trying more", "it is measured whether more copy faster"},
  [WORKERS_TRY_FEWER] = {"trying fewer", "it is measured whether fewer copy faster"},
  [WORKERS_NO_FASTER] = {"no faster", "more did not make the copy faster"},
  [WORKERS_FASTER] = {"faster", "fewer made the copy faster"},
  [WORKERS_LATENCY] = {"latency", "with more the servers answered more slowly"},
  [WORKERS_FEW_RANGES] = {"few ranges", "more would have nothing to copy"},
  [WORKERS_PROCESSORS] = {"processors", "a server is on this machine, and the processors are all busy"},
  [WORKERS_MACHINE] = {"machine", "this machine has no memory or processes for more"},
  [WORKERS_CHANGED] = {"changed", "the pace or the documents changed, so it is measured again"},
};

const char *
workers_why_word(enum workers_why why)
{
  return reasons[why].word;
}

const char *
workers_why_text(enum workers_why why)
{
  return reasons[why].text;
}

void
workers_init(struct workers *workers, int number)
{
  *workers = (struct workers){.wanted = WORKERS_AT_START, .why = WORKERS_START, .retry_ms = RETRY_FIRST_MS};
  workers_set(workers, number);
}

void
workers_set(struct workers *workers, int number)
{
  if (number == 0 && !workers->fixed) {
    return;
  }
  *workers = (struct workers){.fixed = number > 0,
                              .wanted = number > 0 ? number : workers->wanted,
                              .why = number > 0 ? WORKERS_FIXED : WORKERS_START,
                              .again = workers->fixed, /* a number that was given may be too large */
                              .retry_ms = RETRY_FIRST_MS};
}

int
workers_total(const struct workers *workers)
{
  return workers->wanted + workers->builders;
}

/* A measurement begins with the next look at which all copy. */
static void
measure_anew(struct workers *workers)
{
  workers->window.began_ms = 0;
  workers->asked_ms = 0;
}

static void
go_to(struct workers *workers, int number, enum workers_why why)
{
  workers->wanted = number;
  workers->why = why;
  measure_anew(workers);
}

static void
settle(struct workers *workers, int number, enum workers_why why, int64_t now_ms)
{
  bool same = number == workers->settled_at;
  int64_t longer = workers->retry_ms * 2;
  workers->retry_ms = !same ? RETRY_FIRST_MS : longer > RETRY_MOST_MS ? RETRY_MOST_MS : longer;
  workers->retry_at_ms = now_ms + workers->retry_ms;
  workers->settled_at = number;
  workers->settled = true;
  workers->strikes = 0;
  workers->before = 0;
  workers->paces[1] = (struct workers_pace){0};
  go_to(workers, number, why);
}

/* The present number is measured, and then others. */
static void
try_again(struct workers *workers, enum workers_why why)
{
  workers->settled = false;
  workers->again = true;
  workers->before = 0;
  go_to(workers, workers->wanted, why);
}

void
workers_could_not(struct workers *workers, int number, int64_t now_ms)
{
  workers->builders = 0;
  settle(workers, number > 0 ? number : 1, WORKERS_MACHINE, now_ms);
}

static double
work_of(double bytes, double documents)
{
  return bytes + DOCUMENT_WORK * documents;
}

static double
idle_between(const struct processor_time *from, const struct processor_time *until)
{
  int64_t all = until->all - from->all;
  return all > 0 ? (double)(until->idle - from->idle) / (double)all : 1;
}

static struct workers_pace
pace_of(const struct workers *workers, const struct workers_look *look)
{
  double seconds = (double)(look->now_ms - workers->window.began_ms) / 1000;
  double bytes = (double)(look->bytes - workers->window.bytes);
  double documents = (double)(look->documents - workers->window.documents);
  return (struct workers_pace){
    .work_per_s = work_of(bytes, documents) / seconds,
    .document_bytes = documents > 0 ? bytes / documents : 0,
    .idle = idle_between(&workers->window.processors, &look->processors),
    .load = look->loads,
  };
}

static bool
is_slower(double now_ms, double before_ms)
{
  return before_ms >= 0 && now_ms > 2 * before_ms && now_ms > before_ms + LATENCY_MS;
}

static bool
answers_slower(const struct load *now, const struct load *before)
{
  return is_slower(now->source_ms, before->source_ms) || is_slower(now->target_ms, before->target_ms);
}

static bool
changed_by(double now, double before, double factor)
{
  return now > before * factor || now * factor < before;
}

/* A third fewer; what `wanted` did is in paces[0]. */
static void
descend(struct workers *workers)
{
  int from = workers->wanted;
  workers->before = from;
  go_to(workers, from - (from + 2) / 3, WORKERS_TRY_FEWER);
}

/* More are no good: back to the number before, and perhaps on to fewer. */
static void
step_back(struct workers *workers, enum workers_why why, int64_t now_ms)
{
  int number = workers->before;
  if (workers->again && number > 1) {
    workers->wanted = number;
    workers->usual_why = why;
    descend(workers);
  } else {
    settle(workers, number, why, now_ms);
  }
}

/* Half as many more; what `wanted` did is in paces[0]. */
static void
climb(struct workers *workers, const struct workers_look *look)
{
  int from = workers->wanted;
  if (workers->paces[0].idle < IDLE_ENOUGH) {
    workers->before = from;
    step_back(workers, WORKERS_PROCESSORS, look->now_ms);
    return;
  }
  int next = from + (from > 1 ? from / 2 : 1);
  int most = look->most - workers->builders;
  enum workers_why why = next > most ? WORKERS_MACHINE : WORKERS_FEW_RANGES;
  next = next > most ? most : next;
  if (next - from > look->pending) {
    next = from + (int)look->pending;
    why = WORKERS_FEW_RANGES;
  }
  if (next <= from) {
    settle(workers, from, why, look->now_ms);
    return;
  }
  workers->before = from;
  go_to(workers, next, WORKERS_TRY_MORE);
}

static void
judge_more(struct workers *workers, const struct workers_pace *pace, const struct workers_look *look)
{
  double gain = workers->paces[0].work_per_s > 0 ? pace->work_per_s / workers->paces[0].work_per_s : 2;
  bool slower = answers_slower(&pace->load, &workers->paces[0].load);
  bool clear = gain >= GAIN_CLEAR || gain < GAIN_NONE || slower;
  if (!clear && look->now_ms - workers->window.began_ms < WINDOW_MOST_MS) {
    return;
  }
  if (slower && gain < GAIN_FOR_LATENCY) {
    step_back(workers, WORKERS_LATENCY, look->now_ms);
  } else if (gain < GAIN_ENOUGH) {
    step_back(workers, WORKERS_NO_FASTER, look->now_ms);
  } else {
    workers->paces[0] = *pace;
    workers->again = false; /* fewer are known to be slower */
    climb(workers, look);
  }
}

static void
judge_fewer(struct workers *workers, const struct workers_pace *pace, const struct workers_look *look)
{
  double gain = pace->work_per_s / workers->paces[0].work_per_s;
  bool clear = gain >= GAIN_CLEAR || gain < GAIN_NONE;
  if (!clear && look->now_ms - workers->window.began_ms < WINDOW_MOST_MS) {
    return;
  }
  if (gain < GAIN_ENOUGH) {
    settle(workers, workers->before, workers->usual_why, look->now_ms);
    return;
  }
  workers->paces[0] = *pace;
  workers->usual_why = WORKERS_FASTER;
  if (workers->wanted > 1) {
    descend(workers);
  } else {
    settle(workers, workers->wanted, WORKERS_FASTER, look->now_ms);
  }
}

/* The first measurement after it settled is what the later ones are compared with. */
static void
watch(struct workers *workers, const struct workers_pace *pace, const struct workers_look *look)
{
  const struct workers_pace *usual = &workers->paces[1];
  if (usual->work_per_s <= 0) {
    workers->paces[1] = *pace;
  } else {
    bool changed = changed_by(pace->work_per_s, usual->work_per_s, PACE_CHANGE) ||
                   changed_by(pace->document_bytes, usual->document_bytes, SIZE_CHANGE);
    bool slower = answers_slower(&pace->load, &usual->load);
    workers->strikes = changed || slower ? workers->strikes + 1 : 0;
    if (workers->strikes >= STRIKES && slower && workers->wanted > 1) {
      settle(workers, workers->wanted - (workers->wanted + 2) / 3, WORKERS_LATENCY, look->now_ms);
    } else if (workers->strikes >= STRIKES || look->now_ms >= workers->retry_at_ms) {
      workers->retry_ms = changed ? RETRY_FIRST_MS / 2 : workers->retry_ms;
      try_again(workers, changed ? WORKERS_CHANGED : workers->why);
      return;
    }
  }
  workers->window.began_ms = 0;
}

static void
judge(struct workers *workers, const struct workers_look *look)
{
  struct workers_pace pace = pace_of(workers, look);
  if (workers->settled) {
    watch(workers, &pace, look);
  } else if (workers->before == 0) {
    workers->paces[0] = pace;
    climb(workers, look);
  } else if (workers->wanted > workers->before) {
    judge_more(workers, &pace, look);
  } else {
    judge_fewer(workers, &pace, look);
  }
}

/* Not all of them copy. Those that were just started get some time. */
static void
wait_for_all(struct workers *workers, const struct workers_look *look)
{
  bool more = workers->before > 0 && workers->wanted > workers->before;
  workers->window.began_ms = 0;
  if (workers->asked_ms == 0) {
    workers->asked_ms = look->now_ms;
  }
  if (more && (look->pending == 0 || look->idle > 0)) {
    settle(workers, workers->before, WORKERS_FEW_RANGES, look->now_ms);
  } else if (more && look->now_ms - workers->asked_ms > START_MOST_MS) {
    settle(workers, workers->before, WORKERS_MACHINE, look->now_ms);
  }
}

/* Others take the place of workers that wait for builds, but only if there is something to do for them. */
static void
count_builders(struct workers *workers, const struct workers_look *look)
{
  int room = look->most - workers->wanted;
  room = room < 0 ? 0 : room > look->builds_most ? look->builds_most : room;
  int builders = look->builders < room ? look->builders : room;
  if (builders < workers->builders || look->pending > workers->wanted || look->builds_begin > look->idle) {
    workers->builders = builders;
  }
}

static void
take(struct workers *workers, const struct workers_look *look)
{
  if (look->held) {
    measure_anew(workers); /* the servers could do more, or less: nobody knows */
  } else if (look->busy < workers->wanted || look->leaving > 0) {
    wait_for_all(workers, look);
  } else if (workers->window.began_ms == 0) {
    workers->window.began_ms = look->now_ms;
    workers->window.bytes = look->bytes;
    workers->window.documents = look->documents;
    workers->window.processors = look->processors;
  } else if (look->now_ms - workers->window.began_ms >= WINDOW_MS) {
    judge(workers, look);
  }
}

bool
workers_take(struct workers *workers, const struct workers_look *look)
{
  int total = workers_total(workers);
  enum workers_why why = workers->why;
  int most = look->most > 1 ? look->most : 1;
  if (workers->fixed) {
    return false;
  }
  take(workers, look);
  if (workers->wanted > most) {
    settle(workers, most, WORKERS_MACHINE, look->now_ms);
  }
  count_builders(workers, look);
  return workers_total(workers) != total || workers->why != why;
}
