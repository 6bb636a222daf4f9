#include "coordinator/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct http {
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
answer(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
       const char *upload, size_t *upload_size, void **state)
{
  struct http *http = context;
  (void)version;
  (void)upload;
  (void)upload_size;
  (void)state;
  if (strcmp(method, "GET") != 0) {
    return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "{}\n", 3);
  }
  if (strcmp(url, "/") != 0) {
    return reply(connection, MHD_HTTP_NOT_FOUND, "{}\n", 3);
  }
  pthread_mutex_lock(&http->lock);
  enum MHD_Result result = reply(connection, MHD_HTTP_OK, http->json, strlen(http->json));
  pthread_mutex_unlock(&http->lock);
  return result;
}

bool
http_start(struct http **http, uint16_t port, struct error *error)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct http *made = memory_new(sizeof *made);
  pthread_mutex_init(&made->lock, NULL);
  made->json = memory_string("{\"stage\": \"initializing\"}");
  made->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL, answer, made, MHD_OPTION_SOCK_ADDR,
                                  &address, MHD_OPTION_CONNECTION_TIMEOUT, 5u, MHD_OPTION_CONNECTION_LIMIT, 32u,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_END);
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
