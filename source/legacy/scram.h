/*
 * What old servers' logins compute: MONGODB-CR's key and SCRAM-SHA-1's conversation (RFC 5802). Pure: no server.
 *
 * Both begin with the digest of user and password, not with the password itself:
 * S:src/mongo/util/password_digest.cpp@r2.6.12
 */
#ifndef FERRY_SOURCE_LEGACY_SCRAM_H
#define FERRY_SOURCE_LEGACY_SCRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SCRAM_SHA1_BYTES 20
#define SCRAM_DIGEST_SIZE 33 /* 32 hexadecimal digits and a NUL */

/* hex(md5(user:mongo:password)): a secret, to be wiped. False if this machine's OpenSSL has no MD5. */
bool scram_digest(const char *user, const char *password, char digest[SCRAM_DIGEST_SIZE], struct error *error);

/* MONGODB-CR: hex(md5(nonce + user + digest)). */
bool scram_cr_key(const char *nonce, const char *user, const char *digest, char key[SCRAM_DIGEST_SIZE],
                  struct error *error);

struct scram {
  char *first; /* client-first-message-bare */
  char *nonce; /* the client's */
  char *final; /* the client's second message */
  uint8_t server_signature[SCRAM_SHA1_BYTES];
};

/* The client's first message, `n,,` included: the caller's. `nonce`: printable, no comma. */
char *scram_begin(struct scram *scram, const char *user, const char *nonce);

/* Reads the server's first message, and sets `scram->final`. ERROR_AUTH if this client may not go on with it. */
bool scram_answer(struct scram *scram, const char *digest, const char *server_first, struct error *error);

/* Checks that the server knows the password, too. ERROR_AUTH if it does not. */
bool scram_check(const struct scram *scram, const char *server_final, struct error *error);

/* Wipes what is secret. */
void scram_clear(struct scram *scram);

#endif
