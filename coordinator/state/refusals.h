/*
 * What the target refused and the migration went on without, kept in the bookmark file until the end.
 */
#ifndef FERRY_COORDINATOR_STATE_REFUSALS_H
#define FERRY_COORDINATOR_STATE_REFUSALS_H

#include "coordinator/state/checkpoint.h"

/* Logs and keeps a MESSAGE_REFUSED; once, however often it is said. */
bool refusals_add(struct checkpoint *checkpoint, const bson_t *document, struct error *error);

/* All of them, those of earlier runs included, as an array; initialised whatever happens, the caller's to destroy. */
bool refusals_list(struct checkpoint *checkpoint, bson_t *list, struct error *error);

/* At the end: ERROR_INCOMPLETE if there are any, those of earlier runs included; ERROR_STATE if the file does not tell. */
bool refusals_judge(struct checkpoint *checkpoint, struct error *error);

#endif
