#include <criterion/criterion.h>

#include "source/catalog/split.h"

static void
add(struct split_points *points, const bson_t *document)
{
  bson_iter_t iter;
  cr_assert(bson_iter_init_find(&iter, document, "_id"));
  split_add(points, &iter);
}

Test(split, points_keep_every_type_and_the_servers_order)
{
  struct split_points points = {.method = "test"};
  bson_oid_t oid;
  bson_oid_init(&oid, NULL);
  bson_t *ids[] = {BCON_NEW("_id", BCON_MINKEY),        BCON_NEW("_id", BCON_NULL),
                   BCON_NEW("_id", BCON_INT32(1)),      BCON_NEW("_id", BCON_DOUBLE(1.5)),
                   BCON_NEW("_id", BCON_UTF8("")),      BCON_NEW("_id", "{", "a", BCON_INT32(1), "}"),
                   BCON_NEW("_id", BCON_OID(&oid)),     BCON_NEW("_id", BCON_BOOL(false)),
                   BCON_NEW("_id", BCON_DATE_TIME(-1)), BCON_NEW("_id", BCON_TIMESTAMP(1, 2)),
                   BCON_NEW("_id", BCON_MAXKEY)};
  size_t count = sizeof ids / sizeof *ids;
  for (size_t i = 0; i < count; i++) {
    add(&points, ids[i]);
    add(&points, ids[i]); /* a bound twice would be an empty range, which servers refuse */
  }
  cr_assert_eq(points.count, count);
  for (size_t i = 0; i < count; i++) {
    cr_assert(bson_equal(points.points[i], ids[i]));
    bson_destroy(ids[i]);
  }
  split_points_clear(&points);
}

Test(split, thinning_spreads_evenly)
{
  for (int count = 0; count < 60; count++) {
    for (size_t wanted = 0; wanted < 20; wanted++) {
      struct split_points points = {.method = "test"};
      for (int i = 0; i < count; i++) {
        bson_t *id = BCON_NEW("_id", BCON_INT32(i));
        add(&points, id);
        bson_destroy(id);
      }
      split_thin(&points, wanted);
      cr_assert_eq(points.count, wanted < (size_t)count ? wanted : (size_t)count);
      int last = -1;
      for (size_t i = 0; i < points.count; i++) {
        bson_iter_t iter;
        bson_iter_init_find(&iter, points.points[i], "_id");
        cr_assert_gt(bson_iter_int32(&iter), last);
        last = bson_iter_int32(&iter);
      }
      split_points_clear(&points);
    }
  }
}

static void
assert_times(uint32_t first, uint32_t last, int64_t ranges, size_t count)
{
  struct split_points points = {.method = "test"};
  bson_oid_t from;
  bson_oid_t to;
  char text[25];
  snprintf(text, sizeof text, "%08x0000000000000001", first);
  bson_oid_init_from_string(&from, text);
  snprintf(text, sizeof text, "%08xffffffffffffffff", last);
  bson_oid_init_from_string(&to, text);
  split_by_time(&points, &from, &to, ranges);
  cr_assert_eq(points.count, count);
  for (size_t i = 0; i < points.count; i++) {
    bson_iter_t iter;
    bson_iter_init_find(&iter, points.points[i], "_id");
    cr_assert(bson_oid_compare(bson_iter_oid(&iter), &from) > 0);
    cr_assert(bson_oid_compare(bson_iter_oid(&iter), &to) <= 0);
    bson_oid_copy(bson_iter_oid(&iter), &from);
  }
  split_points_clear(&points);
}

Test(split, points_of_buckets_are_even_in_time_and_ascend)
{
  assert_times(1000, 2000, 10, 9);
  assert_times(1000, 1003, 16384, 2);
  assert_times(1000, 1000, 5, 0);
  assert_times(0, UINT32_MAX, 16384, 16383);
  assert_times(0x7ffffff0, 0x80000010, 4, 3);
  assert_times(2000, 1000, 4, 0);
}
