#include "ipc/frame.h"

#include "base/memory.h"
#include "base/nesting.h"

void
frame_header(uint8_t header[FRAME_HEADER_SIZE], enum message_type type, uint32_t length)
{
  for (int i = 0; i < 4; i++) {
    header[i] = (uint8_t)(length >> (8 * i));
  }
  header[4] = (uint8_t)type;
  header[5] = (uint8_t)((unsigned)type >> 8);
  header[6] = FRAME_VERSION;
  header[7] = 0;
}

bool
frame_check(const uint8_t header[FRAME_HEADER_SIZE], enum message_sender sender, enum message_type *type,
            uint32_t *length, struct error *error)
{
  uint32_t size = header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 24;
  unsigned number = header[4] | (unsigned)header[5] << 8;
  unsigned version = header[6] | (unsigned)header[7] << 8;
  if (version != FRAME_VERSION) {
    return error_set(error, ERROR_CHILD, "bad frame: version %u, expected %d", version, FRAME_VERSION);
  }
  if (number >= MESSAGE_TYPE_COUNT) {
    return error_set(error, ERROR_CHILD, "bad frame: unknown message type %u", number);
  }
  if (message_sender((enum message_type)number) != sender) {
    return error_set(error, ERROR_CHILD, "bad frame: %s from the wrong side", message_name((enum message_type)number));
  }
  if (size < 5 || size > FRAME_DOCUMENT_MAX) {
    return error_set(error, ERROR_CHILD, "bad frame: a document of %u bytes", size);
  }
  *type = (enum message_type)number;
  *length = size;
  return true;
}

bool
frame_document(const uint8_t *bytes, uint32_t length, bson_t *document, struct error *error)
{
  if (!nesting_fits(bytes, length) || !bson_init_static(document, bytes, length) ||
      !bson_validate(document, BSON_VALIDATE_NONE, NULL)) {
    return error_set(error, ERROR_CHILD, "bad frame: not a BSON document");
  }
  return true;
}

void
frame_reader_init(struct frame_reader *reader, enum message_sender sender)
{
  *reader = (struct frame_reader){.sender = sender};
}

void
frame_reader_clear(struct frame_reader *reader)
{
  free(reader->bytes);
  frame_reader_init(reader, reader->sender);
}

void
frame_reader_feed(struct frame_reader *reader, const void *bytes, size_t size)
{
  if (reader->start > 0) {
    memmove(reader->bytes, reader->bytes + reader->start, reader->used - reader->start);
    reader->used -= reader->start;
    reader->start = 0;
  }
  if (reader->used + size > reader->capacity) {
    reader->capacity = (reader->used + size) * 2;
    reader->bytes = memory_resize(reader->bytes, reader->capacity);
  }
  if (size > 0) {
    memcpy(reader->bytes + reader->used, bytes, size);
    reader->used += size;
  }
}

int
frame_reader_next(struct frame_reader *reader, enum message_type *type, bson_t *document, struct error *error)
{
  size_t have = reader->used - reader->start;
  uint32_t length = 0;
  if (have < FRAME_HEADER_SIZE) {
    return 0;
  }
  const uint8_t *frame = reader->bytes + reader->start;
  if (!frame_check(frame, reader->sender, type, &length, error)) {
    return -1;
  }
  if (have < FRAME_HEADER_SIZE + (size_t)length) {
    return 0;
  }
  if (!frame_document(frame + FRAME_HEADER_SIZE, length, document, error)) {
    return -1;
  }
  reader->start += FRAME_HEADER_SIZE + length;
  return 1;
}

bool
frame_reader_empty(const struct frame_reader *reader)
{
  return reader->used == reader->start;
}
