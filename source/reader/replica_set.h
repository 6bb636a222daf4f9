/*
 * Which set the source is; its name is not enough.
 */
#ifndef FERRY_SOURCE_READER_REPLICA_SET_H
#define FERRY_SOURCE_READER_REPLICA_SET_H

#include "source/reader/reader.h"

/*
 * The random id that replSetInitiate gives a set: settings.replicaSetId of its configuration, from 3.2 on
 * (S:src/mongo/db/repl/repl_set_config.cpp@r4.0.14). False if the server has none, or the user may not ask
 * (clusterMonitor may).
 */
bool replica_set_ask_id(struct reader *reader, bson_oid_t *id);

#endif
