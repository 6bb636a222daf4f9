#include "coordinator/control/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "coordinator/control/page.h"

#define BODY_MOST 4096
#define HEADERS_MOST 50
#define HTTP_TOO_LARGE 413 /* its name in libmicrohttpd changed */
#define HTTP_HEADERS_TOO_MANY 431
#define TOKEN_BYTES 24
#define TOKEN_LEAST 16

struct body {
  const struct request_kind *kind;
  bool stops;                /* it was a request to stop, and is answered */
  size_t size;               /* of what came, kept or not */
  char bytes[BODY_MOST + 1]; /* ends with a zero byte */
};

/* An open connection; since_ms 0: a free slot. */
struct connection {
  int64_t since_ms;
  MHD_socket socket;
};

struct http {
  struct exchange *exchange;
  struct MHD_Daemon *daemon;
  bool local;  /* the control socket */
  char *token; /* NULL: none is asked for */
  pthread_mutex_t lock;
  struct connection connections[HTTP_CONNECTIONS_MOST];
  pthread_t closer;
  pthread_cond_t stopping;
  bool closes;
  bool stop;
};

/* Frees the answer's text. `allowed`: the method that the path takes, for 405. */
static enum MHD_Result
reply(struct MHD_Connection *connection, const struct answer *answer, const char *allowed)
{
  struct MHD_Response *response =
    MHD_create_response_from_buffer(strlen(answer->text), answer->text, MHD_RESPMEM_MUST_FREE);
  const char *type = answer->type ? answer->type : "application/json";
  MHD_add_response_header(response, "Content-Type", type);
  if (strcmp(type, PAGE_CONTENT_TYPE) == 0) {
    MHD_add_response_header(response, "Content-Security-Policy", page_policy);
  }
  MHD_add_response_header(response, "Cache-Control", "no-store");
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(response, "Connection", "close");
  if (allowed) {
    MHD_add_response_header(response, "Allow", allowed);
  }
  if (answer->status == MHD_HTTP_UNAUTHORIZED) {
    MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    MHD_add_response_header(response, "WWW-Authenticate", "Basic realm=\"mongoferry: the token is the password\"");
  }
  enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
  struct answer answer = answer_error(status, "%s", why);
  return reply(connection, &answer, NULL);
}

