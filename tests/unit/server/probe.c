#include "server/probe.h"

#include <criterion/criterion.h>

static double
lag_of(const char *json)
{
  bson_t reply;
  cr_assert(bson_init_from_json(&reply, json, -1, NULL));
  double lag_s = probe_lag_of_status(&reply);
  bson_destroy(&reply);
  return lag_s;
}

#define MEMBER(state, ms) "{\"state\": " #state ", \"optimeDate\": {\"$date\": {\"$numberLong\": \"" #ms "\"}}}"

Test(probe, the_slowest_secondary_that_is_up_counts)
{
  cr_assert_eq(
    lag_of("{\"members\": [" MEMBER(1, 100000) "," MEMBER(2, 98000) "," MEMBER(2, 93000) "," MEMBER(8, 0) "]}"), 7);
  cr_assert_eq(lag_of("{\"members\": [" MEMBER(1, 100000) "]}"), 0);
  cr_assert_eq(lag_of("{\"members\": [" MEMBER(2, 100000) "," MEMBER(1, 99000) "]}"), 0);
}

Test(probe, without_a_primary_nothing_is_known)
{
  cr_assert_eq(lag_of("{\"members\": [" MEMBER(2, 100000) "]}"), -1);
  cr_assert_eq(lag_of("{\"members\": [7]}"), -1);
  cr_assert_eq(lag_of("{\"members\": 7}"), -1);
  cr_assert_eq(lag_of("{}"), -1);
}
