/*
 * Checks the names of a connection string's options. The driver ignores an option that it does not know. So a misspelt
 * `tls` would send a password in clear text.
 */
#ifndef FERRY_SERVER_URI_OPTIONS_H
#define FERRY_SERVER_URI_OPTIONS_H

#include "base/error.h"

/*
 * ERROR_USAGE names the option by its position, and the one that may be meant. It does not show the option itself,
 * which may be a piece of a password.
 */
bool uri_options_check(const char *uri, const char *side, struct error *error);

#endif
