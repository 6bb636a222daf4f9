#include "compare/unmatched.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct told {
  int alone[2];
  int pairs;
};

static bool
note(void *context, const struct unmatched_document *left, const struct unmatched_document *right, struct error *error)
{
  struct told *told = context;
  (void)error;
  if (right) {
    cr_assert_eq(left->side, 0);
    cr_assert_eq(right->side, 1);
    told->pairs++;
  } else {
    told->alone[left->side]++;
  }
  return true;
}

static int
give(struct unmatched *unmatched, int side, int number, uint8_t digest)
{
  uint8_t key[64] = {0};
  struct error error;
  struct unmatched_document other;
  snprintf((char *)key, sizeof key, "%060d", number);
  struct unmatched_document document = {side, key, sizeof key, {{digest}}, number, 100};
  return unmatched_match(unmatched, &document, &other, &error);
}

static struct told
end(struct unmatched *unmatched)
{
  struct told told = {{0}, 0};
  struct error error;
  cr_assert(unmatched_end(unmatched, note, &told, &error), "%s", error.text);
  unmatched_free(unmatched);
  return told;
}

static struct unmatched *
make(size_t memory_most, bool unique)
{
  struct unmatched_settings settings = {memory_most, "/tmp", unique};
  return unmatched_new(&settings);
}

Test(unmatched, an_id_that_is_there_once_belongs_to_the_other_one_whatever_its_bytes)
{
  struct unmatched *unmatched = make(1 << 20, true);
  cr_assert_eq(give(unmatched, 0, 1, 1), 0);
  cr_assert_eq(give(unmatched, 1, 2, 1), 0);
  cr_assert_eq(give(unmatched, 1, 1, 2), 1);
  struct told told = end(unmatched);
  cr_assert_eq(told.alone[0], 0);
  cr_assert_eq(told.alone[1], 1);
  cr_assert_eq(told.pairs, 0);
}

Test(unmatched, repeated_ids_find_their_equal)
{
  struct unmatched *unmatched = make(1 << 20, false);
  cr_assert_eq(give(unmatched, 0, 1, 1), 0);
  cr_assert_eq(give(unmatched, 0, 1, 2), 0);
  cr_assert_eq(give(unmatched, 0, 1, 3), 0);
  cr_assert_eq(give(unmatched, 1, 1, 2), 1);
  cr_assert_eq(give(unmatched, 1, 1, 9), 0);
  struct told told = end(unmatched);
  cr_assert_eq(told.pairs, 1);
  cr_assert_eq(told.alone[0], 1);
  cr_assert_eq(told.alone[1], 0);
}

/* Source: 0 to 999. Target, backwards: 1 to 1000; every hundredth is different. */
static void
check_many(size_t memory_most, bool unique, bool spills)
{
  struct unmatched *unmatched = make(memory_most, unique);
  int different = 0;
  for (int i = 0; i < 1000; i++) {
    give(unmatched, 0, i, 1);
  }
  for (int i = 1000; i > 0; i--) {
    different += i % 100 == 0;
    give(unmatched, 1, i, i % 100 == 0 ? 2 : 1);
  }
  cr_assert_eq(unmatched_spilled(unmatched), spills);
  struct told told = end(unmatched);
  cr_assert_eq(told.alone[0], 1);
  cr_assert_eq(told.alone[1], 1);
  cr_assert_eq(told.pairs, spills || !unique ? different - 1 : 0);
}

Test(unmatched, many_in_memory)
{
  check_many(1 << 20, true, false);
  check_many(1 << 20, false, false);
}

Test(unmatched, what_is_more_than_the_memory_takes_goes_to_a_file)
{
  check_many(10000, true, true);
  check_many(10000, false, true);
}

Test(unmatched, a_folder_that_is_not_there_is_an_error)
{
  struct unmatched_settings settings = {100, "/nowhere", true};
  struct unmatched *unmatched = unmatched_new(&settings);
  cr_assert_eq(give(unmatched, 0, 1, 1), -1);
  unmatched_free(unmatched);
}
