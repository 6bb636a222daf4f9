/*
 * What the applier does while the workers copy, and while a replay is paused before it begins. It watches that the source's oplog keeps what the replay will need.
 * With --oplogPath it spools that from the first moment on.
 */
#ifndef FERRY_APPLIER_REPLAY_OPLOG_WATCH_H
#define FERRY_APPLIER_REPLAY_OPLOG_WATCH_H

#include "applier/replay/state.h"

/*
 * Watches until the next message. Returns 1 with that message; 0 if the coordinator is gone; -1 on error. `start` is
 * T0, or a bookmark behind it. A spool is that of `applier->copied_from`, which is T0.
 */
int oplog_watch_until_message(struct applier *applier, const struct optime *start, enum message_type *type,
                              bson_t *message, struct error *error);

/* How long to leave the source alone after a look that began at `begun_ms`. */
int64_t oplog_watch_pause_ms(int64_t begun_ms, int64_t least_ms);

/* Tells the coordinator how far the source's oplog reaches; see MESSAGE_WINDOW. */
struct window_seen {
  uint64_t oldest;
  uint64_t newest;
  uint64_t needed;
  int64_t spooled;
  const struct mark *mark; /* NULL: the mark is left out */
};
bool oplog_watch_send(struct channel *channel, const struct window_seen *seen, struct error *error);

#endif
