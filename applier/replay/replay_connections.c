#include "applier/replay/replay_connections.h"

#include "base/clock.h"
#include "base/log.h"

#define WINDOW_US 500000
#define HELD_PERCENT 10

static void
begin_window(struct applier *applier)
{
  applier->window_us = clock_us();
  applier->window_entries = applier->entries;
  applier->window_held_us = applier->apply.held_us;
}

/* What was reached since the window began decides. */
static int
next_count(struct applier *applier, int64_t passed_us)
{
  double rate = (double)(applier->entries - applier->window_entries) * 1e6 / (double)passed_us;
  int64_t held_us = applier->apply.held_us - applier->window_held_us;
  int before = applier->climb.count;
  if (applier->apply.count < before) { /* the others are not open yet, or the target does not take them */
    climb_spoiled(&applier->climb);
    return applier->climb.count;
  }
  int next = climb_next(&applier->climb, rate, held_us * 100 >= passed_us * HELD_PERCENT, CLIMB_MOST);
  if (next != before) {
    log_debug("the replay writes over connections=%d instead of %d: it reached entries_per_s=%.0f waited=%.0f%%", next,
              before, rate, (double)held_us * 100 / (double)passed_us);
  }
  return next;
}

/* The next step's connections are opened before it is tried. */
static bool
use(struct applier *applier, int count, struct error *error)
{
  int spare = applier->connections > 0 || count * 2 > CLIMB_MOST ? 0 : count;
  return apply_connect(&applier->apply, count, spare, error);
}

bool
replay_connections_set(struct applier *applier, struct error *error)
{
  int64_t passed_us = clock_us() - applier->window_us;
  if (passed_us < WINDOW_US) {
    return true;
  }
  int count = applier->connections > 0 ? applier->connections : next_count(applier, passed_us);
  begin_window(applier);
  return use(applier, count, error);
}

bool
replay_connections_begin(struct applier *applier, struct error *error)
{
  climb_spoiled(&applier->climb);
  int count = applier->connections > 0   ? applier->connections
              : applier->climb.count > 0 ? applier->climb.count
                                         : climb_next(&applier->climb, 0, false, CLIMB_MOST);
  begin_window(applier);
  return use(applier, count, error);
}
