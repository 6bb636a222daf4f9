/*
 * Updates that found nothing while the replay was lenient, for a source whose scans may miss a document. MMAPv1 moves
 * a document that grows. What moved from before a scan to behind it is not on the target, and no entry brings it
 * whole. But an update moved it, and that update's entry finds nothing. So each such document is read from the source
 * again (applier/collections/reread.h). Most of them were only deleted meanwhile.
 */
#ifndef FERRY_TARGET_REPLAY_UNMATCHED_UPDATES_H
#define FERRY_TARGET_REPLAY_UNMATCHED_UPDATES_H

#include "server/server.h"
#include "target/replay/batch.h"

/* Asks the target which of the documents that ops[from..to) update it lacks, and adds their selectors to `missed`. */
bool unmatched_updates_note(struct server *target, const struct batch *batch, const struct batch_run *run, size_t from,
                            size_t to, struct batch *missed, struct error *error);

#endif
