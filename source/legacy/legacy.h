/*
 * The reader of sources before 3.6, to which the driver does not speak. It finds the set's primary, logs in, and runs
 * commands and finds. Only source/reader/reader.h uses it; these functions keep that header's contracts.
 *
 * Blocking, one connection, one thread. Up to 3.0 finds are OP_QUERY and OP_GET_MORE, from 3.2 on commands. A
 * connection may break, or its member may cease to be primary. That ends what was open on it, with an error that
 * passes. The next call looks for the primary: for up to 30 s (`patient`), or once round the members.
 */
#ifndef FERRY_SOURCE_LEGACY_LEGACY_H
#define FERRY_SOURCE_LEGACY_LEGACY_H

#include "server/find.h"
#include "server/server.h"

struct legacy;
struct legacy_cursor;

/* Connects and logs in. `side` is for errors. Not for mongodb+srv:// or mechanisms that only the driver has. */
bool legacy_open(struct legacy **legacy, const struct server *side, const char *uri, bool patient, struct error *error);
void legacy_close(struct legacy *legacy);

/* The `command` of struct server; its context is the struct legacy. */
bool legacy_command(void *context, const char *db, const bson_t *command, bson_t *reply, struct error *error);

/* Whether reads can be restricted to what a majority holds: 3.2 and 3.4, if started so. */
bool legacy_reads_majority(const struct legacy *legacy);

/* These send nothing yet. */
struct legacy_cursor *legacy_find(struct legacy *legacy, const struct find *find);
struct legacy_cursor *legacy_command_cursor(struct legacy *legacy, const char *db, const bson_t *command);
void legacy_cursor_free(struct legacy_cursor *cursor);
int legacy_next(struct legacy_cursor *cursor, const bson_t **document, struct error *error);
bool legacy_alive(const struct legacy_cursor *cursor);

/* Grows with each new connection. */
uint64_t legacy_generation(const struct legacy *legacy);

/* True if the cursor's connection is the present one: the member that the cursor reads also answers commands now. */
bool legacy_same(const struct legacy_cursor *cursor);

#endif
