#include "source/legacy/wire.h"

#include <snappy-c.h>
#include <string.h>

#include "base/memory.h"

#define REPLY_BYTES 20 /* flags, cursor, startingFrom, numberReturned */
#define PACKED_BYTES 9 /* kind and size of what is compressed, compressor */
#define SNAPPY 1
#define DOCUMENT_LEAST 5

enum opcode { OP_REPLY = 1, OP_QUERY = 2004, OP_GET_MORE = 2005, OP_KILL_CURSORS = 2007, OP_COMPRESSED = 2012 };

void
wire_clear(struct wire_message *message)
{
  free(message->bytes);
  *message = (struct wire_message){0};
}

static void
make_room(struct wire_message *message, size_t size)
{
  while (message->size + size > message->capacity) {
    message->capacity = message->capacity ? message->capacity * 2 : 1024;
    message->bytes = memory_resize(message->bytes, message->capacity);
  }
}

static void
put(struct wire_message *message, const void *bytes, size_t size)
{
  make_room(message, size);
  memcpy(message->bytes + message->size, bytes, size);
  message->size += size;
}

static void
put_int32(struct wire_message *message, int32_t value)
{
  uint32_t little = BSON_UINT32_TO_LE((uint32_t)value);
  put(message, &little, sizeof little);
}

static void
put_int64(struct wire_message *message, int64_t value)
{
  uint64_t little = BSON_UINT64_TO_LE((uint64_t)value);
  put(message, &little, sizeof little);
}

static void
begin(struct wire_message *message, int32_t request, enum opcode opcode)
{
  message->size = 0;
  put_int32(message, 0); /* the length: see end */
  put_int32(message, request);
  put_int32(message, 0);
  put_int32(message, opcode);
}

static void
end(struct wire_message *message)
{
  uint32_t little = BSON_UINT32_TO_LE((uint32_t)message->size);
  memcpy(message->bytes, &little, sizeof little);
}

void
wire_put_query(struct wire_message *message, int32_t request, const struct wire_query *query)
{
  begin(message, request, OP_QUERY);
  put_int32(message, query->flags);
  put(message, query->ns, strlen(query->ns) + 1);
  put_int32(message, query->skip);
  put_int32(message, query->number);
  put(message, bson_get_data(query->query), query->query->len);
  if (query->fields) {
    put(message, bson_get_data(query->fields), query->fields->len);
  }
  end(message);
}

void
wire_put_get_more(struct wire_message *message, int32_t request, const char *ns, int32_t number, int64_t cursor)
{
  begin(message, request, OP_GET_MORE);
  put_int32(message, 0);
  put(message, ns, strlen(ns) + 1);
  put_int32(message, number);
  put_int64(message, cursor);
  end(message);
}

void
wire_put_kill_cursor(struct wire_message *message, int32_t request, int64_t cursor)
{
  begin(message, request, OP_KILL_CURSORS);
  put_int32(message, 0);
  put_int32(message, 1);
  put_int64(message, cursor);
  end(message);
}

static int32_t
int32_at(const uint8_t *bytes)
{
  uint32_t little;
  memcpy(&little, bytes, sizeof little);
  return (int32_t)BSON_UINT32_FROM_LE(little);
}

static int64_t
int64_at(const uint8_t *bytes)
{
  uint64_t little;
  memcpy(&little, bytes, sizeof little);
  return (int64_t)BSON_UINT64_FROM_LE(little);
}

bool
wire_read_header(const uint8_t header[WIRE_HEADER_BYTES], int32_t request, struct wire_head *head, struct error *error)
{
  int32_t length = int32_at(header);
  int32_t opcode = int32_at(header + 12);
  head->packed = opcode == OP_COMPRESSED;
  if (length <= WIRE_HEADER_BYTES + (head->packed ? PACKED_BYTES : REPLY_BYTES - 1) || length > WIRE_MESSAGE_MOST) {
    return error_set(error, ERROR_SOURCE, "the server's message says it has %d bytes", length);
  }
  if (opcode != OP_REPLY && !head->packed) {
    return error_set(error, ERROR_SOURCE, "the server answered with a message of kind %d", opcode);
  }
  if (int32_at(header + 8) != request) {
    return error_set(error, ERROR_SOURCE, "the server answered another request than the last one");
  }
  head->size = (size_t)length - WIRE_HEADER_BYTES;
  return true;
}

bool
wire_unpack(const uint8_t *packed, size_t size, struct wire_message *body, struct error *error)
{
  if (size <= PACKED_BYTES) {
    return error_set(error, ERROR_SOURCE, "the server's compressed message is cut short");
  }
  const char *data = (const char *)packed + PACKED_BYTES;
  int32_t opcode = int32_at(packed);
  int32_t told = int32_at(packed + 4);
  uint8_t compressor = packed[8];
  size_t real = 0;
  if (opcode != OP_REPLY || compressor != SNAPPY) {
    return error_set(error, ERROR_SOURCE, "the server answered with a message of kind %d, compressed by %u", opcode,
                     compressor);
  }
  if (told < REPLY_BYTES || told > WIRE_MESSAGE_MOST - WIRE_HEADER_BYTES ||
      snappy_uncompressed_length(data, size - PACKED_BYTES, &real) != SNAPPY_OK || real != (size_t)told) {
    return error_set(error, ERROR_SOURCE, "the server's compressed message says it has %d bytes, and has not", told);
  }
  body->size = 0;
  make_room(body, real);
  if (snappy_uncompress(data, size - PACKED_BYTES, (char *)body->bytes, &real) != SNAPPY_OK || real != (size_t)told) {
    return error_set(error, ERROR_SOURCE, "the server's compressed message is damaged");
  }
  body->size = real;
  return true;
}

/* The size of the document that begins here, 0 if there is no whole one. */
static size_t
document_size(const uint8_t *bytes, size_t left)
{
  if (left < DOCUMENT_LEAST) {
    return 0;
  }
  int32_t size = int32_at(bytes);
  bool whole = size >= DOCUMENT_LEAST && (size_t)size <= left && bytes[size - 1] == 0;
  return whole ? (size_t)size : 0;
}

bool
wire_read_reply(const uint8_t *body, size_t size, struct wire_reply *reply, struct error *error)
{
  if (size < REPLY_BYTES) {
    return error_set(error, ERROR_SOURCE, "the server's reply is cut short");
  }
  int32_t count = int32_at(body + 16);
  *reply = (struct wire_reply){
    .flags = int32_at(body), .cursor = int64_at(body + 4), .next = body + REPLY_BYTES, .left = size - REPLY_BYTES};
  const uint8_t *at = reply->next;
  size_t left = reply->left;
  while (left > 0) {
    size_t document = document_size(at, left);
    if (document == 0) {
      return error_set(error, ERROR_SOURCE, "a document in the server's reply is damaged");
    }
    at += document;
    left -= document;
    reply->count++;
  }
  if (count < 0 || (uint32_t)count != reply->count) {
    return error_set(error, ERROR_SOURCE, "the server's reply says it has %d documents, and has %u", count,
                     reply->count);
  }
  return true;
}

bool
wire_next(struct wire_reply *reply, bson_t *document)
{
  size_t size = document_size(reply->next, reply->left);
  if (size == 0 || !bson_init_static(document, reply->next, size)) {
    return false;
  }
  reply->next += size;
  reply->left -= size;
  return true;
}
