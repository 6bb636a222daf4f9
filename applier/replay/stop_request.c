#include "applier/replay/stop_request.h"

#include "base/clock.h"

void
stop_request_note(struct applier *applier, enum message_type type, const bson_t *message)
{
  if (type == MESSAGE_STOP) {
    applier->stopping = true;
  } else if (type == MESSAGE_HURRY) {
    applier->hurry = message_flag(message, "hurry");
    heartbeat_hurry(&applier->heartbeat, applier->hurry);
  } else if (type == MESSAGE_DRAIN && !applier->draining) {
    applier->draining = true;
    applier->drain_ms = clock_ms() + 1; /* a question of this very millisecond may be older than the stop */
  } else if (type == MESSAGE_PAUSE) {
    applier->paused = message_flag(message, "paused");
  } else if (type == MESSAGE_REPAIR) {
    repair_note(&applier->repair, message);
  }
}

bool
stop_requested(void *context, int wait_ms)
{
  struct applier *applier = context;
  for (; !applier->stopping && channel_waiting(&applier->channel, wait_ms); wait_ms = 0) {
    enum message_type type;
    bson_t message;
    struct error ignored; /* nobody is there to be told */
    if (channel_receive(&applier->channel, &type, &message, &ignored) == 1) {
      stop_request_note(applier, type, &message);
    } else {
      applier->stopping = true;
    }
  }
  return applier->stopping;
}

bool
drain_goal_known(struct applier *applier)
{
  if (applier->draining && applier->reader.unordered && applier->feed &&
      feed_idle_ms(applier->feed) >= applier->drain_ms) {
    applier->goal = feed_settled(applier->feed).ts; /* what it said before may be its clock */
  } else if (applier->draining && applier->goal == 0) {
    heartbeat_since(&applier->heartbeat, applier->drain_ms, &applier->goal);
  }
  return applier->goal != 0;
}
