#include "server/message_check.h"

#include <string.h>

#define HEADER 16
#define MSG_FLAGS_END (HEADER + 4)
#define REPLY_HEADER 36
#define REPLY_COUNT_AT 32
#define COMPRESSED_HEADER 25
#define DOCUMENT_LEAST 5

enum { OP_REPLY = 1, OP_COMPRESSED = 2012, OP_MSG = 2013 };
enum { SECTION_BODY = 0, SECTION_SEQUENCE = 1 };
/* A checksum and further answers are sent to those who ask. Others of these must be refused. */
#define MSG_FLAGS_REFUSED 0xffff

static uint32_t
number_at(const uint8_t *bytes)
{
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The size of the document that begins here, or 0 if it does not end within these bytes. */
static size_t
document_size(const uint8_t *bytes, size_t left)
{
  size_t size = left < DOCUMENT_LEAST ? 0 : number_at(bytes);
  return size < DOCUMENT_LEAST || size > left ? 0 : size;
}

/* Documents up to the end of these bytes. */
static bool
are_documents(const uint8_t *bytes, size_t left, uint32_t *count)
{
  for (*count = 0; left > 0; ++*count) {
    size_t size = document_size(bytes, left);
    if (size == 0) {
      return false;
    }
    bytes += size;
    left -= size;
  }
  return true;
}

/* A section of kind 1 without its first byte: its size, a name, documents. */
static bool
is_sequence(const uint8_t *bytes, size_t left)
{
  uint32_t count;
  if (left < sizeof(uint32_t) || number_at(bytes) != left) {
    return false;
  }
  const uint8_t *name = bytes + sizeof(uint32_t);
  const uint8_t *end = memchr(name, 0, left - sizeof(uint32_t));
  return end && are_documents(end + 1, (size_t)(bytes + left - (end + 1)), &count);
}

/* The body first, as libmongoc expects, and one sequence at most. No server has sent one yet. */
static bool
is_sound_msg(const uint8_t *bytes, size_t size)
{
  if (size <= MSG_FLAGS_END || number_at(bytes + HEADER) & MSG_FLAGS_REFUSED || bytes[MSG_FLAGS_END] != SECTION_BODY) {
    return false;
  }
  const uint8_t *body = bytes + MSG_FLAGS_END + 1;
  size_t left = size - MSG_FLAGS_END - 1;
  size_t body_size = document_size(body, left);
  if (body_size == 0 || body_size == left) {
    return body_size > 0;
  }
  return body[body_size] == SECTION_SEQUENCE && is_sequence(body + body_size + 1, left - body_size - 1);
}

static bool
is_sound_reply(const uint8_t *bytes, size_t size)
{
  uint32_t count;
  return size >= REPLY_HEADER && are_documents(bytes + REPLY_HEADER, size - REPLY_HEADER, &count) &&
         number_at(bytes + REPLY_COUNT_AT) == count;
}

/* What is packed has no header of its own. */
static bool
is_sound_compressed(const uint8_t *bytes, size_t size)
{
  if (size <= COMPRESSED_HEADER) {
    return false;
  }
  uint32_t opcode = number_at(bytes + HEADER);
  return (opcode == OP_MSG || opcode == OP_REPLY) && number_at(bytes + HEADER + 4) <= MESSAGE_SIZE_MOST - HEADER;
}

bool
message_is_sound(const uint8_t *bytes, size_t size)
{
  if (size < HEADER || size > MESSAGE_SIZE_MOST || number_at(bytes) != size) {
    return false;
  }
  switch (number_at(bytes + 12)) {
  case OP_MSG:
    return is_sound_msg(bytes, size);
  case OP_REPLY:
    return is_sound_reply(bytes, size);
  case OP_COMPRESSED:
    return is_sound_compressed(bytes, size);
  default:
    return false;
  }
}
