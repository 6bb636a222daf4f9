/*
 * What the two users must be allowed to do, and what of it they may not.
 *
 * Only what a migration really does is required, whatever the documented roles hold. backup is enough for the source,
 * readWriteAnyDatabase and dbAdminAnyDatabase for the target. A missing privilege is a problem (ERROR_AUTH) that names
 * user, action and resource. One that the migration can do without is a note.
 */
#ifndef FERRY_COORDINATOR_CHECK_REQUIRED_PRIVILEGES_H
#define FERRY_COORDINATOR_CHECK_REQUIRED_PRIVILEGES_H

#include "coordinator/check/findings.h"
#include "server/privileges.h"
#include "server/server.h"
#include "source/catalog/catalog.h"

struct required_privileges {
  struct server *server;
  int wire_version;
  bool source; /* else the target */
  struct findings *findings;
  struct privileges privileges;
  bson_t *databases; /* listDatabases' reply; empty before required_privileges_listing */
};

/* Asks who is logged in. False, with the problem added, if the question failed. */
bool required_privileges_open(struct required_privileges *required_privileges, struct server *server, int wire_version,
                              struct findings *findings);
void required_privileges_close(struct required_privileges *required_privileges);

/* Required to read the source's oplog. */
void required_privileges_oplog(struct required_privileges *required_privileges);

/* What a cut-over would like to have on the source: notes only. */
void required_privileges_cutover(struct required_privileges *required_privileges);

/* Required to list the databases, and each one's collections. False, with the problem added, if there is no list. */
bool required_privileges_listing(struct required_privileges *required_privileges);

/* Required to read (source) or write (target, under the names there) each collection of the catalog. */
void required_privileges_collections(struct required_privileges *required_privileges, const struct catalog *catalog);

/* For the target: the mark (target/guard/mark.h), which the migration can do without. */
void required_privileges_mark(struct required_privileges *required_privileges);

/* For the target: a place where a command can ask what a majority has (server/probe_place.h). */
void required_privileges_probe(struct required_privileges *required_privileges);

/* For --preserveUUIDs: the target can, its user may, and the source's collections have UUIDs. */
void required_privileges_uuids(struct required_privileges *required_privileges, const struct catalog *catalog);

#endif
