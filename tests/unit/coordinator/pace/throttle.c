#include "coordinator/pace/throttle.h"

#include <criterion/criterion.h>

static bool
change(struct throttle *throttle, const char *json)
{
  struct error error;
  bson_t document;
  if (!bson_init_from_json(&document, json, -1, NULL)) {
    return false;
  }
  bool ok = throttle_change(throttle, &document, &error);
  bson_destroy(&document);
  return ok;
}

Test(throttle, changes_what_was_asked_and_nothing_else)
{
  struct throttle throttle;
  struct load start = {1, 1, 0};
  throttle_init(&throttle);
  brake_init(&throttle.brake, 50, 10, &start);
  cr_assert(change(&throttle, "{\"maxRate\": \"5MB/s\"}"));
  cr_assert(change(&throttle, "{\"brake\": false, \"brakeLagS\": 20}"));
  cr_assert_eq(throttle_rate(&throttle).bytes_per_s, 5e6);
  cr_assert(throttle.brake.off);
  cr_assert_eq(throttle.brake.latency_ms, 50);
  cr_assert_eq(throttle.brake.lag_s, 20);
}

Test(throttle, refuses_a_wrong_change_as_a_whole)
{
  static const char *const wrong[] = {"{\"maxRate\": 5}",
                                      "{\"maxRate\": \"fast\"}",
                                      "{\"brake\": \"off\"}",
                                      "{\"brakeLagS\": 0}",
                                      "{\"brakeLatencyMS\": {\"$numberDouble\": \"NaN\"}}",
                                      "{\"maxRate\": \"5\", \"maxrate\": \"5\"}",
                                      "{\"maxRate\": \"-5\"}"};
  struct throttle throttle;
  throttle_init(&throttle);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_assert_not(change(&throttle, wrong[i]), "%s", wrong[i]);
  }
  cr_assert_eq(throttle_rate(&throttle).bytes_per_s, 0);
}

Test(throttle, measures_the_last_seconds)
{
  struct throttle throttle;
  throttle_init(&throttle);
  cr_assert_eq(throttle_measured(&throttle).bytes_per_s, 0);
  for (int64_t s = 0; s < 20; s++) {
    throttle_tick(&throttle, s * s, s * 10, s * 1000);
  }
  cr_assert_float_eq(throttle_measured(&throttle).bytes_per_s, (19 * 19 - 14 * 14) / 5.0, 1e-9);
  cr_assert_float_eq(throttle_measured(&throttle).documents_per_s, 10, 1e-9);
}
