/*
 * What the target refused and the migration went on without. The bookmark file keeps it until the end.
 */
#ifndef FERRY_COORDINATOR_STATE_REFUSALS_H
#define FERRY_COORDINATOR_STATE_REFUSALS_H

#include "coordinator/state/checkpoint.h"

/* Logs and records a MESSAGE_REFUSED, once, however often it comes. */
bool refusals_add(struct checkpoint *checkpoint, const bson_t *document, struct error *error);

/* All refusals, those of earlier runs included, as an array. Always initialised; the caller's to destroy. */
bool refusals_list(struct checkpoint *checkpoint, bson_t *list, struct error *error);

/* How many there are, those of earlier runs included. */
bool refusals_count(struct checkpoint *checkpoint, int64_t *count, struct error *error);

/*
 * Takes a REFUSED. It is kept for the end, which may be another run's. An index that the target refused over a moving
 * copy is deferred to the consistency point instead.
 */
bool refusals_take(struct checkpoint *checkpoint, const bson_t *document, struct error *error);

/*
 * At the end: ERROR_INCOMPLETE if there are any, those of earlier runs included; ERROR_STATE if the file cannot be
 * read.
 */
bool refusals_judge(struct checkpoint *checkpoint, struct error *error);

#endif
