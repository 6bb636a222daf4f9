/*
 * A digest of many documents that does not depend on their order: the sum, modulo 2^256, of the SHA-256 of each
 * document's BSON, taken as a number with its most significant byte first. So the digest of a collection is the sum of
 * its ranges'. docs/verify.md has the recipe.
 */
#ifndef FERRY_COMPARE_DIGEST_H
#define FERRY_COMPARE_DIGEST_H

#include <bson/bson.h>

#include "base/error.h"

#define DIGEST_SIZE 32

/* A sum, most significant byte first. Zeroed at first. */
struct digest {
  uint8_t bytes[DIGEST_SIZE];
};

/* What computes SHA-256. One thread at a time. NULL with ERROR_INTERNAL if OpenSSL does not do it. */
struct digester;
struct digester *digester_new(struct error *error);
void digester_free(struct digester *digester); /* NULL is fine */

/* The SHA-256 of these bytes. */
struct digest digester_of(struct digester *digester, const uint8_t *bytes, size_t size);

void digest_add(struct digest *sum, const struct digest *more);
bool digest_equal(const struct digest *left, const struct digest *right);

/* In a message: 32 bytes. A missing one is zero. */
void digest_put(bson_t *document, const char *name, const struct digest *digest);
struct digest digest_get(const bson_t *document, const char *name);

/* For people and reports: 64 hexadecimal digits. */
#define DIGEST_TEXT_SIZE (2 * DIGEST_SIZE + 1)
void digest_text(const struct digest *digest, char text[DIGEST_TEXT_SIZE]);
/* Back from that; false if the text is something else. */
bool digest_read(const char *text, struct digest *digest);

#endif
