/*
 * Creates the source's large collections and its views on the target, empty. Uses several connections at once, as each
 * creation waits for a majority. The worker that copies a small collection creates it.
 */
#ifndef FERRY_COORDINATOR_PREPARE_CREATE_H
#define FERRY_COORDINATOR_PREPARE_CREATE_H

#include "coordinator/check/servers.h"

/*
 * Creates collections, then views, each after the one that it reads. What exists already is fine. Options that the
 * target does not take are recorded as refused. Also makes the TTL indexes that have to be made on empty collections.
 */
bool create_all(struct servers *servers, struct checkpoint *checkpoint, const struct catalog *catalog,
                const struct options *options, struct error *error);

/*
 * True for a collection whose TTL indexes create_all makes. In 4.2 to 5.0 deferring a TTL index takes two steps.
 * Between them it expires documents that are dated 1970 or earlier, so it is made while the collection is empty. In
 * capped collections nothing expires.
 */
bool create_makes_ttl(const struct server_hello *target, const struct collection *collection);

#endif
