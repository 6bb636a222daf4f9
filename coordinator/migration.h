/*
 * One migration: all that the coordinator has of it. migrate.c takes it through its phases; events.c is what happens on
 * the loop meanwhile.
 */
#ifndef FERRY_COORDINATOR_MIGRATION_H
#define FERRY_COORDINATOR_MIGRATION_H

#include "coordinator/answers.h"
#include "coordinator/beside/beside.h"
#include "coordinator/control/control.h"
#include "coordinator/copy.h"
#include "coordinator/cutover.h"
#include "coordinator/prepare/start.h"
#include "coordinator/replay.h"
#include "coordinator/report/display.h"
#include "coordinator/run/loop.h"
#include "coordinator/steer.h"
#include "coordinator/supervise.h"

struct migration {
  struct setup setup;
  struct checkpoint checkpoint; /* the bookmark file */
  struct copy copy;
  struct replay replay;
  struct throttle throttle;
  struct window window;
  struct display display;
  struct control control;
  struct supervision supervision;
  struct answers answers;
  struct steer steer;
  struct cutover cutover;
  struct cutover_report report;
  struct signer *signer; /* --signKey; NULL: none */
  struct beside verification; /* --verify */
  struct pool pool;
  bool resumed; /* there was a bookmark: nothing is copied */
  struct loop loop;
  int64_t refused; /* by the target, earlier runs included */
  bool interrupted;
  bool failed;
  struct error error;      /* the first one */
  int64_t linger_until_ms; /* after a failure the status port answers until then; 0: all is well */
};

/* The state as it is now. `context` is the migration, as everywhere here. */
struct status migration_status(const void *context);
/* Notes an error; the first one counts. */
void migration_set_failed(struct migration *migration, const struct error *error);
/* Notes it, and ends the run. */
void migration_fail(void *context, const struct error *error);

/* A process of the migration's, or of its verification's. */
bool migration_any_running(const struct migration *migration);
/* The verification's: its last process has ended; these documents are to be repaired. */
void events_all_ended(void *context);
void events_repair(void *context, const bson_t *message);

/* What the pool tells. */
struct pool_events events_of_pool(struct migration *migration);
/* The children were started. A plan without tasks is finished from the start. */
void events_begun(struct migration *migration);
/* The loop's: a tick each second, and the signals that ask for a stop. */
void events_on_tick(uv_timer_t *timer);
void events_on_signal(uv_signal_t *handle, int number);

#endif
