#include "compare/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct digester {
  EVP_MD_CTX *context;
};

struct digester *
digester_new(struct error *error)
{
  struct digester *digester = memory_new(sizeof *digester);
  digester->context = EVP_MD_CTX_new();
  if (!digester->context || !EVP_DigestInit_ex(digester->context, EVP_sha256(), NULL)) {
    digester_free(digester);
    error_set(error, ERROR_INTERNAL, "OpenSSL does not compute SHA-256 on this machine: look at its configuration");
    return NULL;
  }
  return digester;
}

void
digester_free(struct digester *digester)
{
  if (digester) {
    EVP_MD_CTX_free(digester->context);
    free(digester);
  }
}

/* No type is named again: to look one up costs more than a small document. */
struct digest
digester_of(struct digester *digester, const uint8_t *bytes, size_t size)
{
  struct digest digest = {{0}};
  EVP_DigestInit_ex(digester->context, NULL, NULL);
  EVP_DigestUpdate(digester->context, bytes, size);
  EVP_DigestFinal_ex(digester->context, digest.bytes, NULL);
  return digest;
}

void
digest_add(struct digest *sum, const struct digest *more)
{
  unsigned carry = 0;
  for (int i = DIGEST_SIZE - 1; i >= 0; i--) {
    carry += (unsigned)sum->bytes[i] + more->bytes[i];
    sum->bytes[i] = (uint8_t)carry;
    carry >>= 8;
  }
}

bool
digest_equal(const struct digest *left, const struct digest *right)
{
  return memcmp(left->bytes, right->bytes, DIGEST_SIZE) == 0;
}

void
digest_put(bson_t *document, const char *name, const struct digest *digest)
{
  bson_append_binary(document, name, -1, BSON_SUBTYPE_BINARY, digest->bytes, DIGEST_SIZE);
}

struct digest
digest_get(const bson_t *document, const char *name)
{
  struct digest digest = {{0}};
  bson_iter_t iter;
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_BINARY(&iter)) {
    bson_iter_binary(&iter, &subtype, &size, &bytes);
    if (size == DIGEST_SIZE) {
      memcpy(digest.bytes, bytes, DIGEST_SIZE);
    }
  }
  return digest;
}

void
digest_text(const struct digest *digest, char text[DIGEST_TEXT_SIZE])
{
  for (int i = 0; i < DIGEST_SIZE; i++) {
    snprintf(text + 2 * i, 3, "%02x", digest->bytes[i]);
  }
}

static int
digit(char letter)
{
  static const char digits[] = "0123456789abcdef";
  const char *at = letter ? strchr(digits, letter) : NULL;
  return at ? (int)(at - digits) : -1;
}

bool
digest_read(const char *text, struct digest *digest)
{
  if (strlen(text) != DIGEST_TEXT_SIZE - 1) {
    return false;
  }
  for (int i = 0; i < DIGEST_SIZE; i++) {
    int high = digit(text[2 * i]);
    int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    digest->bytes[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}
