/*
 * The status port: `GET /` answers the status document, a POST is an action. Answered by a thread of libmicrohttpd's, so that no
 * client can hold up the loop; what it answers is the text that was set last.
 *
 * On loopback unless another address is given. What a web page in a browser of this machine could do is refused: a request must
 * name an address or localhost as its Host (a page's own name may have been made to mean this machine), and an action must
 * have the header X-Mongoferry, which a page of another origin cannot send. Elsewhere than on loopback, and wherever a token is given,
 * every request has to show it: `Authorization: Bearer TOKEN`.
 *
 * A connection serves one request and ends after HTTP_CONNECTION_MS; there are HTTP_CONNECTIONS_MOST at once; a request's head has
 * at most 16 KB and 50 headers, its body 4 KB.
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
 * What a POST to `path` does, with its body; by the port's thread. Gives the HTTP status, and a text for the reply (a JSON
 * document, for free()).
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
/* Copies the text. NULL is no server: nothing happens. */
void http_set(struct http *http, const char *json);
void http_stop(struct http *http);

#endif
