/*
 * Update entries of the form `$v: 2`: what they do to a document.
 *
 * Real servers from 5.0 on write `{$v: 2, diff: {d, u, i, s<field>...}}`; SecantusDB writes `{$v: 2, diff:
 * {updatedFields, removedFields, truncatedArrays}}`, as change streams do.
 */
#ifndef FERRY_TARGET_REPLAY_DELTA_H
#define FERRY_TARGET_REPLAY_DELTA_H

#include <bson/bson.h>

#include "base/error.h"

/*
 * Applies a real server's diff to a document, as the server does: removes `d`, sets `u` in place (appends it if
 * missing), moves or appends `i` at the end, goes down into `s`; a value of the wrong type under `s` becomes null.
 * `result` is initialised here, and destroyed again on error (ERROR_DIVERGED: the diff has another form).
 */
bool delta_apply(const bson_t *document, const bson_t *diff, bson_t *result, struct error *error);

/*
 * Whether `$set` and `$unset` do the same to the document that the diff was made of. Not to another one: there only the diff
 * itself converges. What adds fields is none of these: where an update by pipeline moved a field, `i` names one that is
 * there, and `$set` would leave it in its place (S:src/mongo/db/update/document_diff_calculator.cpp@r5.0.0).
 */
bool delta_is_plain(const bson_t *diff);
/* These modifiers, of a diff of which that holds. `update` is initialised here. */
void delta_plain_update(const bson_t *diff, bson_t *update);

/*
 * Turns SecantusDB's form into ordinary modifiers. Truncations go first, by themselves: one update cannot cut an array
 * and set an element of it. Both are initialised here; one that is not needed stays empty.
 */
bool delta_to_modifiers(const bson_t *diff, bson_t *truncations, bson_t *modifiers, struct error *error);

#endif
