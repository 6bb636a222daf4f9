/*
 * Documents that servers change as they store them: a top-level Timestamp(0,0) becomes the time of the write
 * (S:src/mongo/db/ops/insert.cpp, src/mongo/db/update/object_replace_node.cpp@r4.2.2; later versions as well, unless told
 * otherwise), and an `_id` moves to the front. Old servers hold such documents, and an update can make the first kind.
 */
#ifndef FERRY_TARGET_INSERT_VERBATIM_H
#define FERRY_TARGET_INSERT_VERBATIM_H

#include "server/server.h"

/* True if an ordinary insert or replacement would store other bytes. Pure. */
bool exact_is_odd(const bson_t *document);

/*
 * Writes the document, inserted or replaced, so that its bytes are the same, and reads it back to be sure. With w: 1; not
 * within a transaction. On anything but EXACT_SAME `error` says why.
 */
enum exact_outcome {
  EXACT_FAILED,  /* the server could not be asked */
  EXACT_REFUSED, /* the target does not take it: it is not there, in no version */
  EXACT_CHANGED, /* the target has it, but not with these bytes */
  EXACT_SAME
};

enum exact_outcome exact_write(struct server *target, const char *db, const char *coll, const bson_t *document,
                               struct error *error);

#endif