static const char *
header(struct MHD_Connection *connection, const char *name)
{
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Takes as long wherever they differ; the length is no secret. */
static bool
same_token(const char *given, const char *token)
{
  size_t length = strlen(token);
  unsigned char different = 0;
  if (strlen(given) != length) {
    return false;
  }
  for (size_t i = 0; i < length; i++) {
    different |= (unsigned char)(token[i] ^ given[i]);
  }
  return different == 0;
}

static bool
shows_token(const struct http *http, struct MHD_Connection *connection)
{
  const char *given = header(connection, "Authorization");
  if (given && strncasecmp(given, "Bearer ", 7) == 0) {
    return same_token(given + 7, http->token);
  }
  char *password = NULL;
  char *user = MHD_basic_auth_get_username_password(connection, &password);
  bool shown = password && same_token(password, http->token);
  MHD_free(user);
  MHD_free(password);
  return shown;
}

/* An address or localhost, whatever the port. */
static bool
is_address(const char *host)
{
  char name[64];
  struct in6_addr address;
  if (host[0] == '[') {
    size_t length = strcspn(host, "]");
    snprintf(name, sizeof name, "%.*s", (int)length - 1, host + 1);
    return host[length] == ']' && inet_pton(AF_INET6, name, &address) == 1;
  }
  snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
  return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

/* True if the request may go on; else it was answered, with `result`. */
static bool
is_allowed(const struct http *http, struct MHD_Connection *connection, enum request_who who, enum MHD_Result *result)
{
  const char *host = header(connection, "Host");
  if (MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL) > HEADERS_MOST) {
    *result = refuse(connection, HTTP_HEADERS_TOO_MANY, "too many headers");
  } else if (http->local) {
    return true;
  } else if (!host || (!http->token && !is_address(host))) {
    *result = refuse(connection, MHD_HTTP_FORBIDDEN, "the Host has to be an address or localhost");
  } else if (http->token && !shows_token(http, connection)) {
    *result = refuse(connection, MHD_HTTP_UNAUTHORIZED, "give the header Authorization: Bearer, with the token");
  } else if (who != REQUEST_READ && !header(connection, "X-Mongoferry")) {
    *result = refuse(connection, MHD_HTTP_FORBIDDEN, "an action needs the header X-Mongoferry: 1");
  } else if (who == REQUEST_END && !http->token) {
    *result = refuse(connection, MHD_HTTP_FORBIDDEN,
                     "this ends the run: a status port without --httpToken does not take it; use the command "
                     "mongoferry stop or cutover");
  } else {
    return true;
  }
  return false;
}

/* There is no such request. A stranger is not told more than that. */
static enum MHD_Result
refuse_unknown(const struct http *http, struct MHD_Connection *connection, const char *method, const char *allowed)
{
  enum MHD_Result result;
  if (!is_allowed(http, connection, strcmp(method, "POST") == 0 ? REQUEST_STEER : REQUEST_READ, &result)) {
    return result;
  }
  bool known = allowed || (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0);
  struct answer answer =
    answer_error(known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
                 known ? "this path takes %s" : "there is no such path", allowed ? allowed : "GET and POST only");
  return reply(connection, &answer, known ? (allowed ? allowed : "GET, POST") : NULL);
}

/* Called once for the headers, once for each part of a body, and once at its end. */
static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
       const char *upload, size_t *upload_size, void **state)
{
  struct http *http = context;
  enum MHD_Result result;
  const char *allowed;
  (void)version;
  if (!*state) {
    const struct request_kind *kind = request_find(method, path, &allowed);
    if (!kind) {
      return refuse_unknown(http, connection, method, allowed);
    }
    if (!is_allowed(http, connection, kind->who, &result)) {
      return result;
    }
    struct body *body = memory_new(sizeof *body);
    body->kind = kind;
    *state = body;
    return MHD_YES;
  }
  struct body *body = *state;
  if (*upload_size == 0) {
    if (body->size > BODY_MOST) {
      return refuse(connection, HTTP_TOO_LARGE, "the body is too large");
    }
    struct request request = {.kind = body->kind, .body = body->bytes, .size = body->size};
    struct answer made = exchange_ask(http->exchange, &request);
    body->stops = body->kind->name == REQUEST_STOP && made.status == MHD_HTTP_ACCEPTED;
    return reply(connection, &made, NULL);
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
  const struct body *body = *state;
  if (body && body->stops) { /* now that the answer is sent: before the loop runs, a signal ends the process at once */
    kill(getpid(), SIGTERM);
  }
  free(*state);
  *state = NULL;
}

/* A connection comes or goes; what goes is told of before its socket is closed. */
static void
note_connection(void *context, struct MHD_Connection *connection, void **place,
                enum MHD_ConnectionNotificationCode what)
{
  struct http *http = context;
  pthread_mutex_lock(&http->lock);
  if (what == MHD_CONNECTION_NOTIFY_CLOSED && *place) {
    *(struct connection *)*place = (struct connection){0};
  } else if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    for (int i = 0; i < HTTP_CONNECTIONS_MOST && !*place; i++) {
      if (http->connections[i].since_ms == 0) {
        http->connections[i].since_ms = clock_ms();
        http->connections[i].socket =
          MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        *place = &http->connections[i];
      }
    }
  }
  pthread_mutex_unlock(&http->lock);
}

/*
 * libmicrohttpd's time limit begins anew with each byte, so that 32 clients of a byte a second would keep everybody
 * else out.
 */
static void *
close_late_ones(void *context)
{
  struct http *http = context;
  pthread_mutex_lock(&http->lock);
  while (!http->stop) {
    struct timespec until;
    int64_t now = clock_ms();
    for (int i = 0; i < HTTP_CONNECTIONS_MOST; i++) {
      const struct connection *connection = &http->connections[i];
      if (connection->since_ms && now - connection->since_ms > HTTP_CONNECTION_MS) {
        shutdown(connection->socket, SHUT_RDWR);
      }
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_cond_timedwait(&http->stopping, &http->lock, &until);
  }
  pthread_mutex_unlock(&http->lock);
  return NULL;
}

/* `address` as a socket wants it; false if it is none. */
static bool
read_address(const char *address, uint16_t port, struct sockaddr_in6 *six, struct sockaddr_in *four)
{
  *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
  *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
    six->sin6_family = AF_UNSPEC;
    return true;
  }
  return inet_pton(AF_INET6, address, &six->sin6_addr) == 1;
}

