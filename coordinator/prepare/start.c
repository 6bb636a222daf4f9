#include "coordinator/prepare/start.h"

#include "base/log.h"
#include "coordinator/check/check.h"
#include "coordinator/cutover/record.h"
#include "coordinator/prepare/prepare.h"
#include "coordinator/state/phase_record.h"
#include "target/guard/in_flight.h"

/*
 * What an earlier run recorded does not hold for a target that is cleared. It is removed first, so that a start after
 * a stop in between begins anew.
 */
static bool
clear_target(struct start *start, struct error *error)
{
  struct checkpoint *checkpoint = start->checkpoint;
  if (!start->setup->options->drop) {
    return true;
  }
  return checkpoint_begin(checkpoint, error) && checkpoint_reset(checkpoint, error) &&
         checkpoint_commit(checkpoint, error) && prepare_clear_target(&start->setup->servers, error);
}

static bool
look_further(struct start *start, struct check *check, enum resume_step step, struct error *error)
{
  if (step == RESUME_NOTHING) {
    check_copy(check);
  } else {
    check_resume(check, start->checkpoint, step);
  }
  findings_log_warnings(&check->findings);
  return findings_conclude(&check->findings, error);
}

/* What an earlier run did not do. */
static bool
plan_rest(struct start *start, enum resume_step step, const struct migration_identity *identity, struct plan *plan,
          struct error *error)
{
  struct preparation preparation = {start->setup, start->checkpoint, start->phases, identity};
  start->resumed = step == RESUME_BOOKMARK;
  bool ok = start->resumed ||
            ((step != RESUME_NOTHING || clear_target(start, error)) && prepare_plan(&preparation, step, plan, error));
  if (ok && step == RESUME_PLAN) {
    log_info("going on with the copy: %zu of %zu tasks are done", plan->done, plan->task_count);
  }
  return ok;
}

static bool
go_on(struct start *start, struct check *check, const struct migration_identity *identity, struct plan *plan,
      struct error *error)
{
  struct setup *setup = start->setup;
  struct servers *servers = &setup->servers;
  log_info("source set=%s version=%s; target set=%s version=%s", log_value("%s", servers->source_hello.set_name),
           log_value("%s", servers->source_hello.version), log_value("%s", servers->target_hello.set_name),
           log_value("%s", servers->target_hello.version));
  if (!checkpoint_open(start->checkpoint, options_bookmark(setup->options), error)) {
    return false;
  }
  control_listen(start->control, options_bookmark(setup->options));
  in_flight_wait(&servers->target, NULL, NULL, NULL);
  if (!setup->options->force_dump &&
      !cutover_record_check(start->checkpoint, options_bookmark(setup->options), error)) {
    return false;
  }
  enum resume_step step = copy_state_look(start->checkpoint, setup->options, identity, error);
  if (step == RESUME_FAILED || !look_further(start, check, step, error) ||
      (step != RESUME_NOTHING && !phase_record_load(start->checkpoint, start->phases, error)) ||
      !plan_rest(start, step, identity, plan, error)) {
    return false;
  }
  mark_put(&setup->settings, &servers->mark);
  start->load = servers_load(servers);
  return true;
}

bool
start_prepare(struct start *start, struct plan *plan, struct error *error)
{
  struct setup *setup = start->setup;
  struct check check;
  bson_t shape;
  check_init(&check, setup->options, &setup->selection, &setup->servers, &setup->catalog);
  check.phases = start->phases;
  check_open(&check, setup->source_uri, setup->target_uri);
  options_shape(setup->options, &setup->selection, &shape);
  struct migration_identity identity = servers_identity(&setup->servers, &shape);
  bool ok = findings_conclude(&check.findings, error) && go_on(start, &check, &identity, plan, error);
  check_close(&check);
  servers_close(&setup->servers);
  bson_destroy(&shape);
  return ok;
}
