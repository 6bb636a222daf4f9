/*
 * The options of a connection string, by name: the driver passes over one that it does not know, so a misspelt `tls` would send a
 * password in clear text.
 */
#ifndef FERRY_SERVER_URI_OPTIONS_H
#define FERRY_SERVER_URI_OPTIONS_H

#include "base/error.h"

/* ERROR_USAGE names the option by its place, and the one that it may mean: what stands there may be a piece of a password. */
bool uri_options_check(const char *uri, const char *side, struct error *error);

#endif
