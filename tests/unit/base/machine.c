#include "base/machine.h"

#include <criterion/criterion.h>
#include <sys/resource.h>
#include <unistd.h>

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

Test(machine, knows_its_own_hosts)
{
  cr_assert(machine_has_host("127.0.0.1:27017"));
  cr_assert(machine_has_host("[::1]:27017") || access("/proc/net/if_inet6", R_OK) != 0);
  cr_assert(machine_has_host("localhost"));
  cr_assert_not(machine_has_host("192.0.2.1:27017"));
  cr_assert_not(machine_has_host(""));
  cr_assert_not(machine_has_host(":27017"));
  cr_assert_not(machine_has_host("["));
}

Test(machine, counts_what_its_processors_do)
{
  struct processor_time before = machine_processor_time();
  cr_assert_gt(before.all, before.idle);
  cr_assert_gt(before.idle, 0);
  struct processor_time now = before;
  while (now.all == before.all) { /* a tick is a hundredth of a second */
    now = machine_processor_time();
  }
  cr_assert_gt(now.all, before.all);
  cr_assert_geq(now.idle, before.idle);
}
