/*
 * `mongoferry verify --repair`: after everything was compared, what differs is repaired range by range (worker/range_repair.h), and
 * compared again. A repair writes what the source has now; so nobody else may write to the target meanwhile.
 */
#ifndef FERRY_COORDINATOR_VERIFY_REPAIR_H
#define FERRY_COORDINATOR_VERIFY_REPAIR_H

#include "coordinator/verify/pairs.h"
#include "coordinator/verify/results.h"

/*
 * Whether it may begin. False with ERROR_REFUSED in one line: a side was written to since the comparison began, or that cannot
 * be told; the target is too old; or a migration made its mark there and was not cut over (`bookmark`: its file; NULL: not
 * named).
 */
bool repair_may_begin(const struct pairs *pairs, const struct results *results, const char *bookmark,
                      struct error *error);

/*
 * Makes the ranges of those collections due again that have differences, and whose documents can be repaired. Logs those
 * that cannot. Returns how many collections are due.
 */
size_t repair_plan(struct plan *plan, struct results *results);

#endif
