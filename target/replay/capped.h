/*
 * Capped collections, which a target may not let follow the source write by write.
 *
 * From feature version 5.0 on a source logs what an overflow deletes, before the insert that made it; targets up to 5.0.6, 5.1,
 * 5.2 and those of feature version 4.4 refuse such deletes (10089, SERVER-63201), and delete by themselves with that insert. What
 * the target still has after it, somebody deleted. Servers from 3.2 on refuse an update that changes a document's size (10003),
 * which 2.6 and 3.0 took where it shrank. A capped collection has an order, so no single document can be mended: what cannot
 * follow is copied from the source again (applier/ddl/recopy.h).
 */
#ifndef FERRY_TARGET_REPLAY_CAPPED_H
#define FERRY_TARGET_REPLAY_CAPPED_H

#include "server/server.h"
#include "target/replay/batch.h"

struct capped {
  bool refuses;         /* the target refuses deletes: none is sent any more */
  struct batch pending; /* deletes that were not sent, and whose insert has not come */
  struct batch due;     /* and whose insert has */
};

void capped_clear(struct capped *capped);
/* What was noted does not count any more. */
void capped_forget(struct capped *capped);

/* Takes the deletes from `from` on out of the run. */
void capped_leave_out(struct capped *capped, const struct batch *batch, struct batch_run *run, size_t from);

/*
 * The deletes that are due have to be done by now: each collection of which the target still has such a document is put into
 * `again`, with one of these. So are those whose insert has not come, up to the timestamp `complete`: it does not come any more.
 */
bool capped_judge(struct capped *capped, struct server *target, uint64_t complete, struct batch *again,
                  struct error *error);

#endif
