/* The old wire protocol: what is sent, byte for byte, and what is not believed of what comes. */
#include <criterion/criterion.h>
#include <snappy-c.h>
#include <string.h>

#include "source/legacy/wire.h"

static struct error why;

/* A reply's body of these documents; `count` is what it says of their number. */
static uint8_t *
body_of(const bson_t *const *documents, size_t number, int32_t count, size_t *size)
{
  *size = 20;
  for (size_t i = 0; i < number; i++) {
    *size += documents[i]->len;
  }
  uint8_t *body = calloc(1, *size);
  body[4] = 7; /* the cursor */
  body[16] = (uint8_t)count;
  size_t at = 20;
  for (size_t i = 0; i < number; i++) {
    memcpy(body + at, bson_get_data(documents[i]), documents[i]->len);
    at += documents[i]->len;
  }
  return body;
}

Test(wire, query)
{
  bson_t *query = BCON_NEW("a", BCON_INT32(1));
  struct wire_message message = {0};
  struct wire_query sent = {.ns = "d.c", .flags = WIRE_SLAVE_OK, .skip = 2, .number = -1, .query = query};
  wire_put_query(&message, 9, &sent);
  static const uint8_t expected[] = {44,   0,    0,  0, 9, 0,   0,   0,   0, 0, 0, 0, 0xd4, 7,    0,
                                     0,    4,    0,  0, 0, 'd', '.', 'c', 0, 2, 0, 0, 0,    0xff, 0xff,
                                     0xff, 0xff, 12, 0, 0, 0,   16,  'a', 0, 1, 0, 0, 0,    0};
  cr_assert_eq(message.size, sizeof expected);
  cr_assert(memcmp(message.bytes, expected, sizeof expected) == 0);
  sent.fields = query;
  wire_put_query(&message, 9, &sent);
  cr_assert_eq(message.size, sizeof expected + 12);
  cr_assert_eq(message.bytes[0], sizeof expected + 12);
  wire_clear(&message);
  bson_destroy(query);
}

Test(wire, get_more_and_kill)
{
  struct wire_message message = {0};
  static const uint8_t more[] = {36, 0, 0,   0,   5,   0, 0, 0, 0, 0, 0, 0, 0xd5, 7, 0, 0, 0, 0,
                                 0,  0, 'd', '.', 'c', 0, 3, 0, 0, 0, 8, 7, 6,    5, 4, 3, 2, 1};
  static const uint8_t kill[] = {32, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0xd7, 7, 0, 0,
                                 0,  0, 0, 0, 1, 0, 0, 0, 8, 7, 6, 5, 4,    3, 2, 1};
  wire_put_get_more(&message, 5, "d.c", 3, 0x0102030405060708);
  cr_assert_eq(message.size, sizeof more);
  cr_assert(memcmp(message.bytes, more, sizeof more) == 0);
  wire_put_kill_cursor(&message, 6, 0x0102030405060708);
  cr_assert_eq(message.size, sizeof kill);
  cr_assert(memcmp(message.bytes, kill, sizeof kill) == 0);
  wire_clear(&message);
}

static bool
header_is_taken(int32_t length, int32_t request, int32_t answers, int32_t opcode)
{
  int32_t fields[4] = {length, 77, answers, opcode};
  uint8_t header[WIRE_HEADER_BYTES];
  struct wire_head head;
  for (size_t i = 0; i < 4; i++) {
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)fields[i]);
    memcpy(header + i * 4, &little, 4);
  }
  bool ok = wire_read_header(header, request, &head, &why);
  cr_assert(!ok || head.size == (size_t)length - 16);
  cr_assert(!ok || head.packed == (opcode == 2012));
  cr_assert(ok || (why.kind == ERROR_SOURCE && why.code == 0));
  return ok;
}

Test(wire, header)
{
  cr_assert(header_is_taken(36, 3, 3, 1));
  cr_assert(header_is_taken(48000000, 3, 3, 1));
  cr_assert_not(header_is_taken(35, 3, 3, 1));
  cr_assert_not(header_is_taken(0, 3, 3, 1));
  cr_assert_not(header_is_taken(-1, 3, 3, 1));
  cr_assert_not(header_is_taken(INT32_MIN, 3, 3, 1));
  cr_assert_not(header_is_taken(INT32_MAX, 3, 3, 1));
  cr_assert_not(header_is_taken(36, 3, 4, 1));
  cr_assert_not(header_is_taken(36, 3, 3, 2013));
  cr_assert(header_is_taken(26, 3, 3, 2012));
  cr_assert_not(header_is_taken(25, 3, 3, 2012));
  cr_assert_not(header_is_taken(26, 3, 4, 2012));
  cr_assert_not(header_is_taken(INT32_MAX, 3, 3, 2012));
}

/* A compressed body: kind, size and compressor as they are said to be, then what snappy makes of `plain`. */
static uint8_t *
packed_of(const uint8_t *plain, size_t plain_size, int32_t opcode, int32_t told, uint8_t compressor, size_t *size)
{
  size_t length = snappy_max_compressed_length(plain_size);
  uint8_t *packed = calloc(1, 9 + length);
  uint32_t fields[2] = {BSON_UINT32_TO_LE((uint32_t)opcode), BSON_UINT32_TO_LE((uint32_t)told)};
  memcpy(packed, fields, sizeof fields);
  packed[8] = compressor;
  cr_assert_eq(snappy_compress((const char *)plain, plain_size, (char *)packed + 9, &length), SNAPPY_OK);
  *size = 9 + length;
  return packed;
}

