#include "target/definition/build_progress.h"

#include <criterion/criterion.h>

/* `operations` in currentOp's reply. */
static bool
read_progress(const char *operations, int64_t *done, int64_t *total)
{
  char json[1024];
  bson_error_t error;
  snprintf(json, sizeof json, "{\"inprog\": [%s], \"ok\": 1}", operations);
  bson_t *reply = bson_new_from_json((const uint8_t *)json, -1, &error);
  cr_assert_not_null(reply, "%s", error.message);
  bool found = build_progress_read(reply, "db", "c", done, total);
  bson_destroy(reply);
  return found;
}

Test(build_progress, finds_the_build_of_its_collection)
{
  static const char command_4_0[] = "{\"ns\": \"db.$cmd\", \"command\": {\"createIndexes\": \"c\", \"$db\": \"db\"}, "
                                    "\"progress\": {\"done\": 3, \"total\": 9}}";
  static const char coordinated[] =
    "{\"ns\": \"db.c\", \"command\": {\"createIndexes\": \"c\"}, \"progress\": {\"done\": 4, \"total\": 9}}";
  static const char waits[] = "{\"ns\": \"db.c\", \"command\": {\"createIndexes\": \"c\", \"$db\": \"db\"}}";
  static const char other[] = "{\"ns\": \"other.c\", \"command\": {\"createIndexes\": \"c\", \"$db\": \"other\"}, "
                              "\"progress\": {\"done\": 1, \"total\": 2}}";
  char several[1024];
  int64_t done = 0;
  int64_t total = 0;
  cr_assert(read_progress(command_4_0, &done, &total));
  cr_assert(done == 3 && total == 9);
  snprintf(several, sizeof several, "%s, %s, %s", other, waits, coordinated);
  cr_assert(read_progress(several, &done, &total));
  cr_assert(done == 4 && total == 9);
  cr_assert_not(read_progress(other, &done, &total));
  cr_assert_not(read_progress(waits, &done, &total), "between two steps");
  cr_assert_not(read_progress("", &done, &total));
}

Test(build_progress, build_that_comes_no_further_is_told_once)
{
  struct build_progress build_progress = {.done = -1, .moved_ms = 1000};
  cr_assert_not(build_progress_stalls(&build_progress, -1, 30999));
  cr_assert_not(build_progress_stalls(&build_progress, 5, 40000), "it has begun");
  cr_assert_not(build_progress_stalls(&build_progress, 5, 69999));
  cr_assert(build_progress_stalls(&build_progress, 5, 70000));
  cr_assert_not(build_progress_stalls(&build_progress, 5, 200000), "once");
  cr_assert_not(build_progress_stalls(&build_progress, 6, 200001));
  cr_assert(build_progress_stalls(&build_progress, 6, 230001), "again, after it had moved");
}
