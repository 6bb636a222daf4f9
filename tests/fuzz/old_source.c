/*
 * A source before 3.6 that answers anything: its catalog, by queries and by commands with batches, and the parts of a
 * transaction that are fetched from its oplog.
 */
#include <sys/socket.h>

#include "applier/oplog/transactions.h"
#include "source/catalog/catalog.h"
#include "source/catalog/selection.h"
#include "source/legacy/stream.c" /* a stream over a socket pair */
#include "tests/fuzz/input.h"

/* Nobody waits here. */
#define clock_sleep_ms clock_really_sleep_ms
void clock_really_sleep_ms(int64_t ms);
#include "base/clock.c"
#undef clock_sleep_ms
void clock_sleep_ms(int64_t ms);
void
clock_sleep_ms(int64_t ms)
{
  (void)ms;
}

/* And there is no other member. */
#define members_connect no_member
#include "source/legacy/legacy.c"
#include "source/legacy/members.h"
bool
no_member(struct members *members, bool patient, struct link **link, struct server_hello *hello, struct error *error)
{
  (void)members;
  (void)patient;
  (void)link;
  *hello = (struct server_hello){0};
  return error_set(error, ERROR_SOURCE, "there is none");
}

static void
put_answers(int descriptor, struct input *input)
{
  bson_t document;
  uint8_t *bytes;
  for (int32_t number = 1; (bytes = input_document(input, &document)); number++) {
    uint8_t head[36] = {0};
    int32_t values[] = {(int32_t)(sizeof head + document.len), number, number, 1};
    memcpy(head, values, sizeof values);
    head[32] = 1;
    INPUT_ASSERT(write(descriptor, head, sizeof head) == sizeof head &&
                 write(descriptor, bson_get_data(&document), document.len) == (ssize_t)document.len);
    free(bytes);
  }
}

static bool
ignore_part(void *context, const bson_t *part, struct error *error)
{
  (void)context;
  (void)part;
  (void)error;
  return true;
}

static void
fetch_transaction(struct reader *reader)
{
  struct error error;
  struct transactions transactions = {.folder = input_folder(), .memory_most = 300, .reader = reader};
  bson_t *last = BCON_NEW("ts", BCON_TIMESTAMP(9, 1), "op", "c", "o", "{", "commitTransaction", BCON_INT32(1), "}",
                          "prevOpTime", "{", "ts", BCON_TIMESTAMP(8, 1), "t", BCON_INT64(1), "}");
  transactions_take(&transactions, last, ignore_part, NULL, &error);
  bson_destroy(last);
  transactions_clear(&transactions);
}

static void
read_catalog(struct reader *reader)
{
  struct catalog catalog;
  struct error error;
  if (catalog_read(&catalog, reader, catalog_any, NULL, &error)) {
    for (size_t i = 0; i < catalog.count; i++) {
      INPUT_ASSERT(strlen(catalog.collections[i].name) < SELECTION_COLL_SIZE);
      catalog_read_size(&catalog.collections[i], reader, &error);
    }
    catalog_clear(&catalog);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const struct server side = {.kind = ERROR_SOURCE, .side = "source"};
  struct input input = {data, size};
  int ends[2];
  if (size > 50000) { /* more than a socket takes unread */
    return 0;
  }
  uint8_t how = input_byte(&input);
  INPUT_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  put_answers(ends[1], &input);
  shutdown(ends[1], SHUT_WR);
  struct stream *stream = memory_new(sizeof *stream);
  *stream = (struct stream){.descriptor = ends[0], .socket_ms = 1000};
  struct link *link = memory_new(sizeof *link);
  *link = (struct link){.side = &side, .stream = stream, .name = memory_string("h:1")};
  struct legacy *legacy = memory_new(sizeof *legacy);
  *legacy = (struct legacy){.side = side, .link = link, .wire_version = how / 2 % 6};
  struct reader reader = {.server = side, .legacy = legacy, .wire_version = how / 2 % 6, .version = 206 + how / 2 % 6};
  reader.server.command = legacy_command;
  reader.server.context = legacy;
  if (how % 2) {
    fetch_transaction(&reader);
  } else {
    read_catalog(&reader);
  }
  link_close(legacy->link);
  link_reply_clear(&legacy->reply);
  free(legacy);
  close(ends[1]);
  return 0;
}
