/*
 * Logs in to a member of an old source, with the user of the connection string. Mechanisms: SCRAM-SHA-1 (3.0 on, also
 * for users from before), MONGODB-X509 and PLAIN. MONGODB-CR (2.6) is used only if the connection string names it. A
 * peer that poses as a 2.6 would get a proof that a dictionary attack breaks. It would also pass for the right server
 * without a proof of its own.
 */
#ifndef FERRY_SOURCE_LEGACY_LOGIN_H
#define FERRY_SOURCE_LEGACY_LOGIN_H

#include "source/legacy/link.h"

/* True at once if the connection string names no user. ERROR_AUTH if the server says no. */
bool login_run(struct link *link, const mongoc_uri_t *uri, int wire_version, struct error *error);

#endif
