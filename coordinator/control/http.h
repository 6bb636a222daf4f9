/*
 * HTTP on the status port and on the control socket. Threads of libmicrohttpd read the requests, so that no client can
 * hold up the loop; the exchange gets each request that is allowed (requests.def).
 *
 * The port is on loopback unless another address is given. A web page in a browser of this machine must not be able to
 * use it. So a request must name an address or localhost as its Host, since a page's own name may have been made to
 * mean this machine. And an action must have the header X-Mongoferry, which a page of another origin cannot send.
 * Elsewhere than on loopback, and whenever a token is given, every request has to show the token: `Authorization:
 * Bearer TOKEN`, or Basic with any name and the token as password, which a browser asks for. The socket asks for none
 * of this: only the user who runs the migration can open it.
 *
 * A connection serves one request and ends after HTTP_CONNECTION_MS. At most HTTP_CONNECTIONS_MOST are open at once. A
 * request's head has at most 16 KB and 50 headers, its body 4 KB.
 */
#ifndef FERRY_COORDINATOR_CONTROL_HTTP_H
#define FERRY_COORDINATOR_CONTROL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "coordinator/control/exchange.h"

#define HTTP_CONNECTION_MS 5000
#define HTTP_CONNECTIONS_MOST 32

struct http;

struct http_place {
  const char *address; /* NULL: loopback */
  uint16_t port;
  const char *token; /* NULL: none on loopback; elsewhere one is made and logged */
};

/* Serves the status port. `exchange` must outlive it. */
bool http_start(struct http **http, const struct http_place *place, struct exchange *exchange, struct error *error);
/* Serves a socket that listens already, and takes it over. */
bool http_start_on(struct http **http, int socket, struct exchange *exchange, struct error *error);
/* `http` NULL: does nothing. */
void http_stop(struct http *http);

#endif
