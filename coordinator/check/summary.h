/*
 * What was chosen, in numbers, and what of it arrives in another form than it has on the source. Pure.
 */
#ifndef FERRY_COORDINATOR_CHECK_SUMMARY_H
#define FERRY_COORDINATOR_CHECK_SUMMARY_H

#include "coordinator/check/findings.h"
#include "coordinator/options/options.h"
#include "source/catalog/catalog.h"

/* Notes each database and all together, and warns of each index that changes. Gives the bytes; -1: not asked. */
int64_t summary_take(const struct catalog *catalog, const struct options *options, struct findings *findings);

#endif
