/*
 * What GET /progress answers: how far each phase is, and how long it may still take; what each worker does; where the
 * time goes; and the last hour. docs/operations.md describes the fields. What is not known is not there.
 *
 * It is made from the status when somebody asks. That takes a time that grows with the collections, and a size that
 * does not.
 */
#ifndef FERRY_COORDINATOR_REPORT_PROGRESS_JSON_H
#define FERRY_COORDINATOR_REPORT_PROGRESS_JSON_H

#include "coordinator/report/status.h"

#define PROGRESS_COLLECTIONS_MOST 50

/* The caller's, for free(). */
char *progress_json(const struct status *status);

#endif
