#include "source/legacy/members.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "source/legacy/login.h"

#define PATIENT_MS 30000
#define ONCE_MS 10000
#define PAUSE_MS 500
#define MEMBERS_MOST 100 /* more than any set has */

/* The number of the member of this name. A new one is added. */
static size_t
add_name(struct members *members, const char *name)
{
  size_t length = strlen(name);
  for (size_t i = 0; i < members->count; i++) {
    if (strcasecmp(members->names[i], name) == 0) {
      return i;
    }
  }
  if (length == 0 || length > BSON_HOST_NAME_MAX + 6 || members->count >= MEMBERS_MOST) {
    return members->first;
  }
  members->names = memory_grow(members->names, members->count, &members->capacity, sizeof *members->names);
  members->names[members->count] = memory_string(name);
  return members->count++;
}

bool
members_init(struct members *members, const struct server *side, const char *uri, struct error *error)
{
  *members =
    (struct members){.side = side, .uri = server_parse_uri(side->side, uri, error), .crl_file = server_uri_crl(uri)};
  if (!members->uri) {
    return false;
  }
  for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(members->uri); host; host = host->next) {
    add_name(members, host->host_and_port);
  }
  members->set_name = mongoc_uri_get_replica_set(members->uri);
  members->direct = mongoc_uri_get_option_as_bool(members->uri, MONGOC_URI_DIRECTCONNECTION, false) ||
                    (!members->set_name && members->count == 1);
  return members->count > 0 || error_set(error, ERROR_USAGE, "the %s's address names no host", side->side);
}

void
members_clear(struct members *members)
{
  for (size_t i = 0; i < members->count; i++) {
    free(members->names[i]);
  }
  free(members->names);
  free(members->crl_file);
  if (members->uri) {
    mongoc_uri_destroy(members->uri);
  }
  *members = (struct members){0};
}

struct stream_options
members_stream_options(const mongoc_uri_t *uri, const char *crl_file, int64_t connect_ms)
{
  bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
  int64_t most = mongoc_uri_get_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, MONGOC_DEFAULT_CONNECTTIMEOUTMS);
  return (struct stream_options){
    .connect_ms = (int)(connect_ms < most ? connect_ms : most),
    .socket_ms = mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, MONGOC_DEFAULT_SOCKETTIMEOUTMS),
    .tls = mongoc_uri_get_tls(uri) || crl_file,
    .crl_file = crl_file,
    .ca_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, NULL),
    .key_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, NULL),
    .key_password = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, NULL),
    .any_certificate = insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, false),
    .any_host = insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, false)};
}

/* Also "[::1]:27017", and the path of a socket. */
static bool
split_name(const char *name, char host[BSON_HOST_NAME_MAX + 1], int *port)
{
  const char *colon = name[0] == '/' ? NULL : strrchr(name, ':');
  size_t length = colon ? (size_t)(colon - name) : strlen(name);
  *port = colon ? atoi(colon + 1) : MONGOC_DEFAULT_PORT;
  if (length >= 2 && name[0] == '[' && name[length - 1] == ']') {
    name++;
    length -= 2;
  }
  if (length == 0 || length > BSON_HOST_NAME_MAX || *port < 1 || *port > 65535) {
    return false;
  }
  memcpy(host, name, length);
  host[length] = 0;
  return true;
}

/* A host that a member names. A member could not know a path on this machine. */
static size_t
learn_name(struct members *members, const bson_iter_t *iter)
{
  const char *name = bson_iter_utf8(iter, NULL);
  return name[0] == '/' ? members->first : add_name(members, name);
}

static void
learn(struct members *members, const bson_t *hello)
{
  static const char *const lists[] = {"hosts", "passives"};
  bson_iter_t iter;
  bson_iter_t item;
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    if (bson_iter_init_find(&iter, hello, lists[i]) && BSON_ITER_HOLDS_ARRAY(&iter) &&
        bson_iter_recurse(&iter, &item)) {
      while (bson_iter_next(&item)) {
        if (BSON_ITER_HOLDS_UTF8(&item)) {
          learn_name(members, &item);
        }
      }
    }
  }
  if (bson_iter_init_find(&iter, hello, "primary") && BSON_ITER_HOLDS_UTF8(&iter)) {
    members->first = learn_name(members, &iter);
  }
}

/*
 * Sends isMaster, with an offer to take compressed replies. A server that agrees compresses each reply, whatever the
 * request was. Requests are short and go as they are, so no password is ever compressed.
 */
