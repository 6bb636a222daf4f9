/*
 * What stands in the way of a cut-over, from the state of the run. Pure.
 */
#ifndef FERRY_COORDINATOR_CUTOVER_OBSTACLES_H
#define FERRY_COORDINATOR_CUTOVER_OBSTACLES_H

#include "coordinator/report/status.h"

struct obstacles_limits {
  int64_t lag_s; /* the target may be so far behind; 0: as far as it likes */
  bool accept_refused;
};

/* Appends a text for each to `list`, an empty array. True: there are none. */
bool obstacles_find(const struct status *status, const struct obstacles_limits *limits, bson_t *list);

#endif
