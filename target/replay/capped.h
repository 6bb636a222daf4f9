/*
 * Capped collections, whose writes a target may not be able to follow one by one.
 *
 * From feature version 5.0 on a source logs what an overflow deletes, before the insert that caused it. Targets up to
 * 5.0.6, 5.1, 5.2 and those of feature version 4.4 refuse such deletes (10089, SERVER-63201). They delete by
 * themselves with that insert. What the target still has after that insert, somebody deleted.
 *
 * Servers from 3.2 on refuse an update that changes a document's size (10003); 2.6 and 3.0 took one that shrank it.
 *
 * A capped collection has an order, so no single document can be mended. What cannot follow is copied from the source
 * again (applier/ddl/recopy.h).
 */
#ifndef FERRY_TARGET_REPLAY_CAPPED_H
#define FERRY_TARGET_REPLAY_CAPPED_H

#include "server/server.h"
#include "target/replay/batch.h"

struct capped {
  bool refuses;         /* the target refuses deletes: none is sent any more */
  struct batch pending; /* deletes that were not sent, and whose insert has not come yet */
  struct batch due;     /* deletes that were not sent, and whose insert has come */
};

void capped_clear(struct capped *capped);
/* Forgets what was noted. */
void capped_forget(struct capped *capped);

/* Takes the deletes from `from` on out of the run, and notes them. */
void capped_leave_out(struct capped *capped, const struct batch *batch, struct batch_run *run, size_t from);

/*
 * The target must have done the deletes that are due. Each collection in which it still has such a document is put
 * into `again`, with one of these documents. The same goes for deletes up to the timestamp `complete` whose insert has
 * not come: it comes no more.
 */
bool capped_judge(struct capped *capped, struct server *target, uint64_t complete, struct batch *again,
                  struct error *error);

#endif
