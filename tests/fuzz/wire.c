/* A reply of a server before 3.6, compressed and not, and the messages of a SCRAM login. */
#include "source/legacy/wire.h"
#include "source/legacy/scram.h"
#include "tests/fuzz/input.h"

static void
walk(bson_iter_t *iter, int depth)
{
  while (bson_iter_next(iter)) {
    bson_iter_t inner;
    if (depth < 20 && (BSON_ITER_HOLDS_DOCUMENT(iter) || BSON_ITER_HOLDS_ARRAY(iter)) &&
        bson_iter_recurse(iter, &inner)) {
      walk(&inner, depth + 1);
    }
  }
}

static void
read_scram(const uint8_t *data, size_t size)
{
  struct scram scram;
  struct error ignored;
  char *text = strndup((const char *)data, size < 400 ? size : 400);
  free(scram_begin(&scram, "user", "nonce"));
  if (!strstr(text, "i=")) { /* its rounds take their time */
    scram_answer(&scram, "digest", text, &ignored);
  }
  scram_check(&scram, text, &ignored);
  scram_clear(&scram);
  free(text);
}

static void
read_reply(const uint8_t *body, size_t size)
{
  struct error ignored;
  struct wire_reply reply;
  bson_t document;
  bson_iter_t iter;
  if (wire_read_reply(body, size, &reply, &ignored)) {
    while (wire_next(&reply, &document)) {
      if (bson_iter_init(&iter, &document)) {
        walk(&iter, 0);
      }
    }
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error ignored;
  struct wire_head head;
  struct wire_message unpacked = {0};
  if (size < WIRE_HEADER_BYTES) {
    return 0;
  }
  const uint8_t *body = data + WIRE_HEADER_BYTES;
  size -= WIRE_HEADER_BYTES;
  wire_read_header(data, 1, &head, &ignored);
  read_scram(body, size);
  read_reply(body, size);
  if (wire_unpack(body, size, &unpacked, &ignored)) {
    read_reply(unpacked.bytes, unpacked.size);
  }
  wire_clear(&unpacked);
  return 0;
}
