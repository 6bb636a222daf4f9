/* What a majority of a set of before 3.4 holds, from what its members are said to be. */
#include <criterion/criterion.h>

#include "source/reader/majority.h"

enum state { PRIMARY = 1, SECONDARY = 2, ARBITER = 7, AWAY = 8 };

struct one {
  enum state state;
  uint32_t seconds;
};

static uint64_t
majority_of(const struct one *members, uint32_t count)
{
  bson_t status = BSON_INITIALIZER;
  bson_t list;
  BSON_APPEND_ARRAY_BEGIN(&status, "members", &list);
  for (uint32_t i = 0; i < count; i++) {
    const char *key;
    char buffer[16];
    bson_t member;
    bson_uint32_to_string(i, &key, buffer, sizeof buffer);
    BSON_APPEND_DOCUMENT_BEGIN(&list, key, &member);
    BSON_APPEND_INT32(&member, "state", (int32_t)members[i].state);
    if (members[i].state != ARBITER) {
      BSON_APPEND_TIMESTAMP(&member, "optime", members[i].seconds, 0);
    }
    if (i == 0) {
      BSON_APPEND_BOOL(&member, "self", true);
    }
    bson_append_document_end(&list, &member);
  }
  bson_append_array_end(&status, &list);
  uint64_t majority = majority_of_status(&status);
  bson_destroy(&status);
  return majority == MAJORITY_UNKNOWN ? majority : majority >> 32;
}

#define MAJORITY_OF(...)                                                                                               \
  majority_of((const struct one[]){__VA_ARGS__}, sizeof((const struct one[]){__VA_ARGS__}) / sizeof(struct one))

Test(majority, of_members)
{
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}), 30);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {SECONDARY, 20}), 20);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {SECONDARY, 10}, {SECONDARY, 20}), 20);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {AWAY, 25}, {SECONDARY, 20}), 20);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {ARBITER, 0}, {SECONDARY, 20}), 20);
}

/* No write there can have more. */
Test(majority, with_more_arbiters_than_members)
{
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {ARBITER, 0}), 30);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {ARBITER, 0}, {ARBITER, 0}), 30);
}

/* It was taken for a server that never tells, and everything for certain. */
Test(majority, cannot_be_told_while_members_are_away)
{
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {AWAY, 30}, {AWAY, 30}), MAJORITY_UNKNOWN);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {AWAY, 30}, {ARBITER, 0}), MAJORITY_UNKNOWN);
}

/* A primary that hung: the others went on without what it has. */
Test(majority, of_others_that_went_on)
{
  cr_assert_eq(MAJORITY_OF({PRIMARY, 30}, {SECONDARY, 31}, {SECONDARY, 31}), MAJORITY_UNKNOWN);
  cr_assert_eq(MAJORITY_OF({PRIMARY, 40}, {PRIMARY, 31}, {SECONDARY, 31}), MAJORITY_UNKNOWN);
}

Test(majority, is_not_told)
{
  bson_t nothing = BSON_INITIALIZER;
  cr_assert_eq(majority_of_status(&nothing), 0);
  cr_assert_eq(majority_of(NULL, 0), 0);
}
