/*
 * Updates that the target does not take as deltas or modifiers. Their documents are read, many at a time, changed
 * here, and sent as replacements.
 */
#ifndef FERRY_TARGET_REPLAY_DELTA_UPDATE_H
#define FERRY_TARGET_REPLAY_DELTA_UPDATE_H

#include "target/replay/sending.h"

/* True for an update's delta that the target has neither a stage nor modifiers for. */
bool delta_update_needed(const struct sending *sending, const struct batch_op *op);

/* The modifiers, for a delta that needs no reading on a target without the stage. Initialised here. */
void delta_update_modifiers(const struct sending *sending, const struct batch_op *op, bson_t *modifiers);

/*
 * Turns ops[at], and as many behind it as go together, into replacements. All before it must have been sent. An update
 * that finds no document is taken out of the run, or is ERROR_DIVERGED in strict replay. Several updates of one
 * document become one, where the run's order allows it.
 */
bool delta_update_resolve(struct sending *sending, size_t at, struct error *error);

/* All that it added is sent: lets go of it, and another thread may hold large documents. */
void delta_update_done(struct sending *sending);

#endif
