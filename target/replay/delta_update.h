/*
 * Updates that the target cannot be given as they are, and replacements in their place: their documents are read, many at a
 * time, and changed here.
 */
#ifndef FERRY_TARGET_REPLAY_DELTA_UPDATE_H
#define FERRY_TARGET_REPLAY_DELTA_UPDATE_H

#include "target/replay/sending.h"

/* True for the delta of an update that the target has neither a stage nor modifiers for. */
bool delta_update_needed(const struct sending *sending, const struct batch_op *op);

/* The modifiers, where the target has no stage and that is false. Initialised here. */
void delta_update_modifiers(const struct sending *sending, const struct batch_op *op, bson_t *modifiers);

/*
 * Does so with ops[at], and with as many behind it as go together; all before it must have been sent. What finds no document
 * is taken out of the run, or is ERROR_DIVERGED in strict replay. Several updates of one document become one, where the run's
 * order allows it.
 */
bool delta_update_resolve(struct sending *sending, size_t at, struct error *error);

#endif
