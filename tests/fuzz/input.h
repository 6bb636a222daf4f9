/*
 * Takes a fuzzer's input apart. Each piece lies in memory of its own size, so that the sanitizers see every step
 * beyond it.
 */
#ifndef FERRY_TESTS_FUZZ_INPUT_H
#define FERRY_TESTS_FUZZ_INPUT_H

#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
  const uint8_t *bytes;
  size_t left;
};

static inline uint8_t
input_byte(struct input *input)
{
  if (input->left == 0) {
    return 0;
  }
  input->left--;
  return *input->bytes++;
}

/*
 * The next document, in memory that is the caller's to free; NULL at the end. Only its length and its last byte are put
 * right, as the driver checks no more of what it was sent.
 */
static inline uint8_t *
input_document(struct input *input, bson_t *document)
{
  uint32_t length = 0;
  if (input->left < 5) {
    return NULL;
  }
  memcpy(&length, input->bytes, sizeof length);
  length = BSON_UINT32_FROM_LE(length);
  if (length < 5 || length > input->left) {
    length = (uint32_t)input->left;
  }
  uint8_t *own = malloc(length);
  memcpy(own, input->bytes, length);
  uint32_t written = BSON_UINT32_TO_LE(length);
  memcpy(own, &written, sizeof written);
  own[length - 1] = 0;
  input->bytes += length;
  input->left -= length;
  if (!bson_init_static(document, own, length)) {
    free(own);
    return NULL;
  }
  return own;
}

/* The next line, the caller's; "" at the end. */
static inline char *
input_line(struct input *input)
{
  const uint8_t *end = input->left ? memchr(input->bytes, '\n', input->left) : NULL;
  size_t length = end ? (size_t)(end - input->bytes) : input->left;
  char *line = calloc(1, length + 1);
  if (length > 0) {
    memcpy(line, input->bytes, length);
  }
  length += end != NULL;
  input->bytes += length;
  input->left -= length;
  return line;
}

/* For files: in memory where that can be, as targets sync them. */
static inline const char *
input_folder(void)
{
  return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* Bugs of ours, not of the input: the fuzzer shows what led to them. */
#define INPUT_ASSERT(condition)                                                                                        \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

#endif
