#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/nesting.h"
#include "server/failure.h"
#include "server/probe_place.h"
#include "server/write_errors.h"

/* libmongoc's own chatter would put a second line beside ours. */
static void
quiet(mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
  (void)level;
  (void)domain;
  (void)message;
  (void)data;
}

/*
 * libmongoc's constructor puts counters into shared memory, under the process's number. They lose that name at once,
 * so that a killed process leaves nothing there. Another program's process may have left counters under this number;
 * libmongoc would warn of them on stderr. So they are removed before the constructor runs.
 */
static void
unname_counters(void)
{
  char name[32];
  snprintf(name, sizeof name, "/mongoc-%u", (unsigned)getpid());
  shm_unlink(name);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) = unname_counters;

/* libbson would abort, with a line of its own. */
static void
use_our_memory(void)
{
  static const bson_mem_vtable_t ours = {.malloc = memory_malloc,
                                         .calloc = memory_calloc,
                                         .realloc = memory_resize,
                                         .free = free,
                                         .aligned_alloc = memory_aligned};
  bson_mem_set_vtable(&ours);
}

void
server_library_start(void)
{
  use_our_memory();
  mongoc_init();
  unname_counters();
  mongoc_log_set_handler(quiet, NULL);
}

void
server_library_end(void)
{
  mongoc_cleanup();
}

const char *
server_driver_version(void)
{
  return mongoc_get_version();
}

char *
server_uri_crl(const char *uri)
{
  for (const char *at = strchr(uri, '?'); at; at = strpbrk(at, "&;")) {
    at++;
    size_t length = strlen(SERVER_URI_CRL);
    if (strncasecmp(at, SERVER_URI_CRL, length) == 0 && at[length] == '=') {
      char *encoded = strndup(at + length + 1, strcspn(at + length + 1, "&;"));
      char *file = encoded ? mongoc_uri_unescape(encoded) : NULL;
      char *copy = memory_string(file);
      bson_free(file);
      free(encoded);
      return copy;
    }
  }
  return NULL;
}

/*
 * The driver takes what is behind the first @ for the hosts, and would name them if it cannot find them. It also
 * quotes a password that has a colon (mongoc_uri_parse_userpass, libmongoc 1.23).
 */
mongoc_uri_t *
server_parse_uri(const char *side, const char *uri, struct error *error)
{
  bson_error_t cause;
  const char *at = strchr(uri, '@');
  bool encoded = !at || !strchr(at + 1, '@');
  mongoc_uri_t *parsed = encoded ? mongoc_uri_new_with_error(uri, &cause) : NULL;
  if (!encoded || (!parsed && strstr(cause.message, "Percent-encode"))) {
    error_set(error, ERROR_USAGE,
              "the %s's address is not a valid connection string: in its user and password, write : / ? # [ ] @ %% as "
              "%%3A %%2F %%3F %%23 %%5B %%5D %%40 %%25",
              side);
  } else if (!parsed) {
    error_set(error, ERROR_USAGE, "the %s's address is not a valid connection string: %s", side, cause.message);
  }
  return parsed;
}

bool
server_check_uri(const char *uri, const char *side, struct error *error)
{
  mongoc_uri_t *parsed = server_parse_uri(side, uri, error);
  if (parsed) {
    mongoc_uri_destroy(parsed);
  }
  return parsed != NULL;
}

/* Sets the driver's TLS options again, since setting others removes those of the string. */
static void
refuse_revoked(mongoc_client_t *client, const mongoc_uri_t *uri, const char *crl_file)
{
  bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
  mongoc_ssl_opt_t options = {
    .pem_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, NULL),
    .pem_pwd = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, NULL),
    .ca_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, NULL),
    .crl_file = crl_file,
    .weak_cert_validation =
      insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, false),
    .allow_invalid_hostname =
      insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, false)};
  mongoc_client_set_ssl_opts(client, &options);
}

static mongoc_client_t *
new_client(const mongoc_uri_t *uri, const char *crl_file, bson_error_t *cause)
{
  mongoc_client_t *client = mongoc_client_new_from_uri_with_error(uri, cause);
  if (client) {
    mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
    if (!mongoc_uri_get_appname(uri)) {
      mongoc_client_set_appname(client, "mongoferry");
    }
  }
  if (client && crl_file) {
    refuse_revoked(client, uri, crl_file);
  }
  return client;
}

