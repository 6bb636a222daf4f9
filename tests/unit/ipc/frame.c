#include <criterion/criterion.h>

#include "ipc/frame.h"

static void
make_frame(uint8_t *frame, enum message_type type, const bson_t *document)
{
  frame_header(frame, type, document->len);
  memcpy(frame + FRAME_HEADER_SIZE, bson_get_data(document), document->len);
}

Test(frame, arrives_whole_however_it_is_cut)
{
  uint8_t frame[256];
  bson_t *document = BCON_NEW("task", BCON_INT64(7));
  make_frame(frame, MESSAGE_DONE, document);
  size_t size = FRAME_HEADER_SIZE + document->len;
  for (size_t cut = 0; cut <= size; cut++) {
    struct frame_reader reader;
    struct error error;
    enum message_type type;
    bson_t got;
    frame_reader_init(&reader, CHILD);
    frame_reader_feed(&reader, frame, cut);
    if (cut < size) {
      cr_assert_eq(frame_reader_next(&reader, &type, &got, &error), 0);
      frame_reader_feed(&reader, frame + cut, size - cut);
    }
    cr_assert_eq(frame_reader_next(&reader, &type, &got, &error), 1);
    cr_assert_eq(type, MESSAGE_DONE);
    cr_assert(bson_equal(&got, document));
    cr_assert(frame_reader_empty(&reader));
    frame_reader_clear(&reader);
  }
  bson_destroy(document);
}

static void
refused(const uint8_t *bytes, size_t size)
{
  struct frame_reader reader;
  struct error error;
  enum message_type type;
  bson_t got;
  frame_reader_init(&reader, CHILD);
  frame_reader_feed(&reader, bytes, size);
  cr_assert_eq(frame_reader_next(&reader, &type, &got, &error), -1);
  cr_assert_eq(error.kind, ERROR_CHILD);
  frame_reader_clear(&reader);
}

Test(frame, bad_ones_are_refused)
{
  uint8_t frame[256] = {0};
  bson_t *document = BCON_NEW("a", BCON_INT32(1));
  make_frame(frame, MESSAGE_COPY, document);
  refused(frame, sizeof frame); /* the coordinator's, from a child */
  make_frame(frame, MESSAGE_DONE, document);
  frame[6] = 9;
  refused(frame, sizeof frame); /* another version */
  make_frame(frame, MESSAGE_DONE, document);
  frame[4] = 200;
  refused(frame, sizeof frame); /* no such type */
  make_frame(frame, MESSAGE_DONE, document);
  frame[3] = 0x7f;
  refused(frame, sizeof frame); /* a document of 2 GB */
  make_frame(frame, MESSAGE_DONE, document);
  frame[FRAME_HEADER_SIZE + 4] = 0x42;
  refused(frame, sizeof frame); /* no BSON */
  make_frame(frame, MESSAGE_DONE, document);
  frame[0] = 4;
  refused(frame, sizeof frame); /* shorter than any document */
  bson_destroy(document);
}

Test(message, an_error_crosses_a_pipe)
{
  struct error sent;
  struct error got;
  bson_t document = BSON_INITIALIZER;
  error_set(&sent, ERROR_TARGET, "no room");
  sent.code = 14031;
  message_put_error(&document, &sent);
  message_get_error(&document, &got);
  cr_assert_eq(got.kind, ERROR_TARGET);
  cr_assert_eq(got.code, 14031);
  cr_assert_str_eq(got.text, "no room");
  bson_destroy(&document);
}

Test(message, a_missing_field_is_an_error)
{
  struct error error;
  int64_t number = 5;
  bson_t document = BSON_INITIALIZER;
  cr_assert_not(message_int(&document, "task", &number, &error));
  cr_assert_eq(number, 5);
  cr_assert_eq(error.kind, ERROR_CHILD);
}
