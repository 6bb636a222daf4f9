/*
 * How a server does, seen from outside: how long a small read takes, and how far a set's members lag behind.
 */
#ifndef FERRY_SERVER_PROBE_H
#define FERRY_SERVER_PROBE_H

#include "server/server.h"

/*
 * The time that it takes to count a collection that does not exist. That waits for what every read waits for (a ticket
 * of the storage engine, from 3.0 on), and costs nothing else. A refusal of the count is an answer, too. False if
 * there was no answer.
 */
bool probe_latency(struct server *server, double *ms, struct error *error);

/*
 * How many seconds the slowest secondary that is up is behind its primary. Where the user may not ask for that
 * (replSetGetStatus needs clusterMonitor): how far the majority is behind. -1 if neither is known. `denied`: set if
 * the user may not ask. Then it is not asked again, as the server would log each refusal.
 */
double probe_lag_s(struct server *server, bool *denied);

/* From a reply to replSetGetStatus; -1 if it has no primary. Pure. */
double probe_lag_of_status(const bson_t *reply);

#endif
