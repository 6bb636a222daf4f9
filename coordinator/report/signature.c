#include "coordinator/report/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

struct signer {
  EVP_PKEY *key;
  struct signature_key public;
};

/* A file that does not open at once (a FIFO) is no key. */
static FILE *
open_key(const char *file, const char *option, struct stat *status, struct error *error)
{
  int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  FILE *opened = descriptor >= 0 && fstat(descriptor, status) == 0 ? fdopen(descriptor, "r") : NULL;
  if (!opened) {
    int cause = errno;
    if (descriptor >= 0) {
      close(descriptor);
    }
    error_set(error, ERROR_USAGE, "--%s: cannot read '%s': %s", option, file, strerror(cause));
  }
  return opened;
}

/* What OpenSSL calls when the file is encrypted. */
struct password {
  const char *text;
  bool asked;
};

static int
give_password(char *buffer, int size, int writing, void *context)
{
  (void)writing;
  struct password *password = context;
  password->asked = true;
  size_t length = password->text ? strlen(password->text) : 0;
  if (length == 0 || length > (size_t)size) {
    return -1;
  }
  memcpy(buffer, password->text, length);
  return (int)length;
}

static bool
put_text(EVP_PKEY *key, struct signature_key *text)
{
  unsigned char *der = NULL;
  int size = i2d_PUBKEY(key, &der);
  bool fits = size > 0 && (size + 2) / 3 * 4 < SIGNATURE_KEY_SIZE;
  if (fits) {
    EVP_EncodeBlock((unsigned char *)text->text, der, size);
  }
  OPENSSL_free(der);
  return fits;
}

static bool
is_ed25519(EVP_PKEY *key, const char *option, const char *file, struct error *error)
{
  return EVP_PKEY_base_id(key) == EVP_PKEY_ED25519 ||
         error_set(
           error, ERROR_USAGE,
           "--%s: the key in '%s' is of another kind than Ed25519; openssl genpkey -algorithm ed25519 makes one",
           option, file);
}

static EVP_PKEY *
read_private(const char *file, const char *text, struct error *error)
{
  struct stat status;
  struct password password = {.text = text};
  FILE *opened = open_key(file, "signKey", &status, error);
  if (!opened) {
    return NULL;
  }
  if (status.st_mode & (S_IRWXG | S_IRWXO)) {
    log_warn("%s holds a secret and is open to other users: chmod 600 it", file);
  }
  EVP_PKEY *key = PEM_read_PrivateKey(opened, NULL, give_password, &password);
  fclose(opened);
  ERR_clear_error();
  if (!key) {
    error_set(error, ERROR_USAGE, "--signKey: %s '%s'%s",
              password.asked && text ? "--signKeyPassword is not the password of"
              : password.asked       ? "there is no password of"
                                     : "there is no private key in PEM in",
              file, password.asked && !text ? "; give --signKeyPassword" : "");
  }
  return key;
}

struct signer *
signer_read(const char *file, const char *password, struct error *error)
{
  EVP_PKEY *key = read_private(file, password, error);
  if (!key) {
    return NULL;
  }
  struct signer *signer = memory_new(sizeof *signer);
  signer->key = key;
  if (is_ed25519(key, "signKey", file, error) &&
      (put_text(key, &signer->public) || error_set(error, ERROR_INTERNAL, "OpenSSL does not tell the public key"))) {
    return signer;
  }
  signer_free(signer);
  return NULL;
}

void
signer_free(struct signer *signer)
{
  if (signer) {
    EVP_PKEY_free(signer->key);
    free(signer);
  }
}

const struct signature_key *
signer_public(const struct signer *signer)
{
  return &signer->public;
}

bool
signer_sign(const struct signer *signer, const void *bytes, size_t size, uint8_t signature[SIGNATURE_SIZE],
            struct error *error)
{
  size_t length = SIGNATURE_SIZE;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool ok = context && EVP_DigestSignInit(context, NULL, NULL, NULL, signer->key) == 1 &&
            EVP_DigestSign(context, signature, &length, bytes, size) == 1 && length == SIGNATURE_SIZE;
  EVP_MD_CTX_free(context);
  return ok || error_set(error, ERROR_INTERNAL, "OpenSSL cannot sign the report: %s",
                         ERR_reason_error_string(ERR_get_error()));
}

bool
signature_read_key(const char *file, struct signature_key *key, struct error *error)
{
  struct stat status;
  FILE *opened = open_key(file, "publicKey", &status, error);
  if (!opened) {
    return false;
  }
  EVP_PKEY *read = PEM_read_PUBKEY(opened, NULL, NULL, NULL);
  fclose(opened);
  ERR_clear_error();
  if (!read) {
    return error_set(
      error, ERROR_USAGE,
      "--publicKey: there is no public key in PEM in '%s'; openssl pkey -pubout -in KEY writes that of KEY", file);
  }
  bool ok = is_ed25519(read, "publicKey", file, error) &&
            (put_text(read, key) || error_set(error, ERROR_INTERNAL, "OpenSSL does not tell the public key"));
  EVP_PKEY_free(read);
  return ok;
}

int
signature_check(const char *key, const void *bytes, size_t size, const uint8_t signature[SIGNATURE_SIZE])
{
  unsigned char der[SIGNATURE_KEY_SIZE];
  const unsigned char *at = der;
  size_t length = strlen(key);
  int got = length < SIGNATURE_KEY_SIZE ? EVP_DecodeBlock(der, (const unsigned char *)key, (int)length) : -1;
  EVP_PKEY *read = got > 0 ? d2i_PUBKEY(NULL, &at, got) : NULL;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int checked = -1;
  if (context && read && EVP_PKEY_base_id(read) == EVP_PKEY_ED25519 &&
      EVP_DigestVerifyInit(context, NULL, NULL, NULL, read) == 1) {
    checked = EVP_DigestVerify(context, signature, SIGNATURE_SIZE, bytes, size) == 1;
  }
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(read);
  ERR_clear_error();
  return checked;
}
