#include "source/legacy/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ITERATIONS_LEAST 4096 /* what the SCRAM specification of the drivers asks for */
#define ITERATIONS_MOST 10000000
#define SALT_MOST 256

static bool
md5_hex(const char *text, char digest[SCRAM_DIGEST_SIZE], struct error *error)
{
  uint8_t bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text, strlen(text), bytes, &size, EVP_md5(), NULL) != 1 || size != 16) {
    return error_set(error, ERROR_AUTH, "this machine's OpenSSL has no MD5, which old servers' logins need");
  }
  for (size_t i = 0; i < 16; i++) {
    snprintf(digest + i * 2, 3, "%02x", bytes[i]);
  }
  OPENSSL_cleanse(bytes, sizeof bytes);
  return true;
}

bool
scram_digest(const char *user, const char *password, char digest[SCRAM_DIGEST_SIZE], struct error *error)
{
  char *text = memory_format("%s:mongo:%s", user, password);
  bool ok = md5_hex(text, digest, error);
  memory_wipe(text);
  return ok;
}

bool
scram_cr_key(const char *nonce, const char *user, const char *digest, char key[SCRAM_DIGEST_SIZE], struct error *error)
{
  char *text = memory_format("%s%s%s", nonce, user, digest);
  bool ok = md5_hex(text, key, error);
  memory_wipe(text);
  return ok;
}

/* In a SCRAM user name "," and "=" have other meanings. */
static char *
escape_user(const char *user)
{
  char *escaped = memory_new(strlen(user) * 3 + 1);
  char *out = escaped;
  for (const char *in = user; *in; in++) {
    if (*in == ',' || *in == '=') {
      out += sprintf(out, "%s", *in == ',' ? "=2C" : "=3D");
    } else {
      *out++ = *in;
    }
  }
  return escaped;
}

char *
scram_begin(struct scram *scram, const char *user, const char *nonce)
{
  char *escaped = escape_user(user);
  *scram = (struct scram){.first = memory_format("n=%s,r=%s", escaped, nonce), .nonce = memory_string(nonce)};
  free(escaped);
  return memory_format("n,,%s", scram->first);
}

void
scram_clear(struct scram *scram)
{
  free(scram->first);
  free(scram->nonce);
  free(scram->final);
  OPENSSL_cleanse(scram->server_signature, sizeof scram->server_signature);
  *scram = (struct scram){0};
}

static char *
base64(const uint8_t *bytes, size_t size)
{
  char *text = memory_new(4 * ((size + 2) / 3) + 1);
  EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
  return text;
}

/* The number of bytes; -1 if it is no base64, or has more than `most` bytes. */
static int
unbase64(const char *text, uint8_t *bytes, size_t most)
{
  size_t length = strlen(text);
  uint8_t raw[SALT_MOST + 4];
  if (length == 0 || length % 4 != 0 || length / 4 * 3 > sizeof raw) {
    return -1;
  }
  int size = EVP_DecodeBlock(raw, (const unsigned char *)text, (int)length);
  for (size_t i = length; size > 0 && i > length - 2 && text[i - 1] == '='; i--) {
    size--;
  }
  if (size < 0 || (size_t)size > most) {
    return -1;
  }
  memcpy(bytes, raw, (size_t)size);
  return size;
}

/* The value of "name=" in a message, whose parts are separated by commas. The caller's; NULL if it is not there. */
static char *
attribute(const char *message, char name)
{
  for (const char *at = message; at; at = strchr(at, ','), at = at ? at + 1 : NULL) {
    if (at[0] == name && at[1] == '=') {
      return strndup(at + 2, strcspn(at + 2, ","));
    }
  }
  return NULL;
}

static bool
hmac(const uint8_t *key, size_t size, const char *text, uint8_t out[SCRAM_SHA1_BYTES])
{
  unsigned made = 0;
  return HMAC(EVP_sha1(), key, (int)size, (const unsigned char *)text, strlen(text), out, &made) &&
         made == SCRAM_SHA1_BYTES;
}

