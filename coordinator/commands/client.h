/*
 * Asks a running migration over its control socket, by libcurl.
 */
#ifndef FERRY_COORDINATOR_COMMANDS_CLIENT_H
#define FERRY_COORDINATOR_COMMANDS_CLIENT_H

#include <bson/bson.h>

#include "base/error.h"
#include "coordinator/control/requests.h"

struct client {
  char *socket; /* its path */
  char *bookmark;
  void *handle; /* libcurl's */
};

struct reply {
  long status; /* of HTTP */
  char *text;
  bson_t document; /* of the text; empty if it is no JSON object */
};

/*
 * Finds the run that has this bookmark file. ERROR_NOT_RUNNING if there is none; the message says what the file says
 * was last. Call client_close in any case.
 */
bool client_open(struct client *client, const char *bookmark, struct error *error);
void client_close(struct client *client);

/*
 * Sends a request. `body` NULL: none. True: there is a reply, of whatever HTTP status, for reply_clear. ERROR_NOT_RUNNING
 * if the run has ended meanwhile.
 */
bool client_ask(struct client *client, enum request_name name, const char *body, struct reply *reply,
                struct error *error);
void reply_clear(struct reply *reply);

/* A text of the reply's document; NULL: it has none. */
const char *reply_text(const struct reply *reply, const char *field);

#endif
