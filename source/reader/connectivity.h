/*
 * Why a server cannot be reached. The driver only says that there was none, so this looks at the hosts itself. For the
 * source and for the target.
 */
#ifndef FERRY_SOURCE_READER_CONNECTIVITY_H
#define FERRY_SOURCE_READER_CONNECTIVITY_H

#include "server/server.h"

/* True if TLS does not check the chain or the host name. False, too, for an invalid URI. */
bool connectivity_is_insecure(const char *uri);

/* ERROR_USAGE names the TLS file that is missing or is no certificate, or the key that its password does not open. */
bool connectivity_check_files(const char *side, const char *uri, struct error *error);

/*
 * Improves the text of an ERROR_SOURCE or ERROR_TARGET without a code, if a look at the first hosts tells more. Takes
 * seconds.
 */
void connectivity_explain(const char *side, const char *uri, struct error *error);

#endif
