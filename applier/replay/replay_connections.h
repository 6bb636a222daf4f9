/*
 * Sets over how many connections the replay writes: --replayConnections, or what its pace says (applier/replay/climb.h).
 */
#ifndef FERRY_APPLIER_REPLAY_CONNECTIONS_H
#define FERRY_APPLIER_REPLAY_CONNECTIONS_H

#include "applier/replay/state.h"

/* To be called where nothing is on its way, and a majority has all: after bookmark_settle. */
bool replay_connections_set(struct applier *applier, struct error *error);

/* The replay begins, or begins again. */
bool replay_connections_begin(struct applier *applier, struct error *error);

#endif
