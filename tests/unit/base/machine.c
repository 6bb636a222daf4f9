#include "base/machine.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

Test(machine, has_some_memory_and_processes_left)
{
  int64_t memory = machine_free_memory();
  cr_assert_gt(memory, INT64_C(1) << 20, "%lld", (long long)memory);
  cr_assert_lt(memory, INT64_C(1) << 50, "%lld", (long long)memory);
  cr_assert_gt(machine_free_processes(), 10);
}

Test(machine, tells_the_limit_of_open_files)
{
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 200;
  setrlimit(RLIMIT_NOFILE, &limit);
  cr_assert_eq(machine_files(), 200);
}
