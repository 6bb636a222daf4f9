/*
 * What the two users must be allowed to do, and what of it they lack.
 *
 * Only what a migration runs into is a need, whatever the documented roles hold: backup is enough for the source,
 * readWriteAnyDatabase and dbAdminAnyDatabase for the target. A missing one is a problem (ERROR_AUTH) that names user,
 * action and resource; one that the migration can do without is a note.
 */
#ifndef FERRY_COORDINATOR_CHECK_REQUIRED_PRIVILEGES_H
#define FERRY_COORDINATOR_CHECK_REQUIRED_PRIVILEGES_H

#include "coordinator/check/findings.h"
#include "coordinator/check/privileges.h"
#include "server/server.h"
#include "source/catalog/catalog.h"

struct needs {
  struct server *server;
  int wire_version;
  bool source; /* else the target */
  struct findings *findings;
  struct privileges privileges;
  bson_t *databases; /* listDatabases' reply; empty before needs_listing */
};

/* Asks who is logged in. False, with the problem noted, if the question failed. */
bool needs_open(struct needs *needs, struct server *server, int wire_version, struct findings *findings);
void needs_close(struct needs *needs);

/* Reading the source's oplog. */
void needs_oplog(struct needs *needs);

/* Listing the databases, and the collections of each. False, with the problem noted, if there is no list. */
bool needs_listing(struct needs *needs);

/* Reading (source) or writing (target; under the names there) each collection of the catalog. */
void needs_collections(struct needs *needs, const struct catalog *catalog);

/* The target: the migration's mark (target/guard/mark.h), which it can do without. */
void needs_mark(struct needs *needs);

/* The target, with --preserveUUIDs: that it can, that its user may, and that the source's collections have any. */
void needs_uuids(struct needs *needs, const struct catalog *catalog);

#endif
