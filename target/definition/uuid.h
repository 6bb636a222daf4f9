/*
 * Gives a collection the UUID that it has on the source. Only applyOps can set one. That needs the privileges useUUID
 * and forceUUID on the cluster, which `restore` has (S:src/mongo/db/commands/oplog_application_checks.cpp@r4.0.14).
 */
#ifndef FERRY_TARGET_DEFINITION_UUID_H
#define FERRY_TARGET_DEFINITION_UUID_H

#include "server/server.h"

/* The field of schema_create's options that holds the UUID, as BinData. */
#define UUID_OPTION "uuid"

/* Appends the UUID; `uuid` NULL: nothing. */
void uuid_put(bson_t *options, const uint8_t *uuid);

/* Whether the options hold a UUID; copied into `uuid`. */
bool uuid_get(const bson_t *options, uint8_t uuid[16]);

/*
 * Creates the collection, with options as schema_create's (a UUID in them is ignored), and checks that it is there. No
 * error if it is there already, or a view is. ERROR_DIVERGED where another collection has the name. Waits while the
 * server still holds a dropped collection of that UUID.
 */
bool uuid_create(struct server *target, const char *db, const char *coll, const bson_t *options, const uint8_t uuid[16],
                 struct error *error);

/* Whether the target has the command at all (a mongos does not). ERROR_REFUSED if not. */
bool uuid_ask(struct server *target, struct error *error);

#endif
