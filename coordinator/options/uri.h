/*
 * The connection strings of the two sides, made from the options.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_URI_H
#define FERRY_COORDINATOR_OPTIONS_URI_H

#include "coordinator/options/options.h"

enum uri_side { URI_SOURCE, URI_TARGET };

/*
 * A connection string that the driver takes, secrets included; free it with memory_wipe. With a revocation list it has
 * the option that server/server.h adds. NULL with ERROR_USAGE if the host has no valid form, or if an option says what
 * a URI given for the host says already.
 */
char *uri_make(const struct options *options, enum uri_side side, struct error *error);

/*
 * Adds an application name, unless the string has one: the migration's own, made from its bookmark file and this
 * machine. See target/guard/in_flight.h. Takes `uri` over (NULL stays NULL).
 */
char *uri_name(char *uri, const char *bookmark);

/* True if there is a user, but no password, and the mechanism takes one. The user's name is copied, for a message. */
bool uri_lacks_password(const struct options *options, enum uri_side side, char *user, size_t size);

#endif
