/*
 * Feeds a fuzz target without libFuzzer: a well-formed reply with some of its bytes changed, over and over, always the same
 * way. `fuzz_wire [rounds]`. Each input lies in memory of its own size, so that the sanitizers see every step beyond it.
 */
#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
next(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static size_t
reply(uint8_t bytes[512])
{
  bson_t *document =
    BCON_NEW("cursor", "{", "id", BCON_INT64(7), "ns", BCON_UTF8("a.b"), "firstBatch", "[", "{", "_id", BCON_INT32(1),
             "x", BCON_UTF8("r=nonceX,s=QSXCR+Q6sek8bf92,v=abcd"), "}", "]", "}", "ok", BCON_DOUBLE(1));
  memset(bytes, 0, 512);
  bytes[12] = 1;
  bytes[8] = 1;
  bytes[32] = 2;
  memcpy(bytes + 36, bson_get_data(document), document->len);
  memcpy(bytes + 36 + document->len, bson_get_data(document), document->len);
  size_t size = 36 + (size_t)document->len * 2;
  bytes[0] = (uint8_t)size;
  bytes[1] = (uint8_t)(size >> 8);
  bson_destroy(document);
  return size;
}

int
main(int argc, char **argv)
{
  long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 200000;
  uint64_t state = 88172645463325252U;
  uint8_t whole[512];
  size_t size = reply(whole);
  LLVMFuzzerTestOneInput(whole, size);
  for (long i = 0; i < rounds; i++) {
    size_t length = next(&state) % 4 ? size : next(&state) % (size + 1);
    uint8_t *input = memory_copy(whole, length ? length : 1);
    for (uint64_t changes = next(&state) % 6; changes > 0 && length > 0; changes--) {
      uint64_t value = next(&state);
      input[next(&state) % length] = (uint8_t)(value % 3 ? value >> 8 : value % 2 ? 0xff : 0);
    }
    LLVMFuzzerTestOneInput(input, length);
    free(input);
  }
  return 0;
}
