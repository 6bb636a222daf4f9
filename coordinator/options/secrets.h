/*
 * Passwords that are not on the command line: read from a descriptor, or asked for at the terminal.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_SECRETS_H
#define FERRY_COORDINATOR_OPTIONS_SECRETS_H

#include "coordinator/options/options.h"

/*
 * Reads the line of each --...Fd, in the order of the table (several may share a descriptor), and closes the
 * descriptors. Then asks /dev/tty, without echo, for the passwords of a user without one and of an encrypted key.
 * ERROR_USAGE if there is no terminal. ERROR_INTERRUPTED does not come: a signal ends the process as always, with the
 * echo back.
 */
bool secrets_read(struct options *options, struct error *error);

/* The same for a command that needs no servers, but may sign: the password of --signKey alone is asked for. */
bool secrets_read_sign_key(struct options *options, struct error *error);

#endif
