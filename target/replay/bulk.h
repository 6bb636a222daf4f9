/*
 * Sends what a batch gathered for one namespace as ordered bulks, and decides what a refusal means.
 *
 * *Lenient*, over a moving copy that may already be ahead: an insert replaces what is there, and an update or delete
 * may find nothing. Of an update whose paths no longer fit, each path that fits is still set. Servers do the same in
 * their own initial sync (S:src/mongo/db/update/modifier_node.cpp:225@r4.2.2). Nor is a refusal final: an index that
 * was made later may forbid a state that the document only passed through. What the document is in the end is then
 * read from the source again.
 *
 * *Strict*, after the consistency point: each of these is ERROR_DIVERGED, or a document that the target refuses.
 */
#ifndef FERRY_TARGET_REPLAY_BULK_H
#define FERRY_TARGET_REPLAY_BULK_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/server.h"
#include "target/insert/refused.h"
#include "target/replay/batch.h"
#include "target/replay/capped.h"

/* So that of several threads only one at a time holds large documents to change them: target/replay/delta_update.h */
struct bulk_reading {
  pthread_mutex_t lock;
  _Atomic(size_t) largest; /* bytes of the largest document of late; 0: not known */
};

struct bulk {
  struct server *target;
  bool internal_delta; /* the target takes $_internalApplyOplogUpdate: real servers from 5.0 on */
  bool takes_dollars;  /* inserts, but not replacements, may have top-level names with a dollar sign: 5.0 and later */
  bool lenient;
  bool upsert;             /* inserts replace what is there, even in strict replay: see applier.c */
  struct refused *refused; /* documents that the target does not take */
  bool settled;            /* the documents are as the source has them now: a refusal is final */
  /*
   * NULL, or where lenient writes put the documents that are to be read again; see batch_run.expires, too. For a
   * capped collection any one document means the whole collection.
   */
  struct batch *again;
  struct capped *capped;
  bool missed;     /* it also gets the documents of all updates that found nothing: target/replay/unmatched_updates.h */
  bson_t *reports; /* an array of what this sending had refused: {db, coll, id, text} */
  struct bulk_reading *reading;
  size_t read_bytes;                /* of documents that it may read to change them, at once */
  mongoc_client_session_t *session; /* NULL, or of a transaction: then no refusal is forgiven */
};

/* Asks the target what it can do. The target stays the caller's, and must outlive `bulk`. */
bool bulk_init(struct bulk *bulk, struct server *target, struct error *error);

/*
 * Returns when the primary has the writes (write concern 1); through a mongos, when a majority has. May arrange the
 * run anew, and add to the batch's bytes.
 */
bool bulk_send(const struct bulk *bulk, struct batch *batch, struct batch_run *run, struct error *error);

#endif
