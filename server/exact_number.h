/*
 * The value of a number of any type without loss, and the bytes of any value. Pure.
 */
#ifndef FERRY_SERVER_EXACT_NUMBER_H
#define FERRY_SERVER_EXACT_NUMBER_H

#include <bson/bson.h>
#include <stdbool.h>

/* True for a Decimal128, too. */
bool exact_number_is(const bson_iter_t *value);
/* A long double holds each int64 and each double exactly. A Decimal128 may lose digits. */
long double exact_number_of(const bson_iter_t *value);
/* Whether a server takes the two numbers for the same: 1 and 1.0, 0 and -0.0, all NaNs. */
bool exact_number_same(const bson_iter_t *left, const bson_iter_t *right);

/* Whether the bytes of two values are the same; their types and names do not count. Nothing is copied. */
bool exact_bytes_same(const bson_iter_t *left, const bson_iter_t *right);

#endif
