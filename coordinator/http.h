/*
 * The status port: `GET /` answers the status document, a POST is an action, on loopback only. Answered by a thread of libmicrohttpd's, so
 * that no client can hold up the loop; what it answers is the text that was set last.
 */
#ifndef FERRY_COORDINATOR_HTTP_H
#define FERRY_COORDINATOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct http;

/*
 * What a POST to `path` does, with its body; by the port's thread. Gives the HTTP status, and a text for the reply (a JSON
 * document, for free()).
 */
struct http_actions {
  unsigned (*post)(void *context, const char *path, const char *body, size_t size, char **reply);
  void *context;
};

/* `actions` must outlive the port. */
bool http_start(struct http **http, uint16_t port, const struct http_actions *actions, struct error *error);
/* Copies the text. NULL is no server: nothing happens. */
void http_set(struct http *http, const char *json);
void http_stop(struct http *http);

#endif
