/*
 * The status as Prometheus' text format (version 0.0.4) has it. coordinator/report/metrics.def says what there is.
 */
#ifndef FERRY_COORDINATOR_REPORT_METRICS_H
#define FERRY_COORDINATOR_REPORT_METRICS_H

#include "coordinator/report/status.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_NAMESPACES_MOST 50
#define METRICS_LABEL_MOST 300 /* bytes of a label's value, without the zero byte; what is longer is cut */

/*
 * The metrics of this moment; the caller's, for free(). What they tell of namespaces takes a time that grows with
 * their number, and a size that does not.
 */
char *metrics_text(const struct status *status);

/*
 * Writes a name as the value of a label to `to` (METRICS_LABEL_MOST + 1 bytes). What people do not see as it is, or is
 * no UTF-8, becomes \xNN first, as elsewhere (base/text.h); then the format wants \\ and \" for two signs.
 */
void metrics_label(char *to, const char *name);

#endif
