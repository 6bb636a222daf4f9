/* Lengths in messages: each sound one is taken, and no other one leads out of its bytes (ASan looks at each read). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/message_check.h"

#define ROUNDS 200000
#define HEADER(size, ...) size, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, __VA_ARGS__
#define MSG 0xdd, 7, 0, 0
#define REPLY 1, 0, 0, 0
#define COMPRESSED 0xdc, 7, 0, 0
#define QUERY 0xd4, 7, 0, 0
#define EMPTY 5, 0, 0, 0, 0
#define REPLY_FIELDS(count) 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count, 0, 0, 0
#define CASE(sound, ...)                                                                                               \
  {                                                                                                                    \
#__VA_ARGS__, sound, sizeof((uint8_t[]){__VA_ARGS__}),                                                             \
    {                                                                                                                  \
      __VA_ARGS__                                                                                                      \
    }                                                                                                                  \
  }

struct message {
  const char *text;
  bool sound;
  size_t size;
  uint8_t bytes[64];
};

static const struct message messages[] = {
  CASE(true, HEADER(26, MSG), 0, 0, 0, 0, 0, EMPTY),
  CASE(true, HEADER(38, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 11, 0, 0, 0, 'a', 0, EMPTY),
  CASE(true, HEADER(33, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 6, 0, 0, 0, 'a', 0),
  CASE(true, HEADER(36, REPLY), REPLY_FIELDS(0)),
  CASE(true, HEADER(41, REPLY), REPLY_FIELDS(1), EMPTY),
  CASE(true, HEADER(46, REPLY), REPLY_FIELDS(2), EMPTY, EMPTY),
  CASE(true, HEADER(26, COMPRESSED), MSG, 10, 0, 0, 0, 1, 7),
  CASE(false, HEADER(16, MSG)),
  CASE(false, HEADER(20, MSG), 0, 0, 0, 0),
  CASE(false, HEADER(21, MSG), 0, 0, 0, 0, 0),
  CASE(false, HEADER(25, MSG), 0, 0, 0, 0, 0, EMPTY),
  CASE(false, HEADER(27, MSG), 0, 0, 0, 0, 0, EMPTY),
  CASE(false, HEADER(26, REPLY), 0, 0, 0, 0, 0, EMPTY),
  CASE(false, HEADER(26, QUERY), 0, 0, 0, 0, 0, EMPTY),
  CASE(false, HEADER(26, MSG), 1, 0, 0, 0, 0, EMPTY),
  CASE(false, HEADER(26, MSG), 0, 0, 0, 0, 0, 6, 0, 0, 0, 0),
  CASE(false, HEADER(26, MSG), 0, 0, 0, 0, 0, 4, 0, 0, 0, 0),
  CASE(false, HEADER(26, MSG), 0, 0, 0, 0, 0, 5, 0, 0, 0x80, 0),
  CASE(false, HEADER(26, MSG), 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0),
  CASE(false, HEADER(27, MSG), 0, 0, 0, 0, 0, EMPTY, 1),
  CASE(false, HEADER(32, MSG), 0, 0, 0, 0, 0, EMPTY, 0, EMPTY),
  CASE(false, HEADER(33, MSG), 0, 0, 0, 0, 1, 6, 0, 0, 0, 'a', 0, 0, EMPTY),
  CASE(false, HEADER(38, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 12, 0, 0, 0, 'a', 0, EMPTY),
  CASE(false, HEADER(38, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 3, 0, 0, 0, 'a', 0, EMPTY),
  CASE(false, HEADER(38, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 11, 0, 0, 0, 'a', 'a', 'a', 'a', 'a', 'a', 'a'),
  CASE(false, HEADER(37, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 10, 0, 0, 0, 'a', 0, 5, 0, 0, 0),
  CASE(false, HEADER(40, MSG), 0, 0, 0, 0, 0, EMPTY, 1, 6, 0, 0, 0, 'a', 0, 1, 6, 0, 0, 0, 'a', 0),
  CASE(false, HEADER(41, REPLY), REPLY_FIELDS(2), EMPTY),
  CASE(false, HEADER(41, REPLY), REPLY_FIELDS(1), 6, 0, 0, 0, 0),
  CASE(false, HEADER(41, REPLY), REPLY_FIELDS(1), 0xf8, 0xff, 0xff, 0xff, 0),
  CASE(false, HEADER(44, REPLY), REPLY_FIELDS(2), EMPTY, 3, 0, 0),
  CASE(false, HEADER(25, COMPRESSED), MSG, 10, 0, 0, 0, 1),
  CASE(false, HEADER(26, COMPRESSED), COMPRESSED, 10, 0, 0, 0, 1, 7),
  CASE(false, HEADER(26, COMPRESSED), MSG, 0, 0x6c, 0xdc, 2, 1, 7),
  CASE(false, HEADER(26, COMPRESSED), MSG, 0xff, 0xff, 0xff, 0xff, 1, 7),
};

#define MESSAGES (sizeof messages / sizeof *messages)

/* In memory of just this size. */
static bool
judged(const uint8_t *bytes, size_t size)
{
  uint8_t *copy = malloc(size + 1);
  cr_assert_not_null(copy);
  uint8_t *at = copy + 1; /* nothing is aligned */
  memcpy(at, bytes, size);
  bool sound = message_is_sound(at, size);
  free(copy);
  return sound;
}

Test(message_check, lengths_that_contradict_each_other)
{
  for (size_t i = 0; i < MESSAGES; i++) {
    cr_expect_eq(judged(messages[i].bytes, messages[i].size), messages[i].sound, "%s", messages[i].text);
  }
}

Test(message_check, a_message_that_is_cut_or_longer)
{
  uint8_t longer[80] = {0};
  for (size_t i = 0; i < MESSAGES; i++) {
    for (size_t size = 0; size < messages[i].size; size++) {
      cr_expect_not(judged(messages[i].bytes, size), "%zu: %s", size, messages[i].text);
    }
    memcpy(longer, messages[i].bytes, messages[i].size);
    cr_expect_not(judged(longer, messages[i].size + 1), "%s", messages[i].text);
  }
}

Test(message_check, a_message_of_more_than_48_mb)
{
  static const uint8_t head[] = {HEADER(0, MSG)};
  for (uint32_t size = MESSAGE_SIZE_MOST; size <= MESSAGE_SIZE_MOST + 1; size++) {
    uint8_t *bytes = calloc(size, 1);
    cr_assert_not_null(bytes);
    uint32_t body = size - 21;
    memcpy(bytes, head, sizeof head);
    memcpy(bytes, &size, sizeof size);
    memcpy(bytes + 21, &body, sizeof body);
    cr_expect_eq(message_is_sound(bytes, size), size == MESSAGE_SIZE_MOST);
    free(bytes);
  }
}

Test(message_check, damaged_messages_are_never_followed_out_of_their_bytes)
{
  const char *given = getenv("FERRY_SEED");
  unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
  printf("FERRY_SEED=%u\n", seed);
  srand(seed);
  for (int i = 0; i < ROUNDS; i++) {
    uint8_t bytes[64];
    const struct message *message = &messages[(size_t)rand() % MESSAGES];
    memcpy(bytes, message->bytes, sizeof bytes);
    for (int changes = rand() % 4; changes >= 0; changes--) {
      bytes[(size_t)rand() % message->size] = (uint8_t)(rand() % 3 ? rand() % 48 : rand());
    }
    size_t size = rand() % 2 ? message->size : bytes[0] % (sizeof bytes + 1);
    if (judged(bytes, size)) {
      cr_assert_eq(size, bytes[0]);
    }
  }
}
