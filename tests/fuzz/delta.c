/* Diffs of updates: a document and a diff of real servers, and the same diff as SecantusDB's form. */
#include "target/replay/delta.h"
#include "tests/fuzz/input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct error error;
  bson_t document;
  bson_t diff;
  bson_t one;
  bson_t other;
  uint8_t *document_bytes = input_document(&input, &document);
  uint8_t *diff_bytes = document_bytes ? input_document(&input, &diff) : NULL;
  if (diff_bytes) {
    if (delta_apply(&document, &diff, &one, &error)) {
      bson_destroy(&one);
    } else {
      INPUT_ASSERT(error.kind == ERROR_DIVERGED);
    }
    delta_to_modifiers(&diff, &one, &other, &error);
    bson_destroy(&one);
    bson_destroy(&other);
  }
  free(document_bytes);
  free(diff_bytes);
  return 0;
}
