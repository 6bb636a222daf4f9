/*
 * Whether a BSON document's depth is one that a server may hold. libbson's own validation, and much else that is done
 * with a document, calls itself for each level. So a few KB of nested documents from a hostile peer or file would
 * exhaust the stack. These functions do not call themselves.
 */
#ifndef FERRY_BASE_NESTING_H
#define FERRY_BASE_NESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Servers take 200 levels, and up to 1,000 with --setParameter maxBSONDepth (S:src/mongo/bson/bson_depth.h@r4.0.14).
 * The rest is for what we wrap around them.
 */
#define NESTING_MOST 1050

/* Also false if a length leads out of what holds it, or a type is unknown. `bytes` may hold anything. */
bool nesting_fits(const uint8_t *bytes, size_t size);

#endif
