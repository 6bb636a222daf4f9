/*
 * Is this a BSON document of a depth that a server may hold? libbson's own validation, and much that is done with a document, calls
 * itself for each level, so a few KB of nested documents from a hostile peer or file would exhaust the stack. This does not.
 */
#ifndef FERRY_BASE_NESTING_H
#define FERRY_BASE_NESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Servers take 200 levels, and up to 1,000 with --setParameter maxBSONDepth (S:src/mongo/bson/bson_depth.h@r4.0.14); then what we wrap around. */
#define NESTING_MOST 1050

/* False as well where a length inside leads out of what holds it, or a type is unknown. `bytes` may hold anything. */
bool nesting_fits(const uint8_t *bytes, size_t size);

#endif
