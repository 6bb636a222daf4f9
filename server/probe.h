/*
 * How a server does, from outside: how long a small read takes, and how far a set's members lag behind.
 */
#ifndef FERRY_SERVER_PROBE_H
#define FERRY_SERVER_PROBE_H

#include "server/server.h"

/*
 * The time that a count of a collection that does not exist takes: it waits for what every read waits for (a ticket of the
 * storage engine, from 3.0 on), and costs nothing else. That the user may not count there is an answer like any other. False
 * if there was none.
 */
bool probe_latency(struct server *server, double *ms, struct error *error);

/*
 * Seconds that the slowest secondary which is up is behind its primary; where the user may not ask for that
 * (replSetGetStatus needs clusterMonitor), how far the majority is. -1 if neither is told. `denied`: it may not; then it does not
 * ask again, as the server would log that each time.
 */
double probe_lag_s(struct server *server, bool *denied);

/* From a reply to replSetGetStatus; -1 if it has no primary. Pure. */
double probe_lag_of_status(const bson_t *reply);

#endif
