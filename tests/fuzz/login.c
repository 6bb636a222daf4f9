/*
 * The login to an old source, by each mechanism, against a server that answers anything: documents in replies of the
 * right form, or (the first byte is odd) raw bytes.
 */
#include "source/legacy/login.h"
#include "source/legacy/stream.c" /* a stream over a socket pair */
#include "tests/fuzz/input.h"

static const char *const uris[] = {
  "mongodb://u:p@h/?authMechanism=SCRAM-SHA-1", "mongodb://u:p@h/?authMechanism=MONGODB-CR",
  "mongodb://u:p@h/?authMechanism=PLAIN&authSource=$external", "mongodb://u@h/?authMechanism=MONGODB-X509"};

static void
put_reply(int descriptor, int32_t number, const bson_t *document)
{
  uint8_t head[36] = {0};
  int32_t values[] = {(int32_t)(sizeof head + document->len), number, number, 1};
  memcpy(head, values, sizeof values);
  head[32] = 1;
  INPUT_ASSERT(write(descriptor, head, sizeof head) == sizeof head &&
               write(descriptor, bson_get_data(document), document->len) == (ssize_t)document->len);
}

static void
put_answers(int descriptor, struct input *input, bool raw)
{
  bson_t document;
  uint8_t *bytes;
  if (raw) {
    INPUT_ASSERT(write(descriptor, input->bytes, input->left) == (ssize_t)input->left);
    return;
  }
  for (int32_t number = 1; (bytes = input_document(input, &document)); number++) {
    put_reply(descriptor, number, &document);
    free(bytes);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const struct server side = {.kind = ERROR_SOURCE, .side = "source"};
  struct input input = {data, size};
  struct error error;
  int ends[2];
  if (size > 50000) { /* more than a socket takes unread */
    return 0;
  }
  uint8_t how = input_byte(&input);
  INPUT_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  put_answers(ends[1], &input, how & 1);
  shutdown(ends[1], SHUT_WR);
  struct stream *stream = memory_new(sizeof *stream);
  *stream = (struct stream){.descriptor = ends[0], .socket_ms = 1000};
  struct link *link = memory_new(sizeof *link);
  *link = (struct link){.side = &side, .stream = stream, .name = memory_string("h:1")};
  mongoc_uri_t *uri = mongoc_uri_new(uris[(how >> 1) % 4]);
  login_run(link, uri, how & 8 ? 4 : 2, &error);
  mongoc_uri_destroy(uri);
  link_close(link);
  close(ends[1]);
  return 0;
}