static char *
make_token(void)
{
  uint8_t bytes[TOKEN_BYTES];
  char *token = memory_new(2 * sizeof bytes + 1);
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
    memory_wipe(token);
    return NULL;
  }
  for (size_t i = 0; i < sizeof bytes; i++) {
    snprintf(token + 2 * i, 3, "%02x", bytes[i]);
  }
  return token;
}

#define START(flags, port, ...)                                                                                        \
  MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | (flags), port, NULL, NULL, answer, http,                          \
                   MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(HTTP_CONNECTION_MS / 1000), MHD_OPTION_CONNECTION_LIMIT,  \
                   (unsigned)HTTP_CONNECTIONS_MOST, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384,                 \
                   MHD_OPTION_NOTIFY_COMPLETED, forget_body, NULL, MHD_OPTION_NOTIFY_CONNECTION, note_connection,      \
                   http, __VA_ARGS__, MHD_OPTION_END)

static bool
take_token(struct http *http, const struct http_place *place, bool loopback, struct error *error)
{
  if (place->token && strlen(place->token) < TOKEN_LEAST) {
    return error_set(error, ERROR_USAGE, "--httpToken takes at least %d characters", TOKEN_LEAST);
  }
  http->token = place->token ? memory_string(place->token) : loopback ? NULL : make_token();
  return loopback || http->token || error_set(error, ERROR_INTERNAL, "no random bytes for a token; give --httpToken");
}

static bool
start_port(struct http *http, const struct http_place *place, struct error *error)
{
  struct sockaddr_in6 six;
  struct sockaddr_in four;
  const char *address = place->address ? place->address : "127.0.0.1";
  if (!read_address(address, place->port, &six, &four)) {
    return error_set(error, ERROR_USAGE, "--httpStatusHost takes an address as 127.0.0.1 or ::1, not '%s'", address);
  }
  bool is_six = six.sin6_family == AF_INET6;
  bool loopback = is_six ? IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) != 0 : ntohl(four.sin_addr.s_addr) >> 24 == 127;
  if (!take_token(http, place, loopback, error)) {
    return false;
  }
  http->daemon = START(is_six ? MHD_USE_IPv6 : 0, place->port, MHD_OPTION_SOCK_ADDR,
                       is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four);
  if (!http->daemon) {
    return error_set(error, ERROR_USAGE, "--httpStatusPort: cannot listen on %s port %u: %s", address, place->port,
                     strerror(errno));
  }
  if (http->token && !place->token) {
    log_always("the status port is not on loopback, so it asks for a token: token=%s", http->token);
  }
  return true;
}

static bool
start_local(struct http *http, int socket, struct error *error)
{
  http->local = true;
  http->daemon = START(0, 0, MHD_OPTION_LISTEN_SOCKET, socket);
  if (!http->daemon) {
    close(socket);
    return error_set(error, ERROR_INTERNAL, "cannot serve the control socket: %s", strerror(errno));
  }
  return true;
}

static bool
start(struct http **http, const struct http_place *place, int socket, struct exchange *exchange, struct error *error)
{
  struct http *made = memory_new(sizeof *made);
  made->exchange = exchange;
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->stopping, NULL);
  bool ok = place ? start_port(made, place, error) : start_local(made, socket, error);
  if (ok) {
    made->closes = pthread_create(&made->closer, NULL, close_late_ones, made) == 0;
    ok = made->closes || error_set(error, ERROR_INTERNAL, "cannot start a thread");
  }
  if (!ok) {
    http_stop(made);
    return false;
  }
  *http = made;
  return true;
}

bool
http_start(struct http **http, const struct http_place *place, struct exchange *exchange, struct error *error)
{
  return start(http, place, -1, exchange, error);
}

bool
http_start_on(struct http **http, int socket, struct exchange *exchange, struct error *error)
{
  return start(http, NULL, socket, exchange, error);
}

void
http_stop(struct http *http)
{
  if (!http) {
    return;
  }
  if (http->closes) {
    pthread_mutex_lock(&http->lock);
    http->stop = true;
    pthread_cond_signal(&http->stopping);
    pthread_mutex_unlock(&http->lock);
    pthread_join(http->closer, NULL);
  }
  if (http->daemon) {
    MHD_stop_daemon(http->daemon);
  }
  pthread_cond_destroy(&http->stopping);
  pthread_mutex_destroy(&http->lock);
  memory_wipe(http->token);
  free(http);
}