/*
 * If the string asked for secondaries or weaker concerns, nothing here would be right any more. Servers from 4.4 on
 * decide what nobody says: see server_put_concern. The driver must not send a write again by itself: another server
 * may answer by then, and it is looked at first (target/guard/mark.h).
 */
static void
settle(mongoc_uri_t *uri, bool patient)
{
  mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
  mongoc_read_concern_t *read_concern = mongoc_read_concern_new();
  mongoc_write_concern_t *write_concern = mongoc_write_concern_new();
  mongoc_read_concern_set_level(read_concern, MONGOC_READ_CONCERN_LEVEL_LOCAL);
  mongoc_write_concern_set_w(write_concern, 1);
  mongoc_uri_set_read_prefs_t(uri, primary);
  mongoc_uri_set_read_concern(uri, read_concern);
  mongoc_uri_set_write_concern(uri, write_concern);
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
  mongoc_read_prefs_destroy(primary);
  mongoc_read_concern_destroy(read_concern);
  mongoc_write_concern_destroy(write_concern);
  if (!mongoc_uri_has_option(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS)) {
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, patient ? 30000 : 10000);
  }
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, !patient);
}

bool
server_open(struct server *server, enum error_kind kind, const char *uri, bool patient, struct error *error)
{
  bson_error_t cause;
  *server = (struct server){.kind = kind, .side = kind == ERROR_SOURCE ? "source" : "target"};
  mongoc_uri_t *parsed = server_parse_uri(server->side, uri, error);
  if (!parsed) {
    return false;
  }
  settle(parsed, patient);
  server->crl_file = server_uri_crl(uri);
  server->client = new_client(parsed, server->crl_file, &cause);
  mongoc_uri_destroy(parsed);
  if (!server->client) {
    server_close(server);
    return server_error(server, &cause, error);
  }
  return true;
}

void
server_close(struct server *server)
{
  if (server->client) {
    mongoc_client_destroy(server->client);
    server->client = NULL;
  }
  if (server->waiting) {
    mongoc_client_destroy(server->waiting);
    server->waiting = NULL;
  }
  free(server->crl_file);
  server->crl_file = NULL;
}

