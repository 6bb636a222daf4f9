/*
 * Update entries of the form `$v: 2`: what they do to a document.
 *
 * Real servers from 5.0 on write `{$v: 2, diff: {d, u, i, s<field>...}}`. SecantusDB writes `{$v: 2, diff:
 * {updatedFields, removedFields, truncatedArrays}}`, as change streams do.
 */
#ifndef FERRY_TARGET_REPLAY_DELTA_H
#define FERRY_TARGET_REPLAY_DELTA_H

#include <bson/bson.h>

#include "base/error.h"

/*
 * Applies a real server's diff to a document, as the server does. `d`: removed. `u`: set in place, or appended if
 * missing. `i`: moved to the end, or appended. `s`: goes down into the field; a value of the wrong type becomes null.
 * `result` is initialised here, and destroyed again on error (ERROR_DIVERGED: the diff has another form).
 */
bool delta_apply(const bson_t *document, const bson_t *diff, bson_t *result, struct error *error);

/*
 * Whether `$set` and `$unset` do the same, applied to the document that the diff was made of. (On another document
 * only the diff itself converges.) Never where the diff adds fields: an update by pipeline may have moved a field.
 * Then `i` names a field that is there, and `$set` would leave it in its place
 * (S:src/mongo/db/update/document_diff_calculator.cpp@r5.0.0).
 */
bool delta_is_plain(const bson_t *diff);
/* These modifiers, for a diff that delta_is_plain. `update` is initialised here. */
void delta_plain_update(const bson_t *diff, bson_t *update);

/*
 * Turns SecantusDB's form into ordinary modifiers. Truncations come first and by themselves: one update cannot cut an
 * array and set an element of it. Both results are initialised here; an unneeded one stays empty.
 */
bool delta_to_modifiers(const bson_t *diff, bson_t *truncations, bson_t *modifiers, struct error *error);

#endif
