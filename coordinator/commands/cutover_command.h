/*
 * 'mongoferry cutover': asks for the cut-over of a running migration, tells its steps, and prints its report.
 */
#ifndef FERRY_COORDINATOR_COMMANDS_CUTOVER_COMMAND_H
#define FERRY_COORDINATOR_COMMANDS_CUTOVER_COMMAND_H

#include "coordinator/commands/client.h"
#include "coordinator/options/options.h"

/* True: it is finished, or the rehearsal went well. False: the error's status says what became of it. */
bool cutover_command(struct client *client, const struct options *options, struct error *error);

#endif