/* Writes the proof, and the signature that the server has to answer with. */
static bool
compute(struct scram *scram, const uint8_t salted[SCRAM_SHA1_BYTES], const char *message,
        uint8_t proof[SCRAM_SHA1_BYTES])
{
  uint8_t client[SCRAM_SHA1_BYTES];
  uint8_t stored[SCRAM_SHA1_BYTES];
  uint8_t server[SCRAM_SHA1_BYTES];
  uint8_t signature[SCRAM_SHA1_BYTES];
  unsigned made = 0;
  bool ok = hmac(salted, SCRAM_SHA1_BYTES, "Client Key", client) &&
            EVP_Digest(client, sizeof client, stored, &made, EVP_sha1(), NULL) == 1 &&
            hmac(stored, sizeof stored, message, signature) && hmac(salted, SCRAM_SHA1_BYTES, "Server Key", server) &&
            hmac(server, sizeof server, message, scram->server_signature);
  for (size_t i = 0; ok && i < SCRAM_SHA1_BYTES; i++) {
    proof[i] = client[i] ^ signature[i];
  }
  OPENSSL_cleanse(client, sizeof client);
  OPENSSL_cleanse(stored, sizeof stored);
  OPENSSL_cleanse(server, sizeof server);
  return ok;
}

static bool
answer(struct scram *scram, const char *digest, const char *server_first, const char *nonce, const char *salt_text,
       const char *rounds_text, struct error *error)
{
  uint8_t salt[SALT_MOST];
  uint8_t salted[SCRAM_SHA1_BYTES];
  uint8_t proof[SCRAM_SHA1_BYTES];
  int salt_size = salt_text ? unbase64(salt_text, salt, sizeof salt) : -1;
  long rounds = rounds_text ? strtol(rounds_text, NULL, 10) : 0;
  size_t own = strlen(scram->nonce);
  if (!nonce || salt_size <= 0 || rounds <= 0) {
    return error_set(error, ERROR_AUTH, "SCRAM-SHA-1: the server's message is not understood");
  }
  if (strncmp(nonce, scram->nonce, own) != 0 || strlen(nonce) <= own) {
    return error_set(error, ERROR_AUTH, "SCRAM-SHA-1: the server's nonce does not go on from ours");
  }
  if (rounds < ITERATIONS_LEAST || rounds > ITERATIONS_MOST) {
    return error_set(error, ERROR_AUTH, "SCRAM-SHA-1: the server asks for %ld iterations", rounds);
  }
  char *without = memory_format("c=biws,r=%s", nonce);
  char *message = memory_format("%s,%s,%s", scram->first, server_first, without);
  bool ok = PKCS5_PBKDF2_HMAC(digest, (int)strlen(digest), salt, salt_size, (int)rounds, EVP_sha1(), sizeof salted,
                              salted) == 1 &&
            compute(scram, salted, message, proof);
  if (ok) {
    char *text = base64(proof, sizeof proof);
    scram->final = memory_format("%s,p=%s", without, text);
    free(text);
  } else {
    error_set(error, ERROR_AUTH, "this machine's OpenSSL has no SHA-1, which old servers' logins need");
  }
  OPENSSL_cleanse(salted, sizeof salted);
  free(without);
  free(message);
  return ok;
}

bool
scram_answer(struct scram *scram, const char *digest, const char *server_first, struct error *error)
{
  char *nonce = attribute(server_first, 'r');
  char *salt = attribute(server_first, 's');
  char *rounds = attribute(server_first, 'i');
  bool ok = answer(scram, digest, server_first, nonce, salt, rounds, error);
  free(nonce);
  free(salt);
  free(rounds);
  return ok;
}

bool
scram_check(const struct scram *scram, const char *server_final, struct error *error)
{
  uint8_t signature[SCRAM_SHA1_BYTES];
  char *text = attribute(server_final, 'v');
  bool ok = text && unbase64(text, signature, sizeof signature) == SCRAM_SHA1_BYTES &&
            CRYPTO_memcmp(signature, scram->server_signature, SCRAM_SHA1_BYTES) == 0;
  free(text);
  return ok || error_set(error, ERROR_AUTH, "SCRAM-SHA-1: the server could not prove that it knows the password");
}
