/* What makes two oplog entries the same one. */
#include <criterion/criterion.h>

#include "source/oplog/oplog.h"

static struct optime
entry(int64_t term, int64_t hash, int64_t wall_ms)
{
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(100, 1), "op", BCON_UTF8("n"), "wall", BCON_DATE_TIME(wall_ms));
  if (term >= 0) {
    BSON_APPEND_INT64(document, "t", term);
  }
  if (hash) {
    BSON_APPEND_INT64(document, "h", hash);
  }
  struct optime optime = optime_of(document);
  bson_destroy(document);
  return optime;
}

Test(optime, entries_of_two_sets_with_one_timestamp_and_term_are_not_the_same)
{
  struct optime one = entry(1, 0, 5);
  struct optime same = entry(1, 0, 5);
  struct optime other = entry(1, 0, 6);
  cr_assert(optime_equal(&one, &same));
  cr_assert(!optime_equal(&one, &other));
}

Test(optime, hash_of_the_entry_itself_counts_where_there_is_one)
{
  struct optime one = entry(1, 7, 5);
  struct optime same = entry(1, 7, 6);
  struct optime other = entry(1, 8, 5);
  cr_assert(optime_equal(&one, &same));
  cr_assert(!optime_equal(&one, &other));
}

Test(optime, kept_and_read_again)
{
  bson_t kept = BSON_INITIALIZER;
  struct optime one = entry(1, 0, 5);
  optime_put(&kept, &one);
  struct optime back = optime_of(&kept);
  cr_assert(back.hash != 0 && optime_equal(&one, &back));
  bson_destroy(&kept);
}

Test(optime, bookmark_of_before_there_was_a_hash)
{
  struct optime one = entry(1, 0, 5);
  struct optime older = {.ts = one.ts, .term = one.term};
  cr_assert(optime_equal(&one, &older));
}

Test(optime, entries_without_a_term_are_known_by_their_timestamp)
{
  cr_assert_eq(entry(-1, 0, 5).hash, 0);
}
