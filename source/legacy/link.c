#include "source/legacy/link.h"

#include <string.h>

#include "base/memory.h"
#include "base/nesting.h"

void
link_reply_clear(struct link_reply *reply)
{
  free(reply->bytes);
  wire_clear(&reply->unpacked);
  *reply = (struct link_reply){0};
}

bool
link_open(struct link **link, const struct server *side, const char *host, int port,
          const struct stream_options *options, struct error *error)
{
  struct link *made = memory_new(sizeof *made);
  made->side = side;
  made->name =
    host[0] == '/' ? memory_string(host) : memory_format(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
  if (!stream_open(&made->stream, host, port, options, error)) {
    error_wrap(error, "%s", made->name);
    link_close(made);
    return false;
  }
  *link = made;
  return true;
}

void
link_close(struct link *link)
{
  if (link) {
    stream_close(link->stream);
    free(link->name);
    wire_clear(&link->out);
    free(link);
  }
}

/* Errors of old servers without a code, or with one that means something else later. */
static const struct {
  int64_t code; /* 0: any */
  const char *text;
  int64_t now;
} meanings[] = {
  {0, "not master or secondary", 13436},
  {0, "not master and slaveOk", 13435},
  {0, "not master", 10107},
  {0, "node is recovering", 13436},
  {0, "interrupted at shutdown", 11600},
  {0, "shutdown in progress", 91},
  {0, "capped collection being deleted", CODE_CAPPED_POSITION_LOST},
  {0, "CappedPositionLost", CODE_CAPPED_POSITION_LOST},
  {17356, NULL, CODE_QUERY_PLAN_KILLED}, /* collection dropped between getMore calls */
  {28617, NULL, CODE_QUERY_PLAN_KILLED}, /* Runner killed during getMore */
  {17406, NULL, CODE_OPERATION_FAILED},  /* getMore runner error */
  {13127, NULL, CODE_CURSOR_NOT_FOUND},
  {16550, NULL, CODE_UNAUTHORIZED},
};

static const struct {
  const char *text;
  int64_t code;
} codeless[] = {
  {"no such cmd", CODE_COMMAND_NOT_FOUND},
  {"no such command", CODE_COMMAND_NOT_FOUND},
  {"ns not found", CODE_NAMESPACE_NOT_FOUND},
  {"ns doesn't exist", CODE_NAMESPACE_NOT_FOUND},
  {"ns does not exist", CODE_NAMESPACE_NOT_FOUND},
  {"Collection [", CODE_NAMESPACE_NOT_FOUND}, /* collStats: Collection [x] not found. */
  {"unauthorized", CODE_UNAUTHORIZED},
  {"not authorized", CODE_UNAUTHORIZED},
  {"auth fail", CODE_AUTHENTICATION_FAILED},
};

#define CODE_UNKNOWN 8 /* UnknownError: an answer is never without a code here */

int64_t
link_error_code(int64_t code, const char *text)
{
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
    if ((meanings[i].code == 0 || meanings[i].code == code) && (!meanings[i].text || strstr(text, meanings[i].text))) {
      return meanings[i].now;
    }
  }
  for (size_t i = 0; code == 0 && i < sizeof codeless / sizeof *codeless; i++) {
    if (strstr(text, codeless[i].text)) {
      return codeless[i].code;
    }
  }
  return code ? code : CODE_UNKNOWN;
}

static bool
refused(const struct link *link, int64_t code, const char *text, struct error *error)
{
  bson_error_t cause;
  bson_set_error(&cause, MONGOC_ERROR_SERVER, (uint32_t)link_error_code(code, text), "%s", text);
  return server_error(link->side, &cause, error);
}

/* The document of an error: `$err` of a query's, `errmsg` of a command's. */
static bool
refused_by(const struct link *link, const bson_t *document, const char *name, struct error *error)
{
  bson_iter_t iter;
  int64_t code = bson_iter_init_find(&iter, document, "code") ? bson_iter_as_int64(&iter) : 0;
  bool has_text = bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_UTF8(&iter);
  return refused(link, code, has_text ? bson_iter_utf8(&iter, NULL) : "no reason given", error);
}

static bool
broke(struct link *link, struct error *error)
{
  link->broken = true;
  return error_wrap(error, "%s: %s", link->side->side, link->name);
}

