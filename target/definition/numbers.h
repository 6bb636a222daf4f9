/*
 * Numbers of any type as a server compares them. Pure.
 */
#ifndef FERRY_TARGET_DEFINITION_NUMBERS_H
#define FERRY_TARGET_DEFINITION_NUMBERS_H

#include <bson/bson.h>

/* True for a Decimal128, too. */
bool numbers_is(const bson_iter_t *iter);
/* The value of a number. Large ones may lose digits. All zeros are one, and all NaNs. */
double numbers_of(const bson_iter_t *iter);
/*
 * What a server takes from a number of seconds: cut off to a whole number, 0 for NaN, the nearest possible one where
 * it is too large (safeNumberLong; S:src/mongo/bson/bsonelement.h@r4.2.2).
 */
int64_t numbers_whole(const bson_iter_t *iter);

#endif
