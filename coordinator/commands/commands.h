/*
 * The commands that ask a running migration: status, pause, resume, set, cutover, stop.
 */
#ifndef FERRY_COORDINATOR_COMMANDS_COMMANDS_H
#define FERRY_COORDINATOR_COMMANDS_COMMANDS_H

#include "coordinator/options/options.h"

/*
 * Runs the command, prints what came of it, and returns the exit status. `words`: the NAME=VALUE of 'set'; `count` may
 * be 0.
 */
int commands_run(const struct command *command, const struct options *options, char *const *words, int count);

#endif
