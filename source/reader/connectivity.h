/*
 * Why a server cannot be talked to, by a look of our own at its hosts: the driver only says that there was none. For the
 * source and for the target.
 */
#ifndef FERRY_SOURCE_READER_CONNECTIVITY_H
#define FERRY_SOURCE_READER_CONNECTIVITY_H

#include "server/server.h"

/* True if TLS goes without the check of chain or host name. False, too, if the URI is none. */
bool connectivity_is_insecure(const char *uri);

/* ERROR_USAGE names the file for TLS that is not there, or is no certificate, or the key that its password does not open. */
bool connectivity_check_files(const char *side, const char *uri, struct error *error);

/*
 * Makes a better text of an error without a code, of ERROR_SOURCE or ERROR_TARGET, if a look at the first hosts tells more;
 * takes seconds.
 */
void connectivity_explain(const char *side, const char *uri, struct error *error);

#endif
