/*
 * The source's collections and views on the target, empty: several connections at once, as each creation waits for a majority.
 */
#ifndef FERRY_COORDINATOR_PREPARE_CREATE_H
#define FERRY_COORDINATOR_PREPARE_CREATE_H

#include "coordinator/check/servers.h"

/*
 * Collections, then views, each after the one that it reads; what is there already is fine. Options that the target does
 * not take are kept as refused. `indexes`: and the TTL indexes that are to be made on empty collections.
 */
bool create_all(struct servers *servers, struct checkpoint *checkpoint, const struct catalog *catalog, bool indexes,
                struct error *error);

/*
 * True for a TTL index that create_all makes: 4.2 to 5.0 put one to sleep in two steps, and between them it is awake for
 * what is dated 1970 or earlier, so it is made while the collection is empty. In capped collections nothing expires.
 */
bool create_makes_ttl(const struct server_hello *target, const struct collection *collection);

#endif
