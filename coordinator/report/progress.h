/*
 * The progress for people. On a terminal, below the log: the phase and what it waits for, the whole copy, and a bar for
 * each collection that is being copied; later the lag. In the log: a line every few seconds.
 */
#ifndef FERRY_COORDINATOR_REPORT_PROGRESS_H
#define FERRY_COORDINATOR_REPORT_PROGRESS_H

#include "coordinator/measure/throughput.h"
#include "coordinator/measure/window.h"
#include "coordinator/report/phase.h"
#include "coordinator/report/tail.h"
#include "coordinator/run/plan.h"

struct status;

struct progress {
  bool terminal;
  bool log; /* it is for the log, too, or only for it */
  int64_t shown_ms;
  int64_t logged_ms;
  struct throughput documents; /* of the whole copy */
  struct throughput bytes;
  struct throughput entries;  /* of the replay */
  int64_t taken;              /* entries, at the last look */
  struct throughput position; /* of the replay, in seconds of the oplog */
  struct throughput newest;   /* of the source */
  struct throughput **bars;   /* bytes of each collection of the plan that is being copied; NULL for the others */
  size_t bar_count;
};

void progress_init(struct progress *progress);
/*
 * Call about once a second. Each decides whether it is time to show something. `waits_for` says what the phase waits
 * for; "": nothing.
 */
struct progress_phase {
  enum phase phase;
  const char *waits_for;
  const struct window *window;
  const struct status *status; /* what the estimates of index builds come from */
};
void progress_copy(struct progress *progress, const struct progress_phase *now, const struct plan *plan);
void progress_tail(struct progress *progress, const struct progress_phase *now, const struct tail *tail);
/* Another phase began: the next call shows it at once. */
void progress_hurry(struct progress *progress);
/* Removes the bars from the terminal, for good. */
void progress_end(struct progress *progress);

#endif
