/*
 * What the applier does while the workers copy: it watches that what the replay will need stays in the source's oplog, or
 * (--oplogPath) spools it from the first moment on.
 */
#ifndef FERRY_APPLIER_REPLAY_OPLOG_WATCH_H
#define FERRY_APPLIER_REPLAY_OPLOG_WATCH_H

#include "applier/replay/state.h"

/* Until the next message, which it gives: 1; 0 if the coordinator is gone; -1. `start` is T0. */
int oplog_watch_until_message(struct applier *applier, const struct optime *start, enum message_type *type,
                              bson_t *message, struct error *error);

/* How long to leave the source alone after a look that began then. */
int64_t oplog_watch_pause_ms(int64_t begun_ms, int64_t least_ms);

/* Tells the coordinator how far the source's oplog reaches; see MESSAGE_WINDOW. */
struct window_seen {
  uint64_t oldest;
  uint64_t newest;
  uint64_t needed;
  int64_t spooled;
  const struct mark *mark; /* NULL: it says nothing of the mark */
};
bool oplog_watch_send(struct channel *channel, const struct window_seen *seen, struct error *error);

#endif
