/*
 * Carries out the oplog's collMod on the target, and tells which index a command means.
 *
 * For a deferred index the list (applier/collections/deferred_indexes.h) changes; the target changes only where it has
 * the index. An index becomes deferred when it gets an expiry (5.1 on) or becomes unique (6.0 on). Up to the
 * consistency point the target's stays as it was; behind it, it is built anew.
 */
#ifndef FERRY_APPLIER_DDL_COLLMOD_H
#define FERRY_APPLIER_DDL_COLLMOD_H

#include "applier/ddl/ddl.h"
#include "target/definition/schema.h"

bool collmod_apply(struct ddl *ddl, const struct entry *entry, struct error *error);

/*
 * The deferred index of this collection that a command means; NULL if there is none. Never the collection's own
 * expiry.
 */
struct deferred_index *collmod_deferred_index(const struct ddl *ddl, const struct mapped_collection *mapped,
                                              const struct schema_index_ref *ref);

#endif
