/*
 * What is measured of a run as a whole, second by second: its pace, what the estimates need, and its last hour.
 */
#ifndef FERRY_COORDINATOR_MEASURE_MEASURE_H
#define FERRY_COORDINATOR_MEASURE_MEASURE_H

#include <stdbool.h>

#include "coordinator/measure/history.h"
#include "coordinator/measure/throughput.h"

/* A look at the run. */
struct measure_look {
  struct history_look done;
  int64_t position_s; /* where the replay is in the oplog, and where the source is */
  int64_t newest_s;
  bool copies;  /* ranges are being copied, and it is not paused */
  int builders; /* workers that build indexes */
};

/* Zeroed memory is a valid start. Times are of clock_ms. */
struct measure {
  int64_t looked_ms;
  int64_t first_built_work; /* of the index builds of earlier runs */
  int64_t entries;          /* at the last look */
  int64_t copying_ms;
  int64_t building_ms; /* the sum of all workers' times */
  struct throughput bytes;
  struct throughput documents;
  struct throughput applied; /* entries */
  struct throughput position;
  struct throughput newest;
  struct history history;
};

/* Call it once a second. */
void measure_take(struct measure *measure, const struct measure_look *look, int64_t now_ms);

#endif
