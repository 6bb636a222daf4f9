/* A reply of a server before 3.6, and the messages of a SCRAM login. */
#include "source/wire.h"
#include "source/scram.h"
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error ignored;
  struct wire_reply reply;
  bson_t document;
  bson_iter_t iter;
  size_t body = 0;
  if (size < WIRE_HEADER_BYTES) {
    return 0;
  }
  wire_read_header(data, 1, &body, &ignored);
  read_scram(data + WIRE_HEADER_BYTES, size - WIRE_HEADER_BYTES);
  if (wire_read_reply(data + WIRE_HEADER_BYTES, size - WIRE_HEADER_BYTES, &reply, &ignored)) {
    while (wire_next(&reply, &document)) {
      if (bson_iter_init(&iter, &document)) {
        walk(&iter, 0);
      }
    }
  }
  return 0;
}