static bool
introduce(const struct members *members, struct link *link, struct link_reply *reply, bson_t *answer,
          struct error *error)
{
  bson_iter_t iter;
  bson_iter_t item;
  bson_t *command = BCON_NEW("isMaster", BCON_INT32(1));
  if (bson_has_field(mongoc_uri_get_compressors(members->uri), WIRE_COMPRESSOR)) {
    BCON_APPEND(command, "compression", "[", BCON_UTF8(WIRE_COMPRESSOR), "]");
    link->packed = true;
  }
  bool ok = link_command(link, "admin", command, reply, answer, error);
  bson_destroy(command);
  bool list = ok && bson_iter_init_find(&iter, answer, "compression") && BSON_ITER_HOLDS_ARRAY(&iter) &&
              bson_iter_recurse(&iter, &item);
  bool agreed = false;
  while (list && bson_iter_next(&item)) {
    agreed |= BSON_ITER_HOLDS_UTF8(&item) && strcmp(bson_iter_utf8(&item, NULL), WIRE_COMPRESSOR) == 0;
  }
  link->packed &= agreed;
  return ok;
}

/* Whether the member is to be read from; else why not. */
static bool
is_wanted(struct members *members, struct link *link, struct server_hello *hello, struct error *error)
{
  struct link_reply reply = {0};
  bson_t answer;
  bool ok = introduce(members, link, &reply, &answer, error);
  if (ok) {
    server_read_hello(&answer, hello);
    if (members->set_name && strcmp(hello->set_name, members->set_name) != 0) {
      ok = error_set(error, ERROR_SOURCE, "%s is a member of '%s', not of '%s'", link->name, hello->set_name,
                     members->set_name);
    } else if (!members->direct) {
      learn(members, &answer);
      ok = hello->primary_answers || error_set(error, ERROR_SOURCE, "%s is not the primary", link->name);
    }
  }
  link_reply_clear(&reply);
  return ok;
}

static bool
connect_to(struct members *members, const char *name, int64_t until_ms, struct link **link, struct server_hello *hello,
           struct error *error)
{
  char host[BSON_HOST_NAME_MAX + 1];
  int port;
  struct link *made = NULL;
  int64_t left = (until_ms - clock_ms()) / (members->count > 1 ? 2 : 1); /* the next one wants time, too */
  struct stream_options options = members_stream_options(members->uri, members->crl_file, left < 1000 ? 1000 : left);
  if (!split_name(name, host, &port)) {
    return error_set(error, ERROR_SOURCE, "'%s' is not a host and a port", name);
  }
  if (!link_open(&made, members->side, host, port, &options, error)) {
    return false;
  }
  made->slave_ok = members->direct;
  stream_set_limit(made->stream, options.connect_ms); /* one that hangs takes connections, and says nothing */
  bool wanted = is_wanted(members, made, hello, error);
  stream_set_limit(made->stream, options.socket_ms);
  if (!wanted || !login_run(made, members->uri, hello->wire_version, error)) {
    link_close(made);
    return false;
  }
  *link = made;
  return true;
}

/* Asks each member once, including those that are heard of on the way. `why` becomes what each of them said. */
static bool
go_round(struct members *members, int64_t until_ms, struct link **link, struct server_hello *hello, char *why,
         size_t why_size, struct error *error)
{
  bool asked[MEMBERS_MOST] = {false};
  size_t used = 0;
  while (used == 0 || clock_ms() < until_ms) { /* however many a member tells of */
    size_t at = members->first;
    for (size_t i = 0; asked[at] && i < members->count; i++) {
      at = i;
    }
    if (asked[at]) {
      break;
    }
    asked[at] = true;
    if (connect_to(members, members->names[at], until_ms, link, hello, error)) {
      members->first = at;
      return true;
    }
    if (!server_error_passes(error)) {
      return false;
    }
    if (used < why_size) {
      used += (size_t)snprintf(why + used, why_size - used, "%s%s", used ? "; " : "", error->text);
    }
  }
  return false;
}

bool
members_connect(struct members *members, bool patient, struct link **link, struct server_hello *hello,
                struct error *error)
{
  int64_t until_ms = clock_ms() + mongoc_uri_get_option_as_int32(members->uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS,
                                                                 patient ? PATIENT_MS : ONCE_MS);
  char why[400];
  for (;;) {
    bson_error_t cause;
    why[0] = 0;
    if (go_round(members, until_ms, link, hello, why, sizeof why, error)) {
      return true;
    }
    if (!server_error_passes(error)) {
      return false;
    }
    if (!patient || clock_ms() >= until_ms) {
      bson_set_error(&cause, MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE, "%s", why);
      return server_error(members->side, &cause, error);
    }
    clock_sleep_ms(PAUSE_MS);
  }
}
