/*
 * `mongoferry verify --checkReport`: is this file a report as it was signed, and does it make sense? No server is asked.
 */
#ifndef FERRY_COORDINATOR_VERIFY_CHECK_REPORT_H
#define FERRY_COORDINATOR_VERIFY_CHECK_REPORT_H

#include "coordinator/options/options.h"

/* Says so in one line. Returns the exit status: 0, or ERROR_REPORT's. What the report found does not matter for that. */
int check_report_run(const struct options *options);

#endif
