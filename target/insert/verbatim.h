/*
 * Documents that servers change as they store them. A top-level Timestamp(0,0) becomes the time of the write
 * (S:src/mongo/db/ops/insert.cpp, src/mongo/db/update/object_replace_node.cpp@r4.2.2; later versions as well, unless
 * told otherwise). An `_id` moves to the front. Old servers hold such documents, and an update can make the first
 * kind.
 */
#ifndef FERRY_TARGET_INSERT_VERBATIM_H
#define FERRY_TARGET_INSERT_VERBATIM_H

#include "server/server.h"

/* True if an ordinary insert or replacement would store other bytes. Pure. */
bool verbatim_is_odd(const bson_t *document);

/*
 * Writes the document, inserted or replaced, so that its bytes stay the same, and reads it back to be sure. With w: 1;
 * not within a transaction. On any outcome but VERBATIM_SAME `error` says why.
 */
enum verbatim_outcome {
  VERBATIM_FAILED,  /* the server could not be asked */
  VERBATIM_REFUSED, /* the target does not take it, and has no version of it */
  VERBATIM_CHANGED, /* the target has it, but with other bytes */
  VERBATIM_SAME
};

enum verbatim_outcome verbatim_write(struct server *target, const char *db, const char *coll, const bson_t *document,
                                     struct error *error);

#endif
