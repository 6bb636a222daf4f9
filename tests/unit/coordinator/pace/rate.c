#include "coordinator/pace/rate.h"

#include <criterion/criterion.h>
#include <string.h>

static struct rate
parsed(const char *text)
{
  struct rate rate = {-1, -1};
  struct error error;
  cr_assert(rate_parse(text, &rate, &error), "%s", text);
  return rate;
}

Test(rate, none_is_no_limit)
{
  struct rate rate = {1, 1};
  struct error error;
  cr_assert(rate_parse("none", &rate, &error));
  cr_assert(rate.bytes_per_s == 0 && rate.documents_per_s == 0);
}

Test(rate, is_megabytes_or_documents_or_both)
{
  cr_assert_eq(parsed("50").bytes_per_s, 50e6);
  cr_assert_eq(parsed("1.5MB/s").bytes_per_s, 1.5e6);
  cr_assert_eq(parsed("1.5MB").documents_per_s, 0);
  cr_assert_eq(parsed("2000docs/s").documents_per_s, 2000);
  cr_assert_eq(parsed("2000docs").bytes_per_s, 0);
  cr_assert_eq(parsed("50MB/s,20000docs/s").bytes_per_s, 50e6);
  cr_assert_eq(parsed("50MB/s,20000docs/s").documents_per_s, 20000);
}

Test(rate, nothing_or_zero_is_no_limit)
{
  cr_assert_eq(parsed("").bytes_per_s, 0);
  cr_assert_eq(parsed("0").bytes_per_s, 0);
  cr_assert_eq(parsed("0docs/s").documents_per_s, 0);
}

Test(rate, anything_else_is_refused_and_changes_nothing)
{
  static const char *const wrong[] = {"fast",          "-1",  "+5",  " 5",   "5 ", "5MB/h", "5GB",  "0.5docs",
                                      "0.0001",        "nan", "inf", "1e99", ",",  "5,,5",  "5MB/", "0x10MBx",
                                      "5MB/s;5docs/s", "1e"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct rate rate = {1, 2};
    struct error error;
    cr_assert_not(rate_parse(wrong[i], &rate, &error), "%s", wrong[i]);
    cr_assert_eq(error.kind, ERROR_USAGE);
    cr_assert(strstr(error.text, "MB/s"));
    cr_assert_eq(rate.bytes_per_s, 1);
    cr_assert_eq(rate.documents_per_s, 2);
  }
}

Test(rate, the_slower_limit_counts)
{
  struct rate both = rate_least((struct rate){100, 0}, (struct rate){200, 7});
  cr_assert_eq(both.bytes_per_s, 100);
  cr_assert_eq(both.documents_per_s, 7);
  cr_assert_eq(rate_least((struct rate){0, 0}, (struct rate){0, 0}).bytes_per_s, 0);
}
