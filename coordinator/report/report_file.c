#include "coordinator/report/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

FILE *
report_file_open(const char *path, struct error *error)
{
  int descriptor = -1;
  if (file_open_own(path, O_WRONLY | O_CREAT | O_TRUNC, "report", &descriptor, error) != 1) {
    return NULL;
  }
  FILE *file = fdopen(descriptor, "w");
  if (!file) {
    close(descriptor);
    error_set(error, ERROR_INTERNAL, "cannot write '%s': %s", path, strerror(errno));
  }
  return file;
}

bool
report_file_close(FILE *file, const char *path, struct error *error)
{
  bool bad = fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0;
  int cause = errno;
  fclose(file);
  return !bad || error_set(error, ERROR_STATE, "cannot write the report '%s': %s", path, strerror(cause));
}

static bool
write_bytes(const char *path, const void *bytes, size_t size, struct error *error)
{
  FILE *file = report_file_open(path, error);
  if (!file) {
    return false;
  }
  fwrite(bytes, 1, size, file);
  return report_file_close(file, path, error);
}

char *
report_file_signature(const char *path)
{
  return memory_format("%s.sig", path);
}

static bool
write_signature(const struct signer *signer, const char *path, const char *text, struct error *error)
{
  uint8_t signature[SIGNATURE_SIZE];
  char *beside = report_file_signature(path);
  bool ok = signer_sign(signer, text, strlen(text), signature, error) &&
            write_bytes(beside, signature, sizeof signature, error);
  free(beside);
  return ok;
}

/* A line of JSON, with who signs it; NULL if it cannot be made. */
static char *
make_text(const bson_t *document, const struct signer *signer)
{
  bson_t whole;
  bson_t signed_by;
  bson_copy_to(document, &whole);
  if (signer) {
    BSON_APPEND_DOCUMENT_BEGIN(&whole, "signedBy", &signed_by);
    BSON_APPEND_UTF8(&signed_by, "algorithm", "Ed25519");
    BSON_APPEND_UTF8(&signed_by, "publicKey", signer_public(signer)->text);
    bson_append_document_end(&whole, &signed_by);
  }
  char *json = bson_as_relaxed_extended_json(&whole, NULL);
  char *text = json ? memory_format("%s\n", json) : NULL;
  bson_free(json);
  bson_destroy(&whole);
  return text;
}

bool
report_file_write(const bson_t *document, const char *path, const struct signer *signer, struct error *error)
{
  char *text = make_text(document, signer);
  bool ok = text ? write_bytes(path, text, strlen(text), error)
                 : error_set(error, ERROR_INTERNAL, "cannot write the report '%s': it has no form in JSON", path);
  ok = ok && (!signer || write_signature(signer, path, text, error));
  free(text);
  return ok;
}
