/*
 * Signs a report, and checks that: Ed25519 (RFC 8032), by OpenSSL. Keys are files in PEM, as `openssl genpkey -algorithm
 * ed25519` and `openssl pkey -pubout` write them.
 *
 * A signature stands for the exact bytes of a file, and lies beside it as FILE.sig: its 64 bytes and nothing else. So
 * `openssl pkeyutl -verify -rawin` checks it, and nobody needs to know how JSON may be written.
 */
#ifndef FERRY_COORDINATOR_REPORT_SIGNATURE_H
#define FERRY_COORDINATOR_REPORT_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SIGNATURE_SIZE 64

/* A public key as text: the one line between the first and the last of its PEM file. */
#define SIGNATURE_KEY_SIZE 64
struct signature_key {
  char text[SIGNATURE_KEY_SIZE];
};

/* A private key. */
struct signer;

/*
 * Reads it. `password`: of an encrypted file; NULL: it should not be. NULL with ERROR_USAGE, which names the file. Warns if
 * other users may read it.
 */
struct signer *signer_read(const char *file, const char *password, struct error *error);
void signer_free(struct signer *signer); /* NULL is fine */

const struct signature_key *signer_public(const struct signer *signer);
bool signer_sign(const struct signer *signer, const void *bytes, size_t size, uint8_t signature[SIGNATURE_SIZE],
                 struct error *error);

/* Reads a public key. False with ERROR_USAGE, which names the file. */
bool signature_read_key(const char *file, struct signature_key *key, struct error *error);

/* 1: the key's owner signed these bytes; 0: not so; -1: the text is no such key. */
int signature_check(const char *key, const void *bytes, size_t size, const uint8_t signature[SIGNATURE_SIZE]);

#endif
