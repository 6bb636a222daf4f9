/* What arrives on a pipe, in pieces of any size, and the fields of each message. */
#include "ipc/frame.h"
#include "tests/fuzz/input.h"

static void
read_item(const bson_t *item)
{
  struct error ignored;
  const char *text = "";
  bson_t made = BSON_INITIALIZER;
  message_text(item, "db", &text, &ignored);
  message_put_item(&made, 0, item);
  bson_destroy(&made);
}

static void
read_fields(const bson_t *document)
{
  struct error error;
  struct error again;
  int64_t number = 0;
  bson_t list;
  bson_t item;
  bson_iter_t iter;
  message_int(document, "index", &number, &error);
  message_timestamp(document, "ts");
  message_flag(document, "lost");
  if (message_document(document, "places", &list, &error)) {
    for (bool ok = bson_iter_init(&iter, &list); ok && bson_iter_next(&iter);) {
      if (message_item(&iter, &item)) {
        read_item(&item);
      }
    }
  }
  message_get_error(document, &error);
  bson_t sent = BSON_INITIALIZER;
  message_put_error(&sent, &error);
  message_get_error(&sent, &again);
  INPUT_ASSERT(again.kind == error.kind && again.code == error.code);
  bson_destroy(&sent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct frame_reader reader;
  struct error error;
  enum message_type type;
  bson_t document;
  uint8_t how = input_byte(&input);
  size_t piece = (size_t)(how >> 1) + 1;
  int got = 0;
  frame_reader_init(&reader, how & 1 ? CHILD : COORDINATOR);
  while (got >= 0 && input.left > 0) {
    size_t now = piece < input.left ? piece : input.left;
    frame_reader_feed(&reader, input.bytes, now);
    input.bytes += now;
    input.left -= now;
    while ((got = frame_reader_next(&reader, &type, &document, &error)) == 1) {
      INPUT_ASSERT(message_sender(type) == reader.sender);
      read_fields(&document);
    }
  }
  frame_reader_clear(&reader);
  return 0;
}
