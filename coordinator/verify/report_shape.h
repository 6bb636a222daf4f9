/*
 * Whether a report that was read back has the fields that its documentation names, of the right types, and whether its
 * sums are right. Pure. Fields that are not known here are left alone: a later version may add some.
 */
#ifndef FERRY_COORDINATOR_VERIFY_REPORT_SHAPE_H
#define FERRY_COORDINATOR_VERIFY_REPORT_SHAPE_H

#include <bson/bson.h>

#include "base/error.h"

#define REPORT_SHAPE_FORMAT 1 /* the one that is known here */

/* The report of a verification (docs/verify.md). ERROR_REPORT names the field. */
bool report_shape_verification(const bson_t *report, struct error *error);

/* The report of a cut-over (docs/operations.md). */
bool report_shape_cutover(const bson_t *report, struct error *error);

#endif
