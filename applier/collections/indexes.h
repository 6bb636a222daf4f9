/*
 * The held-back indexes on the target: dropped, built, put to sleep and woken, in several collections at once, over
 * connections that last as long as the call.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_INDEXES_H
#define FERRY_APPLIER_COLLECTIONS_INDEXES_H

#include "applier/collections/deferred_indexes.h"

/*
 * Who is told of the builds, from several threads: of this collection (NULL: the last one is done) the present step is done so far,
 * of `total`; 0: the target does not tell.
 */
struct indexes_watch {
  void (*tell)(void *context, const char *ns, int64_t done, int64_t total);
  void *context;
};

/* Drops the unique ones: a stretch that is replayed again passes through states that they would refuse. */
bool indexes_unbuild(struct deferred *deferred, const char *target_uri, struct error *error);
bool indexes_any_unbuilt(const struct deferred *deferred);
/* Builds what is unbuilt, each collection's in one command. Those that the target refuses are `refused`, and still unbuilt. */
bool indexes_build(struct deferred *deferred, const char *target_uri, const struct indexes_watch *watch,
                   struct error *error);
/*
 * Lets every TTL index expire as the source's does; those that the target does not have, or does not change, are `refused`. Or
 * (`defer`) puts it to sleep again if it is there.
 */
bool indexes_set_ttl(struct deferred *deferred, const char *target_uri, bool defer, struct error *error);

/* Whether the target has an index (or expiry) of this collection that indexes_set_ttl wakes. */
bool indexes_any_ttl(const struct deferred_list *deferred_list);

#endif
