/*
 * The status port: `GET /` answers the status document, on loopback only. Answered by a thread of libmicrohttpd's, so
 * that no client can hold up the loop; what it answers is the text that was set last.
 */
#ifndef FERRY_COORDINATOR_HTTP_H
#define FERRY_COORDINATOR_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct http;

bool http_start(struct http **http, uint16_t port, struct error *error);
/* Copies the text. NULL is no server: nothing happens. */
void http_set(struct http *http, const char *json);
void http_stop(struct http *http);

#endif