bool
server_error(const struct server *server, const bson_error_t *cause, struct error *error)
{
  bool login =
    (cause->domain == MONGOC_ERROR_CLIENT && cause->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
    cause->domain == MONGOC_ERROR_SCRAM || cause->domain == MONGOC_ERROR_SASL ||
    strncmp(cause->message, "Unsupported mechanism", 21) == 0; /* S:src/mongo/db/auth/sasl_commands.cpp@r4.0.14 */
  bool answered = cause->domain == MONGOC_ERROR_SERVER || cause->domain == MONGOC_ERROR_WRITE_CONCERN;
  bool old =
    (cause->domain == MONGOC_ERROR_PROTOCOL && cause->code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION) ||
    (cause->domain == MONGOC_ERROR_SERVER_SELECTION && cause->code == MONGOC_ERROR_SERVER_SELECTION_BAD_WIRE_VERSION);
  bool unsent = (cause->domain == MONGOC_ERROR_COMMAND && cause->code == MONGOC_ERROR_COMMAND_INVALID_ARG) ||
                (cause->domain == MONGOC_ERROR_CURSOR && cause->code == MONGOC_ERROR_CURSOR_INVALID_CURSOR);
  bool mute =
    (cause->domain == 0 && cause->message[0] == 0) || /* write errors that are no documents, a hello with other types */
    strcmp(cause->message, "unknown error calling hello") == 0; /* guards.c took none */
  bool damaged = cause->domain == MONGOC_ERROR_PROTOCOL && cause->code == MONGOC_ERROR_PROTOCOL_INVALID_REPLY;
  bool refused = answered && (cause->code == CODE_UNAUTHORIZED || cause->code == CODE_AUTHENTICATION_FAILED);
  const char *mechanism = server->client ? mongoc_uri_get_auth_mechanism(mongoc_client_get_uri(server->client)) : NULL;
  if (login && mechanism && strcmp(mechanism, "MONGODB-CR") == 0) {
    error_set(error, ERROR_AUTH,
              "the %s refused the login: %s; MONGODB-CR is for servers before 3.6, later ones take "
              "SCRAM-SHA-1",
              server->side, cause->message);
  } else if (login) {
    error_set(error, ERROR_AUTH, "the %s refused the login: %s; check user, password and authentication database",
              server->side, cause->message);
  } else if (refused) {
    error_set(error, ERROR_AUTH, "the %s's user may not do this: %s", server->side, cause->message);
  } else if (old) {
    error_set(error, ERROR_REFUSED, "the %s is older than the driver takes: %s", server->side, cause->message);
  } else if (cause->domain == MONGOC_ERROR_SERVER_SELECTION) {
    error_set(error, server->kind, "cannot reach the %s's primary: %s; check hosts, set name and TLS", server->side,
              cause->message);
  } else if (unsent) { /* another attempt would not be sent either */
    error_set(error, ERROR_INTERNAL, "the driver does not send this to the %s: %s", server->side, cause->message);
  } else if (damaged) {
    error_set(error, server->kind, "the %s sent a message that contradicts itself: %s", server->side, cause->message);
  } else if (mute) {
    error_set(error, server->kind, "the %s refused, or sent what no server sends: its answer cannot be read",
              server->side);
  } else {
    error_set(error, server->kind, "%s: %s", server->side, cause->message);
  }
  error->code = old ? CODE_TOO_OLD : mute || damaged ? CODE_DAMAGED_ANSWER : answered ? (int64_t)cause->code : 0;
  return false;
}

int
server_version(const struct server_hello *hello)
{
  return hello->version_number[0] * 100 + hello->version_number[1];
}

/* By the primary, or the member that was named; 0: none answers. */
static uint32_t
select_server(struct server *server, bson_error_t *cause)
{
  mongoc_server_description_t *selected = mongoc_client_select_server(server->client, true, NULL, cause);
  uint32_t id = selected ? mongoc_server_description_id(selected) : 0;
  mongoc_server_description_destroy(selected);
  return id;
}

/* The driver ends the process where it is to kill a cursor of which it does not know the server. */
static mongoc_cursor_t *
cursor_of_reply(struct server *server, bson_t *reply, uint32_t id)
{
  bson_t options = BSON_INITIALIZER;
  if (id != 0) {
    BSON_APPEND_INT64(&options, "serverId", id);
  }
  mongoc_cursor_t *cursor = mongoc_cursor_new_from_command_reply_with_opts(server->client, reply, &options);
  bson_destroy(&options);
  return cursor;
}

bool
server_ask_cursor(struct server *server, const char *db, const bson_t *command, mongoc_cursor_t **cursor,
                  struct error *error)
{
  bson_error_t cause;
  bson_t whole;
  bson_t reply = BSON_INITIALIZER;
  int tries = 0;
  bool ok = false;
  uint32_t id;
  server_put_concern(command, false, &whole);
  do {
    bson_destroy(&reply);
    bson_init(&reply);
    id = select_server(server, &cause);
    ok = id != 0 && mongoc_client_command_simple_with_server_id(server->client, db, &whole, NULL, id, &reply, &cause);
    if (!ok) {
      server_error(server, &cause, error);
    }
  } while (!ok && failure_try_again(error, &tries));
  bson_destroy(&whole);
  *cursor = cursor_of_reply(server, &reply, id);
  return ok;
}

static void
find_some(struct server *server, const char *db, const char *coll, const bson_t *filter, int64_t limit,
          struct server_cursor *cursor)
{
  bson_t *command = BCON_NEW("find", BCON_UTF8(coll), "filter", BCON_DOCUMENT(filter), "limit", BCON_INT64(limit));
  cursor->server = server;
  cursor->failed = !server_ask_cursor(server, db, command, &cursor->cursor, &cursor->cause);
  bson_destroy(command);
}

void
server_find(struct server *server, const char *db, const char *coll, const bson_t *filter, struct server_cursor *cursor)
{
  find_some(server, db, coll, filter, 0, cursor);
}

int
server_next(struct server_cursor *cursor, const bson_t **document, struct error *error)
{
  bson_error_t cause;
  if (cursor->failed) {
    *error = cursor->cause;
    return -1;
  }
  if (mongoc_cursor_next(cursor->cursor, document)) {
    return 1;
  }
  if (mongoc_cursor_error(cursor->cursor, &cause)) {
    server_error(cursor->server, &cause, error);
    return -1;
  }
  return 0;
}

void
server_cursor_clear(struct server_cursor *cursor)
{
  mongoc_cursor_destroy(cursor->cursor);
}

static int
find_once(struct server *server, const char *db, const char *coll, const bson_t *selector, bson_t *document,
          struct error *error)
{
  const bson_t *found;
  struct server_cursor cursor;
  find_some(server, db, coll, selector, 1, &cursor);
  int got = server_next(&cursor, &found, error);
  if (got == 1 && document) {
    bson_copy_to(found, document);
  }
  server_cursor_clear(&cursor);
  return got;
}

int
server_find_one(struct server *server, const char *db, const char *coll, const bson_t *selector, bson_t *document,
                struct error *error)
{
  int tries = 0;
  int got;
  while ((got = find_once(server, db, coll, selector, document, error)) < 0 && failure_try_again(error, &tries)) {
  }
  return got;
}

char *
server_show_id(const bson_t *selector)
{
  char *json = bson_as_relaxed_extended_json(selector, NULL);
  char *shown;
  if (json) {
    shown = memory_format("%.200s", json);
  } else {
    uint32_t bytes = selector->len < 90 ? selector->len : 90;
    shown = memory_new(2 + (size_t)bytes * 2 + 1);
    shown[0] = '0';
    shown[1] = 'x';
    for (uint32_t i = 0; i < bytes; i++) {
      snprintf(shown + 2 + (size_t)i * 2, 3, "%02x", bson_get_data(selector)[i]);
    }
  }
  bson_free(json);
  return shown;
}

/*
 * A write error that passes, in a reply to a command of one write: nothing was done. So a mongos tells of a shard
 * without a primary. In a command of several writes, those before it may have been done. Everything that goes this way
 * can be done twice.
 */
static bool
could_not_write(const bson_t *reply, bson_error_t *cause)
{
  struct write_error said;
  bson_iter_t iter;
  for (bool more = write_errors_begin(reply, &iter); more && write_errors_next(&iter, &said);) {
    if (failure_passes(said.code)) {
      bson_set_error(cause, MONGOC_ERROR_SERVER, (uint32_t)said.code, "%s", said.text);
      return true;
    }
  }
  return false;
}

static bool
is_one_of(const char *name, const char *const *names, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (strcmp(name, names[i]) == 0) {
      return true;
    }
  }
  return false;
}

