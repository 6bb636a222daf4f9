#include "ipc/measures.h"

#include <criterion/criterion.h>

Test(measures, arrive_as_they_were_sent)
{
  struct measures sent = {.us = {[MEASURE_READING] = 7, [MEASURE_PACE] = 9}};
  struct measures got = {.us = {[MEASURE_WRITING] = 3}};
  bson_t document = BSON_INITIALIZER;
  histogram_add(&sent.batches, 900);
  histogram_add(&sent.batches, 30000000);
  measures_take(&document, &got);
  cr_expect_eq(got.us[MEASURE_WRITING], 3); /* a message without them changes nothing */
  measures_put(&document, &sent);
  measures_take(&document, &got);
  cr_expect_eq(memcmp(&sent, &got, sizeof sent), 0);
  bson_destroy(&document);
}

Test(histogram, a_bound_belongs_to_its_bucket)
{
  struct histogram histogram = {0};
  histogram_add(&histogram, 1000);
  histogram_add(&histogram, 1001);
  histogram_add(&histogram, 10000001);
  cr_expect_eq(histogram.counts[0], 1);
  cr_expect_eq(histogram.counts[1], 1);
  cr_expect_eq(histogram.counts[HISTOGRAM_BUCKETS - 1], 1);
  cr_expect_eq(histogram.count, 3);
  cr_expect_eq(histogram.sum_us, 10002002);
}
