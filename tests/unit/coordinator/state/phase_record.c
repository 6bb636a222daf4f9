#include "coordinator/state/phase_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static char path[64];

static void
open_file(struct checkpoint *checkpoint)
{
  struct error error;
  snprintf(path, sizeof path, "/tmp/phase_record.%d", (int)getpid());
  cr_assert(checkpoint_open(checkpoint, path, &error), "%s", error.text);
}

static void
close_file(struct checkpoint *checkpoint)
{
  checkpoint_close(checkpoint);
  unlink(path);
}

Test(phase_record, goes_on_over_a_restart)
{
  struct error error;
  struct checkpoint checkpoint;
  struct phases before = {.now = PHASE_NONE};
  struct phases after = {.now = PHASE_NONE};
  open_file(&checkpoint);
  phase_begin(&before, PHASE_CONNECTING);
  phase_begin(&before, PHASE_COPYING);
  before.times[PHASE_CONNECTING] = (struct phase_times){.began_ms = 1000, .ended_ms = 3000, .spent_ms = 2000};
  before.times[PHASE_COPYING].began_ms = 3000;
  before.times[PHASE_COPYING].spent_ms = 70000;
  cr_assert(phase_record_keep(&checkpoint, &before, &error), "%s", error.text);
  int64_t kept_ms = before.kept_ms;

  phase_begin(&after, PHASE_CONNECTING);
  phase_begin(&after, PHASE_CHECKING);
  cr_assert(phase_record_load(&checkpoint, &after, &error), "%s", error.text);
  cr_expect_eq(after.times[PHASE_CONNECTING].began_ms, 1000);
  cr_expect_geq(after.times[PHASE_CONNECTING].ended_ms, kept_ms); /* this run's */
  cr_expect_geq(after.times[PHASE_CONNECTING].spent_ms, 2000);
  cr_expect_eq(after.times[PHASE_CHECKING].ended_ms, 0);
  cr_expect_eq(after.times[PHASE_COPYING].began_ms, 3000);
  cr_expect_eq(after.times[PHASE_COPYING].ended_ms, kept_ms); /* when it was last known to last */
  cr_expect_geq(after.times[PHASE_COPYING].spent_ms, 70000);
  cr_expect_eq(after.times[PHASE_COPYING].since_ms, 0);
  phase_begin(&after, PHASE_COPYING);
  cr_expect_eq(after.times[PHASE_COPYING].began_ms, 3000);
  cr_expect_eq(after.times[PHASE_COPYING].ended_ms, 0);
  close_file(&checkpoint);
}

/* Else a step of the replay that is undone would take it along. */
Test(phase_record, waits_for_what_is_not_committed)
{
  struct error error;
  struct checkpoint checkpoint;
  struct phases phases = {.now = PHASE_NONE};
  struct phases read = {.now = PHASE_NONE};
  open_file(&checkpoint);
  phase_begin(&phases, PHASE_COPYING);
  cr_assert(checkpoint_begin(&checkpoint, &error));
  cr_assert(phase_record_keep(&checkpoint, &phases, &error));
  checkpoint_forget(&checkpoint);
  cr_assert(phase_record_keep(&checkpoint, &phases, &error));
  cr_assert(phase_record_load(&checkpoint, &read, &error));
  cr_expect_gt(read.times[PHASE_COPYING].began_ms, 0);
  close_file(&checkpoint);
}

Test(phase_record, is_told_in_order)
{
  struct phases phases = {.now = PHASE_NONE};
  bson_t list = BSON_INITIALIZER;
  bson_iter_t iter;
  bson_iter_t found;
  phase_begin(&phases, PHASE_TAILING);
  phase_begin(&phases, PHASE_CATCHING_UP);
  phase_record_put(&phases, &list);
  cr_expect_eq(bson_count_keys(&list), 2);
  cr_assert(bson_iter_init(&iter, &list) && bson_iter_find_descendant(&iter, "0.name", &found));
  cr_expect_str_eq(bson_iter_utf8(&found, NULL), "catching up");
  cr_assert(bson_iter_init(&iter, &list) && bson_iter_find_descendant(&iter, "1.endedAt", &found));
  bson_destroy(&list);
}