static const char *
name_of(const bson_t *command)
{
  bson_iter_t iter;
  return bson_iter_init(&iter, command) && bson_iter_next(&iter) ? bson_iter_key(&iter) : "";
}

static bool
is_write(const char *name)
{
  static const char *const writes[] = {"insert",        "update",   "delete",           "create",
                                       "createIndexes", "drop",     "dropDatabase",     "dropIndexes",
                                       "collMod",       "applyOps", "renameCollection", "convertToCapped"};
  return is_one_of(name, writes, sizeof writes / sizeof *writes);
}

void
server_put_concern(const bson_t *command, bool majority, bson_t *whole)
{
  /*
   * Commands that the default applies to: S:src/mongo/db/service_entry_point_common.cpp, supportsReadConcern and
   * ...Write...@r5.0.0
   */
  static const char *const reads[] = {"find", "aggregate", "count", "distinct"};
  bson_t concern;
  const char *name = name_of(command);
  bson_copy_to(command, whole);
  if (is_one_of(name, reads, sizeof reads / sizeof *reads) && !bson_has_field(command, "readConcern")) {
    BSON_APPEND_DOCUMENT_BEGIN(whole, "readConcern", &concern);
    BSON_APPEND_UTF8(&concern, "level", "local");
    bson_append_document_end(whole, &concern);
  } else if (is_write(name) && !bson_has_field(command, "writeConcern")) {
    BSON_APPEND_DOCUMENT_BEGIN(whole, "writeConcern", &concern);
    if (majority) {
      BSON_APPEND_UTF8(&concern, "w", "majority");
    } else {
      BSON_APPEND_INT32(&concern, "w", 1);
    }
    bson_append_document_end(whole, &concern);
  }
}

