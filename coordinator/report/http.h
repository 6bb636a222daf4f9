/*
 * The status port: `GET /` answers the status document, a POST is an action. A thread of libmicrohttpd answers, so
 * that no client can hold up the loop. The answer is the text that was set last.
 *
 * The port is on loopback unless another address is given. A web page in a browser of this machine must not be able to
 * use it. So a request must name an address or localhost as its Host, since a page's own name may have been made to
 * mean this machine. And an action must have the header X-Mongoferry, which a page of another origin cannot send.
 * Elsewhere than on loopback, and whenever a token is given, every request has to show the token: `Authorization:
 * Bearer TOKEN`.
 *
 * A connection serves one request and ends after HTTP_CONNECTION_MS. At most HTTP_CONNECTIONS_MOST are open at once. A
 * request's head has at most 16 KB and 50 headers, its body 4 KB.
 */
#ifndef FERRY_COORDINATOR_REPORT_HTTP_H
#define FERRY_COORDINATOR_REPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define HTTP_CONNECTION_MS 5000
#define HTTP_CONNECTIONS_MOST 32

struct http;

/*
 * Does what a POST to `path` asks for; called by the port's thread. Returns the HTTP status, and a text for the reply
 * (a JSON document, for free()).
 */
struct http_actions {
  unsigned (*post)(void *context, const char *path, const char *body, size_t size, char **reply);
  void *context;
};

struct http_place {
  const char *address; /* NULL: loopback */
  uint16_t port;
  const char *token; /* NULL: none on loopback; elsewhere one is made and logged */
};

/* `actions` must outlive the port. */
bool http_start(struct http **http, const struct http_place *place, const struct http_actions *actions,
                struct error *error);
/* Copies the text. `http` NULL: does nothing. */
void http_set(struct http *http, const char *json);
void http_stop(struct http *http);

#endif
