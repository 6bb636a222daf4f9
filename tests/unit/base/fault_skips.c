#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/fault.h"

/* What is asked for is read once a process, and each test has one of its own. */
Test(fault_skips, nothing_without_the_variable)
{
  unsetenv("FERRY_FAULT_SKIP");
  cr_assert_not(fault_skips("d", "c"));
}

Test(fault_skips, the_second_of_that_namespace_and_no_other)
{
  setenv("FERRY_FAULT_SKIP", "d.a.b:2", 1);
  cr_assert_not(fault_skips("d", "a.b"));
  cr_assert_not(fault_skips("d", "a"));
  cr_assert_not(fault_skips("d", "a.bc"));
  cr_assert_not(fault_skips("e", "a.b"));
  cr_assert_not(fault_skips("d.a", ""));
  cr_assert(fault_skips("d", "a.b"));
  cr_assert_not(fault_skips("d", "a.b"));
}

Test(fault_skips, a_colon_in_the_name)
{
  setenv("FERRY_FAULT_SKIP", "d.a:b:1", 1);
  cr_assert_not(fault_skips("d", "a"));
  cr_assert(fault_skips("d", "a:b"));
}

Test(fault_skips, a_value_that_says_nothing)
{
  setenv("FERRY_FAULT_SKIP", "d.c", 1);
  cr_assert_not(fault_skips("d", "c"));
}
