/*
 * Sends what a batch gathered for one namespace as ordered bulks, and decides what a refusal means.
 *
 * Two ways: *lenient*, over a moving copy that may already be ahead: an insert replaces what is there, an update or
 * delete that finds nothing is fine, and of an update whose paths no longer fit, each path that fits is still set
 * (S:src/mongo/db/update/modifier_node.cpp:225@r4.2.2: servers do the same in their own initial sync). Nor does it mean
 * anything that the target refuses a write: an index that was made later may forbid a state that the document only passed
 * through. What it is in the end is then read from the source again. *Strict*, after the consistency point: each of these is
 * ERROR_DIVERGED, or a document that the target does not take.
 */
#ifndef FERRY_TARGET_REPLAY_BULK_H
#define FERRY_TARGET_REPLAY_BULK_H

#include "server/server.h"
#include "target/insert/refused.h"
#include "target/replay/batch.h"
#include "target/replay/capped.h"

struct bulk {
  struct server *target;
  bool internal_delta; /* the target takes $_internalApplyOplogUpdate: real servers from 5.0 on */
  bool takes_dollars;  /* inserts, not replacements, may have top-level names with a dollar sign: 5.0 and later */
  bool lenient;
  bool upsert;             /* inserts replace what is there, in strict replay too: see applier.c */
  struct refused *refused; /* documents that the target does not take */
  bool settled;            /* what is sent is what the source has now: a refusal is final */
  /*
   * NULL, or where the documents go that are to be read again, by lenient writes; see batch_run.expires, too. Of a capped
   * collection any one means the whole.
   */
  struct batch *again;
  struct capped *capped;
  bool missed;     /* those of all updates that found nothing are among them: target/replay/unmatched_updates.h */
  bson_t *reports; /* an array: what was refused by this sending, as {db, coll, id, text} */
  mongoc_client_session_t *session; /* NULL, or of a transaction: then nothing is forgiven */
};

/* Asks the target what it can do. The target stays the caller's, and must outlive this. */
bool bulk_init(struct bulk *bulk, struct server *target, struct error *error);

/* With write concern 1, so that the primary alone has them when it returns; through a mongos with that of a majority. May arrange the run anew, and add to the batch's bytes. */
bool bulk_send(const struct bulk *bulk, struct batch *batch, struct batch_run *run, struct error *error);

#endif
