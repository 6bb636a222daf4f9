/*
 * The cut-over: ends the migration when the target has everything, and says what was proven.
 *
 * It waits until nothing is written to the source, or blocks its writes. It takes the source's newest entry that a
 * majority has as the end, and the applier reaches it, with a majority of the target. Then a worker compares the two
 * sides, the replay ends, and a last look makes sure that no write came after it. If any of this fails, the migration
 * goes on tailing. Whatever needs a server is a question for that worker, as the loop waits for none.
 *
 * The bookmark file knows of each step that changes something (coordinator/cutover/record.h).
 */
#ifndef FERRY_COORDINATOR_CUTOVER_H
#define FERRY_COORDINATOR_CUTOVER_H

#include "coordinator/beside/beside.h"
#include "coordinator/cutover/questions.h"
#include "coordinator/cutover/record.h"
#include "coordinator/cutover/report.h"
#include "coordinator/replay.h"
#include "coordinator/report/status.h"

enum cutover_step {
#define STEP(name, text) CUTOVER_##name,
#include "coordinator/cutover/steps.def"
#undef STEP
};

struct cutover_request {
  int64_t max_downtime_s; /* it gives up so long after its begin; 0: never */
  int64_t compare_s;      /* how long comparing may take */
  int64_t idle_s;         /* no write has to come for so long; with `block` this does not count */
  bool block;
  bool rehearse;
  bool accept_refused;
};

struct cutover {
  struct pool *pool; /* these nine are the caller's */
  struct checkpoint *checkpoint;
  struct replay *replay;
  struct cutover_report *report;
  const struct phases *phases;
  struct beside *verification;
  const char *bookmark;        /* the bookmark file's path */
  const char *report_file;     /* --report of the migration itself; NULL: none */
  const struct signer *signer; /* --signKey; NULL: none */
  int64_t usual_downtime_s;    /* --maxDowntime */
  uv_timer_t timer;            /* runs while it is under way */
  struct cutover_request request;
  enum cutover_step step;
  int64_t began_ms;
  int64_t again_ms; /* a question that failed is asked again then */
  int64_t step_ms;  /* when the step began */
  struct questions questions;
  int deaths;          /* of workers */
  int64_t writers_ms;  /* when it was asked who writes */
  bool ours;           /* the block is, or may be, this migration's */
  bool shown;          /* somebody was told that it is finished */
  bool by_itself;      /* it was begun by --exitWhenCaughtUp */
  bool stop_after;     /* the run is to stop when the source may write again */
  uint64_t end;        /* the source's entry that the target has to have */
  char writers[600];   /* who still writes, for people */
  struct error result; /* why the last one did not finish; kind ERROR_NONE: it did, or none was begun */
  bool final;          /* the run ends with `result` */
  bool told;           /* `result` counts */
};

/* Call it before the first process is started, with the loop. Goes on with what a run that died left. */
bool cutover_begin_run(struct cutover *cutover, uv_loop_t *loop, struct error *error);

/*
 * Begins one. False with ERROR_NOT_READY if one is under way already, or if something stands in its way: `obstacles`
 * then holds the texts (an array). Always initialised; the caller's to destroy.
 */
bool cutover_start(struct cutover *cutover, const struct cutover_request *request, const struct status *status,
                   bson_t *obstacles, struct error *error);

/* A message of the worker's, and its end. */
void cutover_take(struct cutover *cutover, enum message_type type, const bson_t *message);
void cutover_worker_ended(struct cutover *cutover, const struct child *worker);

/* The applier is done: it has reached the end, and TTL indexes expire again. True if the cut-over takes it from here. */
bool cutover_replay_over(void *cutover);

/*
 * The run is asked to stop, or has to (`why`, else NULL). True: the source's writes have to be let go first; then
 * cutover_tick says when.
 */
bool cutover_stop(struct cutover *cutover, const struct error *why);
bool cutover_is_busy(const struct cutover *cutover);

/*
 * Call once a second. With --exitWhenCaughtUp it begins one when nothing is in the way and no write comes. True: the run
 * is to stop now, as was asked before (cutover_stop), or as a cut-over that began by itself failed for good.
 */
bool cutover_tick(struct cutover *cutover, const struct options *options, const struct status *status);

/* The run has ended. False: it ends with this error, as a cut-over came to its end and was not finished. */
bool cutover_end_run(struct cutover *cutover, struct error *error);

/* For GET /progress. A run that is finished ends when it was told so, or after two seconds. */
void cutover_put(struct cutover *cutover, const struct status *status, bson_t *document);

#endif
