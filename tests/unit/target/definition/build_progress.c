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

Test(build_progress, part_of_a_build_grows_over_its_steps)
{
  struct build_steps steps = {0};
  double last = 0;
  static const int64_t done[] = {0, 50, 100, 10, 90, 5, 100, 40};
  cr_assert_float_eq(build_steps_part(&steps, 3), 0, 1e-9);
  for (size_t i = 0; i < sizeof done / sizeof *done; i++) {
    build_steps_take(&steps, done[i], 100);
    double part = build_steps_part(&steps, 3);
    cr_assert_geq(part, last, "at %zu", i);
    cr_assert_leq(part, 1);
    last = part;
  }
  cr_assert_eq(steps.ended, 3);
  cr_assert_float_eq(last, 0.5 + 0.5 * 2.4 / 3, 1e-9, "all is read, and two indexes are written");
}

Test(build_progress, a_step_of_another_size_is_another_step)
{
  struct build_steps steps = {0};
  build_steps_take(&steps, 50, 100);
  build_steps_take(&steps, 70, 2000); /* an array has several keys */
  cr_assert_eq(steps.ended, 1);
  build_steps_take(&steps, 0, 0);
  build_steps_take(&steps, 5000, 2000); /* more than the server thought */
  build_steps_take(&steps, 1, 7);
  build_steps_take(&steps, 0, 7);
  cr_assert_leq(build_steps_part(&steps, 1), 1);
}
