#include "coordinator/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define BODY_MOST 4096
#define HTTP_TOO_LARGE 413 /* its name in libmicrohttpd changed */

struct body {
  size_t size; /* of what came, kept or not */
  char bytes[BODY_MOST];
};

struct http {
  const struct http_actions *actions;
  struct MHD_Daemon *daemon;
  pthread_mutex_t lock;
  char *json;
};

static enum MHD_Result
reply(struct MHD_Connection *connection, unsigned status, const char *text, size_t size)
{
  struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
  MHD_add_response_header(response, "Content-Type", "application/json");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result
get(struct http *http, struct MHD_Connection *connection, const char *path)
{
  if (strcmp(path, "/") != 0) {
    return reply(connection, MHD_HTTP_NOT_FOUND, "{}\n", 3);
  }
  pthread_mutex_lock(&http->lock);
  enum MHD_Result result = reply(connection, MHD_HTTP_OK, http->json, strlen(http->json));
  pthread_mutex_unlock(&http->lock);
  return result;
}

/* The body is whole. */
static enum MHD_Result
post(struct http *http, struct MHD_Connection *connection, const char *path, const struct body *body)
{
  char *text = NULL;
  if (body->size > BODY_MOST) {
    return reply(connection, HTTP_TOO_LARGE, "{}\n", 3);
  }
  unsigned status = http->actions->post(http->actions->context, path, body->bytes, body->size, &text);
  enum MHD_Result result = reply(connection, status, text ? text : "{}\n", text ? strlen(text) : 3);
  free(text);
  return result;
}

/* Called once for the headers, once for each part of a body, and once at its end. */
static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
       const char *upload, size_t *upload_size, void **state)
{
  struct http *http = context;
  (void)version;
  if (strcmp(method, "GET") == 0) {
    return get(http, connection, path);
  }
  if (strcmp(method, "POST") != 0) {
    return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "{}\n", 3);
  }
  if (!*state) {
    *state = memory_new(sizeof(struct body));
    return MHD_YES;
  }
  struct body *body = *state;
  if (*upload_size == 0) {
    return post(http, connection, path, body);
  }
  if (body->size + *upload_size <= BODY_MOST) {
    memcpy(body->bytes + body->size, upload, *upload_size);
  }
  body->size += *upload_size;
  *upload_size = 0;
  return MHD_YES;
}

static void
forget_body(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
  (void)context;
  (void)connection;
  (void)why;
  free(*state);
  *state = NULL;
}

bool
http_start(struct http **http, uint16_t port, const struct http_actions *actions, struct error *error)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct http *made = memory_new(sizeof *made);
  made->actions = actions;
  pthread_mutex_init(&made->lock, NULL);
  made->json = memory_string("{\"stage\": \"initializing\"}");
  made->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL, answer, made, MHD_OPTION_SOCK_ADDR,
                                  &address, MHD_OPTION_CONNECTION_TIMEOUT, 5u, MHD_OPTION_CONNECTION_LIMIT, 32u,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_NOTIFY_COMPLETED,
                                  forget_body, NULL, MHD_OPTION_END);
  if (!made->daemon) {
    error_set(error, ERROR_USAGE, "--httpStatusPort: cannot listen on port %u: %s", port, strerror(errno));
    http_stop(made);
    return false;
  }
  *http = made;
  return true;
}

void
http_set(struct http *http, const char *json)
{
  if (http) {
    pthread_mutex_lock(&http->lock);
    free(http->json);
    http->json = memory_string(json);
    pthread_mutex_unlock(&http->lock);
  }
}

void
http_stop(struct http *http)
{
  if (http) {
    if (http->daemon) {
      MHD_stop_daemon(http->daemon);
    }
    pthread_mutex_destroy(&http->lock);
    free(http->json);
    free(http);
  }
}
