/* Old servers' errors, under later servers' codes. */
#include <criterion/criterion.h>

#include "source/legacy/link.h"

Test(link, codes)
{
  static const struct {
    int64_t code;
    const char *text;
    int64_t now;
  } cases[] = {
    {0, "not master", 10107},
    {10107, "not master", 10107},
    {10058, "not master", 10107},
    {13435, "not master and slaveOk=false", 13435},
    {0, "not master or secondary; cannot currently read from this replSet member", 13436},
    {11600, "interrupted at shutdown", 11600},
    {0, "no such cmd: listIndexes", CODE_COMMAND_NOT_FOUND},
    {0, "ns not found", CODE_NAMESPACE_NOT_FOUND},
    {17356, "collection dropped between getMore calls", CODE_QUERY_PLAN_KILLED},
    {28617, "Runner killed during getMore", CODE_QUERY_PLAN_KILLED},
    {17406,
     "getMore runner error: InternalError CollectionScan died due to position in capped collection being deleted.",
     CODE_CAPPED_POSITION_LOST},
    {17406, "getMore runner error: Overflow sort stage buffered data usage", CODE_OPERATION_FAILED},
    {0, "auth failed", CODE_AUTHENTICATION_FAILED},
    {18, "auth failed", 18},
    {13, "not authorized on x to execute command", CODE_UNAUTHORIZED},
    {2, "bad", 2},
    {0, "something else", 8},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_assert_eq(link_error_code(cases[i].code, cases[i].text), cases[i].now, "%s", cases[i].text);
  }
}
