/*
 * The wire protocol of servers before 3.6. Requests are OP_QUERY, OP_GET_MORE and OP_KILL_CURSORS; replies are
 * OP_REPLY, which 3.4 may compress. Pure: bytes only. S:src/mongo/db/dbmessage.h@r2.6.12,
 * S:src/mongo/util/net/message.h@r2.6.12, S:src/mongo/transport/message_compressor_manager.cpp@r3.4.23
 *
 * A server's bytes are believed only as far as they were checked: lengths against each other and against what is
 * there.
 */
#ifndef FERRY_SOURCE_LEGACY_WIRE_H
#define FERRY_SOURCE_LEGACY_WIRE_H

#include <bson/bson.h>

#include "base/error.h"

#define WIRE_HEADER_BYTES 16
#define WIRE_MESSAGE_MOST (48000000 + 65536) /* maxMessageSizeBytes of every version, and some */

enum wire_query_flag {
  WIRE_TAILABLE = 2,
  WIRE_SLAVE_OK = 4,
  WIRE_OPLOG_REPLAY = 8,
  WIRE_NO_TIMEOUT = 16,
  WIRE_AWAIT_DATA = 32
};

enum wire_reply_flag { WIRE_CURSOR_NOT_FOUND = 1, WIRE_QUERY_FAILURE = 2 };

/* A message that is being built, {0} at first. Each wire_put_... begins it anew; wire_clear frees it. */
struct wire_message {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
};

void wire_clear(struct wire_message *message);

/* `number`: documents in a batch; 0: the server's choice; negative: so many, and no cursor stays open. */
struct wire_query {
  const char *ns;
  int32_t flags;
  int32_t skip;
  int32_t number;
  const bson_t *query;
  const bson_t *fields; /* NULL: all */
};

void wire_put_query(struct wire_message *message, int32_t request, const struct wire_query *query);
void wire_put_get_more(struct wire_message *message, int32_t request, const char *ns, int32_t number, int64_t cursor);
void wire_put_kill_cursor(struct wire_message *message, int32_t request, int64_t cursor);

#define WIRE_COMPRESSOR "snappy" /* the only one of 3.4 */

/* What a reply's header says of the body behind it. */
struct wire_head {
  size_t size;
  bool packed; /* compressed: it has to go through wire_unpack first */
};

/* False if it is no reply to `request`, or its length is absurd. */
bool wire_read_header(const uint8_t header[WIRE_HEADER_BYTES], int32_t request, struct wire_head *head,
                      struct error *error);

/* Unpacks a compressed reply's body into `body`, which works as for wire_put_.... */
bool wire_unpack(const uint8_t *packed, size_t size, struct wire_message *body, struct error *error);

/* A reply's body; points into the bytes that it was read from. */
struct wire_reply {
  int32_t flags;
  int64_t cursor;
  uint32_t count; /* documents, all checked to be there in full */
  const uint8_t *next;
  size_t left;
};

bool wire_read_reply(const uint8_t *body, size_t size, struct wire_reply *reply, struct error *error);

/* The next document, a view; false at the end. */
bool wire_next(struct wire_reply *reply, bson_t *document);

#endif
