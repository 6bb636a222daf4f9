/*
 * The deferred indexes on the target: dropped, built, their expiry stopped and restored. Works in several collections
 * at once, over connections that last as long as the call.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_INDEXES_H
#define FERRY_APPLIER_COLLECTIONS_INDEXES_H

#include "applier/collections/build_round.h"

/* Drops the unique ones. A stretch that is replayed again passes through states that they would refuse. */
bool indexes_unbuild(struct deferred *deferred, const char *target_uri, struct error *error);
bool indexes_any_unbuilt(const struct deferred *deferred);
/*
 * Builds those that are `unbuilt`, with one command for each collection, in the order and as many at once as a
 * build_round says. Those that the target refuses get `refused`,
 * and stay unbuilt.
 */
bool indexes_build(struct deferred *deferred, const char *target_uri, const struct indexes_watch *watch,
                   struct error *error);
/*
 * Lets every TTL index expire documents as the source's does. Those that the target does not have, or does not change,
 * get `refused`. With `defer`: stops each one's expiry again, if the target has it.
 */
bool indexes_set_ttl(struct deferred *deferred, const char *target_uri, bool defer, struct error *error);

/* Whether the target has an index (or expiry) of this collection that indexes_set_ttl restores. */
bool indexes_any_ttl(const struct deferred_list *deferred_list);

#endif