static bool
is_unpacked(int32_t opcode, int32_t told, uint8_t compressor)
{
  static const uint8_t plain[1000] = {1, 2, 3};
  struct wire_message body = {0};
  size_t size;
  uint8_t *packed = packed_of(plain, sizeof plain, opcode, told, compressor, &size);
  bool ok = wire_unpack(packed, size, &body, &why);
  cr_assert(!ok || (body.size == sizeof plain && memcmp(body.bytes, plain, sizeof plain) == 0));
  cr_assert(ok || (why.kind == ERROR_SOURCE && why.code == 0));
  wire_clear(&body);
  free(packed);
  return ok;
}

Test(wire, compressed)
{
  static const int32_t sizes[] = {0, 1, 19, 999, 1001, 100000, -1, INT32_MIN, INT32_MAX};
  cr_assert(is_unpacked(1, 1000, 1));
  cr_assert_not(is_unpacked(1, 1000, 0)); /* not compressed at all, and zlib: neither was offered */
  cr_assert_not(is_unpacked(1, 1000, 2));
  cr_assert_not(is_unpacked(2012, 1000, 1)); /* compressed twice */
  cr_assert_not(is_unpacked(2013, 1000, 1));
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    cr_assert_not(is_unpacked(1, sizes[i], 1), "size %d", sizes[i]);
  }
}

/* Cut off anywhere, or with any byte changed, nothing is read or written beyond the ends (the sanitizers look). */
Test(wire, compressed_and_damaged)
{
  uint8_t plain[600];
  struct wire_message body = {0};
  size_t size;
  for (size_t i = 0; i < sizeof plain; i++) {
    plain[i] = (uint8_t)(i % 7 * (i / 100));
  }
  uint8_t *packed = packed_of(plain, sizeof plain, 1, sizeof plain, 1, &size);
  for (size_t at = 0; at < size; at++) {
    uint8_t *changed = malloc(size);
    memcpy(changed, packed, at);
    cr_assert_not(wire_unpack(changed, at, &body, &why), "%zu bytes", at);
    memcpy(changed, packed, size);
    changed[at] ^= 0xff;
    wire_unpack(changed, size, &body, &why);
    free(changed);
  }
  /* what it says of itself is far more than what a message may have */
  memcpy(packed + 9, "\xff\xff\xff\xff\x07", 5);
  memset(packed + 4, 0x7f, 4);
  cr_assert_not(wire_unpack(packed, size, &body, &why));
  cr_assert_leq(body.capacity, 1024);
  wire_clear(&body);
  free(packed);
}

Test(wire, reply)
{
  bson_t *first = BCON_NEW("a", BCON_INT32(1));
  bson_t *second = BCON_NEW("b", BCON_UTF8("text"));
  const bson_t *documents[] = {first, second};
  struct wire_reply reply;
  bson_t got;
  size_t size;
  uint8_t *body = body_of(documents, 2, 2, &size);
  cr_assert(wire_read_reply(body, size, &reply, &why));
  cr_assert_eq(reply.cursor, 7);
  cr_assert_eq(reply.count, 2);
  cr_assert(wire_next(&reply, &got));
  cr_assert(bson_equal(&got, first));
  cr_assert(wire_next(&reply, &got));
  cr_assert(bson_equal(&got, second));
  cr_assert_not(wire_next(&reply, &got));
  free(body);
  bson_destroy(first);
  bson_destroy(second);
}

/* Cut off anywhere, it is refused, and nothing beyond the end is read (the sanitizers look). */
Test(wire, cut_short)
{
  bson_t *document = BCON_NEW("a", BCON_INT32(1), "b", "{", "c", BCON_UTF8("text"), "}");
  const bson_t *documents[] = {document, document};
  size_t size;
  uint8_t *body = body_of(documents, 2, 2, &size);
  for (size_t cut = 0; cut < size; cut++) {
    struct wire_reply reply;
    uint8_t *shorter = malloc(cut ? cut : 1);
    memcpy(shorter, body, cut);
    cr_assert_not(wire_read_reply(shorter, cut, &reply, &why), "%zu bytes", cut);
    free(shorter);
  }
  free(body);
  bson_destroy(document);
}

static void
set_size(uint8_t *body, int32_t size)
{
  uint32_t little = BSON_UINT32_TO_LE((uint32_t)size);
  memcpy(body + 20, &little, 4);
}

Test(wire, wrong_sizes)
{
  static const int32_t sizes[] = {0, 1, 4, 11, 13, 1000, -1, INT32_MIN, INT32_MAX};
  bson_t *document = BCON_NEW("a", BCON_INT32(1));
  const bson_t *documents[] = {document};
  struct wire_reply reply;
  size_t size;
  uint8_t *body = body_of(documents, 1, 1, &size);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    set_size(body, sizes[i]);
    cr_assert_not(wire_read_reply(body, size, &reply, &why), "size %d", sizes[i]);
  }
  set_size(body, 12);
  cr_assert(wire_read_reply(body, size, &reply, &why));
  body[31] = 1; /* the document's closing NUL */
  cr_assert_not(wire_read_reply(body, size, &reply, &why));
  free(body);
  bson_destroy(document);
}

Test(wire, wrong_counts)
{
  bson_t *document = BCON_NEW("a", BCON_INT32(1));
  const bson_t *documents[] = {document};
  struct wire_reply reply;
  size_t size;
  for (int32_t count = 0; count < 4; count++) {
    uint8_t *body = body_of(documents, 1, count, &size);
    cr_assert_eq(wire_read_reply(body, size, &reply, &why), count == 1);
    memset(body + 16, 0xff, 4);
    cr_assert_not(wire_read_reply(body, size, &reply, &why));
    free(body);
  }
  bson_destroy(document);
}
