/*
 * A collection with the UUID that it has on the source: by applyOps, as nothing else sets one. Needs the privileges useUUID
 * and forceUUID on the cluster, which `restore` has (S:src/mongo/db/commands/oplog_application_checks.cpp@r4.0.14).
 */
#ifndef FERRY_TARGET_DEFINITION_UUID_H
#define FERRY_TARGET_DEFINITION_UUID_H

#include "server/server.h"

/* The field of schema_create's options that holds it, as BinData. */
#define UUID_OPTION "uuid"

/* Appends it; `uuid` NULL: nothing. */
void uuid_put(bson_t *options, const uint8_t *uuid);

/* Whether the options hold one; copied into `uuid`. */
bool uuid_get(const bson_t *options, uint8_t uuid[16]);

/*
 * Creates it, with options as schema_create's (what they say of a UUID is not looked at), and sees that it is there. That it is
 * there already, or a view is, is no error; ERROR_DIVERGED where another collection has the name. Waits for as long as the
 * server still holds a dropped collection of that UUID.
 */
bool uuid_create(struct server *target, const char *db, const char *coll, const bson_t *options, const uint8_t uuid[16],
                 struct error *error);

/* Whether there is the command at all (not on a mongos). ERROR_REFUSED if there is none. */
bool uuid_ask(struct server *target, struct error *error);

#endif
