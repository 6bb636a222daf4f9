/* The connection strings of the two sides, from the options. */
#ifndef FERRY_COORDINATOR_OPTIONS_URI_H
#define FERRY_COORDINATOR_OPTIONS_URI_H

#include "coordinator/options/options.h"

enum uri_side { URI_SOURCE, URI_TARGET };

/*
 * A connection string that the driver takes (and with a revocation list server/server.h's own addition), secrets included:
 * to be freed with memory_wipe. NULL with ERROR_USAGE where the host has no valid form, or where an option says something
 * that a URI given for the host says already.
 */
char *uri_make(const struct options *options, enum uri_side side, struct error *error);

/*
 * Adds an application name that is this migration's own, by its bookmark file and this machine, unless the string has one: see
 * target/guard/in_flight.h. Takes `uri` over (NULL stays NULL).
 */
char *uri_name(char *uri, const char *bookmark);

/* There is a user, no password, and the mechanism takes one. The user's name for a text is copied. */
bool uri_lacks_password(const struct options *options, enum uri_side side, char *user, size_t size);

#endif
