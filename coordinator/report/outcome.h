/*
 * What a run did, told at its end: for people at a terminal as a table, and in the log as lines with keys.
 */
#ifndef FERRY_COORDINATOR_REPORT_OUTCOME_H
#define FERRY_COORDINATOR_REPORT_OUTCOME_H

#include "coordinator/report/status.h"

/*
 * After the last phase, and before the last line of the log. `refused` is the number of all runs, `end` decides on the
 * exit status.
 */
void outcome_tell(const struct phases *phases, const struct status *status, int64_t refused, enum error_kind end);

#endif
