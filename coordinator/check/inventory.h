/*
 * What the source has and the migration takes along: its collections, with their names on the target and the options
 * that the target takes.
 */
#ifndef FERRY_COORDINATOR_CHECK_INVENTORY_H
#define FERRY_COORDINATOR_CHECK_INVENTORY_H

#include "coordinator/check/servers.h"
#include "coordinator/options/options.h"
#include "source/catalog/selection.h"

/* Chooses T0, before the source is listed. What stands in its way is a problem. */
void inventory_choose_start(struct servers *servers, struct findings *findings);

/*
 * The collections have their names on the target, which has this server_version (source/catalog/target_name.h). Names that it
 * does not take, two collections of one name, and patterns that match nothing are problems.
 */
void inventory_check_names(const struct selection *selection, int target_version, const struct catalog *catalog,
                           struct findings *findings);

/*
 * Lists the source, with sizes if the options ask for them. What cannot be migrated is a problem. False if there is no
 * catalog. Changes nothing.
 */
bool inventory_read(struct servers *servers, const struct options *options, const struct selection *selection,
                    struct catalog *catalog, struct findings *findings);

#endif
