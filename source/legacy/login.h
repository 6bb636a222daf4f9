/*
 * Logs in to a member of an old source, with the user of the connection string: SCRAM-SHA-1 (3.0 on; it serves users from before,
 * too), MONGODB-X509, PLAIN, and MONGODB-CR (2.6) only where the connection string names it: a peer that poses as a 2.6 would get a
 * proof that a dictionary breaks, and pass for the right server without one of its own.
 */
#ifndef FERRY_SOURCE_LEGACY_LOGIN_H
#define FERRY_SOURCE_LEGACY_LOGIN_H

#include "source/legacy/link.h"

/* True at once where the connection string names no user. ERROR_AUTH where the server says no. */
bool login_run(struct link *link, const mongoc_uri_t *uri, int wire_version, struct error *error);

#endif
