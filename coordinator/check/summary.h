/*
 * What was selected, in numbers, and what of it changes its form on the target. Pure.
 */
#ifndef FERRY_COORDINATOR_CHECK_SUMMARY_H
#define FERRY_COORDINATOR_CHECK_SUMMARY_H

#include "coordinator/check/findings.h"
#include "coordinator/options/options.h"
#include "source/catalog/catalog.h"

/*
 * Adds a note for each database and for all together, and a warning for each index that changes. Returns the bytes;
 * -1: not asked.
 */
int64_t summary_take(const struct catalog *catalog, const struct options *options, struct findings *findings);

#endif
