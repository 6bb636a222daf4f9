/*
 * The oplog's collMod, carried out on the target, and what a command means by an index.
 *
 * Of an index that is held back the list (applier/collections/deferred_indexes.h) changes, and the target only where it has the index. An index
 * becomes one that is held back when it gets an expiry (5.1 on) or becomes unique (6.0 on); up to the consistency point it stays
 * as it was then, and is built anew behind it.
 */
#ifndef FERRY_APPLIER_DDL_COLLMOD_H
#define FERRY_APPLIER_DDL_COLLMOD_H

#include "applier/ddl/ddl.h"
#include "target/definition/schema.h"

bool collmod_apply(struct ddl *ddl, const struct entry *entry, struct error *error);

/* The held-back index of this collection that a command means; NULL if there is none. Not its own expiry. */
struct deferred_index *collmod_deferred_index(const struct ddl *ddl, const struct mapped_collection *mapped,
                                              const struct schema_index_ref *ref);

#endif
