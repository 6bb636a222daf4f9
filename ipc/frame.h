/*
 * Frames: how a message lies on a pipe.
 *
 *   bytes 0-3  length of the BSON document, little-endian (5 to FRAME_DOCUMENT_MAX)
 *   bytes 4-5  message type, little-endian
 *   bytes 6-7  FRAME_VERSION, little-endian: both ends are one binary, so another one means a stray writer
 *   then       the document
 *
 * Everything read is checked: a bad frame is an error, never a crash or a guess.
 */
#ifndef FERRY_IPC_FRAME_H
#define FERRY_IPC_FRAME_H

#include "ipc/message.h"

#define FRAME_HEADER_SIZE 8
#define FRAME_DOCUMENT_MAX (32u << 20)
#define FRAME_VERSION 1

/* Writes the header for a document of `length` bytes. */
void frame_header(uint8_t header[FRAME_HEADER_SIZE], enum message_type type, uint32_t length);

/* Checks a header, and sets `type` and `length`. */
bool frame_check(const uint8_t header[FRAME_HEADER_SIZE], enum message_sender sender, enum message_type *type,
                 uint32_t *length, struct error *error);

/* Checks a document's bytes; `document` points into them. */
bool frame_document(const uint8_t *bytes, uint32_t length, bson_t *document, struct error *error);

/* Cuts a stream that arrives in pieces into messages. */
struct frame_reader {
  enum message_sender sender;
  uint8_t *bytes;
  size_t used;
  size_t capacity;
  size_t start; /* of the next frame */
};

void frame_reader_init(struct frame_reader *reader, enum message_sender sender);
void frame_reader_clear(struct frame_reader *reader);
void frame_reader_feed(struct frame_reader *reader, const void *bytes, size_t size);

/*
 * The next whole message. 1: `type` and `document`, valid until the next call on the reader; 0: more bytes are needed;
 * -1: a bad frame, after which the reader is of no use.
 */
int frame_reader_next(struct frame_reader *reader, enum message_type *type, bson_t *document, struct error *error);

/* True if the stream may end here: no frame is half-read. */
bool frame_reader_empty(const struct frame_reader *reader);

#endif
