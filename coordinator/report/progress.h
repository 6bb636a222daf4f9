/*
 * What a person sees: on a terminal the whole copy on top, a bar for each collection under copy, later the lag; elsewhere a log line every few
 * seconds. On stderr, beside the log.
 */
#ifndef FERRY_COORDINATOR_REPORT_PROGRESS_H
#define FERRY_COORDINATOR_REPORT_PROGRESS_H

#include "coordinator/report/phase.h"
#include "coordinator/report/tail.h"
#include "coordinator/report/throughput.h"
#include "coordinator/report/window.h"
#include "coordinator/run/plan.h"

struct progress {
  bool terminal;
  int64_t shown_ms;
  struct throughput documents; /* of the whole copy */
  struct throughput bytes;
  struct throughput entries;  /* of the replay */
  int64_t taken;              /* entries, when they were looked at last */
  struct throughput position; /* of the replay, in seconds of the oplog */
  struct throughput newest;   /* of the source */
  struct throughput **bars;   /* bytes of each collection of the plan that is under copy; else NULL */
  size_t bar_count;
};

void progress_init(struct progress *progress);
/* Call about once a second; each decides by itself whether it is time. */
void progress_copy(struct progress *progress, enum phase phase, const struct plan *plan, const struct window *window);
void progress_tail(struct progress *progress, enum phase phase, const struct tail *tail, const struct window *window);
/* Another phase has begun: what comes next is shown at once. */
void progress_hurry(struct progress *progress);
/* Takes the bars off the terminal, for good. */
void progress_end(struct progress *progress);

#endif
