/*
 * The bookmark: from where in the source's oplog a start goes on.
 */
#ifndef FERRY_COORDINATOR_STATE_BOOKMARK_H
#define FERRY_COORDINATOR_STATE_BOOKMARK_H

#include "coordinator/state/checkpoint.h"

/* Writes the bookmark again, with or without the mark of a clean end. */
bool bookmark_mark_clean(struct checkpoint *checkpoint, bool clean, struct error *error);

#endif
