/*
 * What a majority of a replica set's members holds.
 */
#ifndef FERRY_SOURCE_READER_MAJORITY_H
#define FERRY_SOURCE_READER_MAJORITY_H

#include "server/server.h"

#define MAJORITY_UNKNOWN 1 /* not known now; older than any entry */

/*
 * A majority has everything up to `*committed`. From 3.4 on that is hello's lastWrite. Before, it comes from the
 * members' states in replSetGetStatus, if the user may ask for them. 0: the server does not say. False only if the
 * connection is lost.
 */
bool majority_ask(struct server *server, uint64_t *committed, struct error *error);
/* The same, and whether the member that answers is a primary. */
bool majority_ask_member(struct server *server, uint64_t *committed, bool *primary, struct error *error);

/*
 * From a reply to replSetGetStatus: what the slowest of the fastest majority has. MAJORITY_UNKNOWN while that cannot
 * be told, as members are away, or the set has another primary. 0 if the reply does not say. Pure.
 */
uint64_t majority_of_status(const bson_t *status);

#endif
