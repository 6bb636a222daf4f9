/*
 * Logs in to a member of an old source, with the user of the connection string: MONGODB-CR (2.6), SCRAM-SHA-1 (3.0 on; it
 * serves users from before, too), MONGODB-X509, PLAIN.
 */
#ifndef FERRY_SOURCE_LOGIN_H
#define FERRY_SOURCE_LOGIN_H

#include "source/link.h"

/* True at once where the connection string names no user. ERROR_AUTH where the server says no. */
bool login_run(struct link *link, const mongoc_uri_t *uri, int wire_version, struct error *error);

#endif
