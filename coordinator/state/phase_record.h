/*
 * When the migration was in which phase, in the bookmark file: over all runs.
 */
#ifndef FERRY_COORDINATOR_STATE_PHASE_RECORD_H
#define FERRY_COORDINATOR_STATE_PHASE_RECORD_H

#include "coordinator/report/phase.h"
#include "coordinator/state/checkpoint.h"

/*
 * Adds what earlier runs recorded to what this run has had so far. A run that was killed counts up to its last record.
 */
bool phase_record_load(struct checkpoint *checkpoint, struct phases *phases, struct error *error);

/*
 * Writes it if a phase began since the last time, and else every half minute. Call it about once a second. While other
 * changes wait for their commit it waits, too.
 */
bool phase_record_keep(struct checkpoint *checkpoint, struct phases *phases, struct error *error);

/* Fills an array: {name, beganAt, endedAt?, seconds} of each phase that has begun, in order; as in GET /progress. */
void phase_record_put(const struct phases *phases, bson_t *list);

#endif