static int32_t
next_request(struct link *link)
{
  link->request = link->request == INT32_MAX ? 1 : link->request + 1;
  return link->request;
}

/* Reads the body, unpacks it if it is compressed, and checks its own lengths. */
static bool
read_body(struct link *link, const struct wire_head *head, struct link_reply *reply, struct error *error)
{
  if (head->size > reply->capacity) {
    reply->bytes = memory_resize(reply->bytes, head->size);
    reply->capacity = head->size;
  }
  if (!stream_read(link->stream, reply->bytes, head->size, error)) {
    return false;
  }
  if (!head->packed) {
    return wire_read_reply(reply->bytes, head->size, &reply->wire, error);
  }
  if (!link->packed) {
    return error_set(error, ERROR_SOURCE, "the server's reply is compressed, which was not agreed on");
  }
  return wire_unpack(reply->bytes, head->size, &reply->unpacked, error) &&
         wire_read_reply(reply->unpacked.bytes, reply->unpacked.size, &reply->wire, error);
}

/* Sends what is in `out` and waits for its reply. */
static bool
exchange(struct link *link, struct link_reply *reply, struct error *error)
{
  uint8_t header[WIRE_HEADER_BYTES];
  struct wire_head head;
  if (link->broken) {
    return error_set(error, link->side->kind, "%s: %s: the connection broke before", link->side->side, link->name);
  }
  if (!stream_write(link->stream, link->out.bytes, link->out.size, error) ||
      !stream_read(link->stream, header, sizeof header, error) ||
      !wire_read_header(header, link->request, &head, error) || !read_body(link, &head, reply, error)) {
    return broke(link, error);
  }
  return true;
}

/* A reply that brings no documents but says why. */
static bool
check(const struct link *link, struct link_reply *reply, struct error *error)
{
  bson_t document;
  if (reply->wire.flags & WIRE_CURSOR_NOT_FOUND) {
    return refused(link, CODE_CURSOR_NOT_FOUND, "the cursor is not known any more", error);
  }
  if (reply->wire.flags & WIRE_QUERY_FAILURE) {
    if (!wire_next(&reply->wire, &document)) {
      return refused(link, 0, "the query failed, and no reason was given", error);
    }
    return refused_by(link, &document, "$err", error);
  }
  return true;
}

bool
link_query(struct link *link, const struct wire_query *query, struct link_reply *reply, struct error *error)
{
  struct wire_query sent = *query;
  sent.flags |= link->slave_ok ? WIRE_SLAVE_OK : 0;
  wire_put_query(&link->out, next_request(link), &sent);
  return exchange(link, reply, error) && check(link, reply, error);
}

bool
link_get_more(struct link *link, const char *ns, int32_t number, int64_t cursor, struct link_reply *reply,
              struct error *error)
{
  wire_put_get_more(&link->out, next_request(link), ns, number, cursor);
  return exchange(link, reply, error) && check(link, reply, error);
}

bool
link_command(struct link *link, const char *db, const bson_t *command, struct link_reply *reply, bson_t *answer,
             struct error *error)
{
  bson_iter_t iter;
  char *ns = memory_format("%s.$cmd", db);
  struct wire_query query = {.ns = ns, .number = -1, .query = command};
  bson_init(answer);
  bool ok = link_query(link, &query, reply, error);
  free(ns);
  if (!ok) {
    return false;
  }
  if (reply->wire.count != 1 || !wire_next(&reply->wire, answer)) {
    error_set(error, link->side->kind, "a command was answered with %u documents", reply->wire.count);
    return broke(link, error);
  }
  /* Documents of a batch are checked one by one, when they are decoded. */
  if (!bson_has_field(answer, "cursor") && !nesting_fits(bson_get_data(answer), answer->len)) {
    error_set(error, link->side->kind, "a command was answered with a damaged or too deeply nested document");
    error->code = CODE_INVALID_BSON;
    return broke(link, error);
  }
  return (bson_iter_init_find(&iter, answer, "ok") && bson_iter_as_bool(&iter)) ||
         refused_by(link, answer, "errmsg", error);
}

void
link_kill_cursor(struct link *link, int64_t cursor)
{
  struct error ignored;
  wire_put_kill_cursor(&link->out, next_request(link), cursor);
  if (!link->broken && !stream_write(link->stream, link->out.bytes, link->out.size, &ignored)) {
    link->broken = true;
  }
}