bool
server_writes_majority(struct server *server, bool *majority, struct error *error)
{
  struct server_hello hello;
  if (!server->knows_mongos && !server_ask_hello(server, false, &hello, error)) {
    return false;
  }
  *majority = server->mongos;
  return true;
}

/* `*carried_out`: it was, though a majority did not acknowledge it. */
static bool
run_once(struct server *server, const char *db, const bson_t *command, bson_t *reply, bool *carried_out,
         struct error *error)
{
  bson_error_t cause;
  bson_t own;
  bson_t *answer = reply ? reply : &own;
  if (server->command) {
    return server->command(server->context, db, command, reply, error);
  }
  bson_t whole;
  bool majority = false;
  if (is_write(name_of(command)) && !server_writes_majority(server, &majority, error)) {
    if (reply) {
      bson_init(reply);
    }
    return false;
  }
  server_put_concern(command, majority, &whole);
  bool ok = server->member ? mongoc_client_command_simple_with_server_id(server->client, db, &whole, NULL,
                                                                         server->member, answer, &cause)
                           : mongoc_client_command_simple(server->client, db, &whole, NULL, answer, &cause);
  bson_destroy(&whole);
  if (ok && bson_has_field(answer, "writeConcernError")) {
    const char *text;
    int64_t code;
    *carried_out = true;
    failure_read_concern(answer, "writeConcernError", &text, &code);
    bson_set_error(&cause, MONGOC_ERROR_WRITE_CONCERN, (uint32_t)code, "a majority did not acknowledge: %s", text);
    ok = false;
  }
  if (ok && !nesting_fits(bson_get_data(answer), answer->len)) {
    bson_set_error(&cause, MONGOC_ERROR_SERVER, CODE_INVALID_BSON,
                   "a command was answered with a damaged or too deeply nested document");
    ok = false;
  }
  ok = ok && !could_not_write(answer, &cause);
  if (!ok) {
    server_error(server, &cause, error);
  }
  if (!reply) {
    bson_destroy(&own);
  }
  return ok;
}

static bool
run(struct server *server, const char *db, const bson_t *command, bson_t *reply, bool loud, struct error *error)
{
  int tries = 0;
  bool carried_out = false;
  while (!run_once(server, db, command, reply, &carried_out, error)) {
    bool wait = carried_out && !server->mongos && failure_interrupted(error);
    if (wait) { /* only the waiting for the majority was interrupted */
      return server_confirm_writes(server, error);
    }
    bool own_limit = error->code == CODE_MAX_TIME_EXPIRED && bson_has_field(command, "maxTimeMS");
    if (own_limit || !failure_try_again(error, &tries)) {
      return false;
    }
    if (loud) {
      log_warn("%s; it is sent again", error->text);
    }
    if (reply) {
      bson_destroy(reply);
    }
  }
  return true;
}

bool
server_command(struct server *server, const char *db, const bson_t *command, bson_t *reply, struct error *error)
{
  return run(server, db, command, reply, false, error);
}

static void
copy_text(const bson_t *reply, const char *name, char *text, size_t size)
{
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, reply, name) && BSON_ITER_HOLDS_UTF8(&iter)) {
    snprintf(text, size, "%s", bson_iter_utf8(&iter, NULL));
  }
}

static uint64_t
timestamp_at(const bson_t *reply, const char *path)
{
  bson_iter_t iter;
  bson_iter_t found;
  uint32_t seconds = 0;
  uint32_t increment = 0;
  if (bson_iter_init(&iter, reply) && bson_iter_find_descendant(&iter, path, &found) &&
      BSON_ITER_HOLDS_TIMESTAMP(&found)) {
    bson_iter_timestamp(&found, &seconds, &increment);
  }
  return (uint64_t)seconds << 32 | increment;
}

