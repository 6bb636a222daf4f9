#include "applier/replay/pause.h"

#include "applier/replay/stop_request.h"
#include "base/log.h"

#define LOOK_MS 1000

static void
close_feed(struct applier *applier)
{
  if (applier->feed && !feed_spooling(applier->feed) &&
      feed_settled(applier->feed).ts >= applier->position.ts) { /* else it could not go on where it is */
    state_close_feed(applier);
  }
}

/* A server that is away meanwhile is no failure: nothing is asked of it. */
static bool
look(struct applier *applier, struct error *error)
{
  int64_t spooled = 0;
  uint64_t needed = applier->feed ? feed_reached(applier->feed, &spooled) : applier->position.ts;
  heartbeat_need(&applier->heartbeat, needed, spooled);
  if (applier->feed && feed_failed(applier->feed, error)) {
    return false;
  }
  return mark_look(&applier->target, &applier->mark, error) || server_error_passes(error);
}

bool
pause_wait(struct applier *applier, struct error *error)
{
  close_feed(applier);
  heartbeat_position(&applier->heartbeat, applier->position.ts, applier->entries);
  log_info("paused: nothing is applied after ts=%u.%u", OPTIME_SECONDS(applier->position.ts),
           OPTIME_INCREMENT(applier->position.ts));
  while (applier->paused && !drain_goal_known(applier) && !stop_requested(applier, LOOK_MS)) {
    if (!look(applier, error)) {
      return false;
    }
  }
  return true;
}