void
server_read_hello(const bson_t *reply, struct server_hello *hello)
{
  bson_iter_t iter;
  memset(hello, 0, sizeof *hello);
  copy_text(reply, "setName", hello->set_name, sizeof hello->set_name);
  copy_text(reply, "me", hello->primary, sizeof hello->primary);
  char message[16] = "";
  copy_text(reply, "msg", message, sizeof message);
  hello->mongos = strcmp(message, "isdbgrid") == 0;
  hello->primary_answers = bson_iter_init_find(&iter, reply, "ismaster") && bson_iter_as_bool(&iter);
  hello->wire_version = bson_iter_init_find(&iter, reply, "maxWireVersion") ? (int)bson_iter_as_int64(&iter) : 0;
  if (bson_iter_init_find(&iter, reply, "electionId") && BSON_ITER_HOLDS_OID(&iter)) {
    hello->has_election = true;
    bson_oid_copy(bson_iter_oid(&iter), &hello->election);
  }
  if (bson_iter_init_find(&iter, reply, "localTime") && BSON_ITER_HOLDS_DATE_TIME(&iter)) {
    hello->local_time_s = bson_iter_date_time(&iter) / 1000;
  }
  hello->last_write = timestamp_at(reply, "lastWrite.opTime.ts");
  hello->majority_write = timestamp_at(reply, "lastWrite.majorityOpTime.ts");
}

static bool
ask(struct server *server, const char *name, bson_t *reply, struct error *error)
{
  bson_t *command = BCON_NEW(name, BCON_INT32(1));
  bool ok = server_command(server, "admin", command, reply, error);
  bson_destroy(command);
  return ok;
}

bool
server_command_long(struct server *server, const char *db, const bson_t *command, bson_t *reply, struct error *error)
{
  bson_error_t cause;
  if (!server->waiting) {
    mongoc_uri_t *uri = mongoc_uri_copy(mongoc_client_get_uri(server->client));
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, INT32_MAX); /* 0 would mean the driver's own */
    server->waiting = new_client(uri, server->crl_file, &cause);
    mongoc_uri_destroy(uri);
  }
  struct server other = {.client = server->waiting,
                         .kind = server->kind,
                         .side = server->side,
                         .knows_mongos = server->knows_mongos,
                         .mongos = server->mongos};
  if (!other.client) {
    if (reply) {
      bson_init(reply);
    }
    return server_error(server, &cause, error);
  }
  bool ok = run(&other, db, command, reply, true, error);
  server->knows_mongos = other.knows_mongos;
  server->mongos = other.mongos;
  return ok;
}

bool
server_ask_hello(struct server *server, bool version, struct server_hello *hello, struct error *error)
{
  bson_t reply;
  memset(hello, 0, sizeof *hello);
  bool ok = ask(server, "isMaster", &reply, error); /* the name that every version knows */
  if (ok) {
    server_read_hello(&reply, hello);
    server->knows_mongos = true;
    server->mongos = hello->mongos;
  }
  bson_destroy(&reply);
  if (ok && version) {
    ok = ask(server, "buildInfo", &reply, error);
    if (ok) {
      int *number = hello->version_number;
      copy_text(&reply, "version", hello->version, sizeof hello->version);
      sscanf(hello->version, "%d.%d.%d", &number[0], &number[1], &number[2]);
    }
    bson_destroy(&reply);
  }
  return ok;
}

bool
server_confirm_majority(struct server *server, const char *db, const char *coll, struct error *error)
{
  bson_t *command =
    BCON_NEW("delete", BCON_UTF8(coll), "deletes", "[", "{", "q", "{", "_id", "{", "$in", "[", "]", "}", "}", "limit",
             BCON_INT32(1), "}", "]", "writeConcern", "{", "w", BCON_UTF8("majority"), "}");
  int tries = 0;
  bool carried_out = false;
  bool ok;
  while (!(ok = run_once(server, db, command, NULL, &carried_out, error)) && failure_try_again(error, &tries)) {
  }
  bson_destroy(command);
  return ok;
}

bool
server_confirm_writes(struct server *server, struct error *error)
{
  const char *db;
  bool allowed;
  return probe_place(server, &db, &allowed, error) && server_confirm_majority(server, db, SERVER_PROBE_COLL, error);
}
