#include "coordinator/verify/check_report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "coordinator/report/report_file.h"
#include "coordinator/verify/report_shape.h"
#include "ipc/message.h"

#define BYTES_MOST (1LL << 30)

struct text {
  char *bytes; /* a zero byte follows */
  size_t size;
};

struct check {
  const char *file;
  struct text text;
  bson_t *report;
  struct signature_key wanted; /* --publicKey; "": none given */
};

static bool
cannot_read(const char *path, const char *why, struct error *error)
{
  return error_set(error, ERROR_USAGE, "--checkReport: cannot read '%s': %s", path, why);
}

static bool
read_bytes(int descriptor, struct text *text)
{
  ssize_t got = 1;
  size_t used = 0;
  while (used < text->size && (got = read(descriptor, text->bytes + used, text->size - used)) > 0) {
    used += (size_t)got;
  }
  text->size = used;
  return got >= 0;
}

/* 1; 0: there is no such file; -1 on error. */
static int
read_file(const char *path, struct text *text, struct error *error)
{
  struct stat status;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0 && errno == ENOENT) {
    return 0;
  }
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    cannot_read(path, strerror(errno), error);
    return -1;
  }
  bool ok = (S_ISREG(status.st_mode) || cannot_read(path, "it is no regular file", error)) &&
            (status.st_size <= BYTES_MOST || cannot_read(path, "it is larger than a report", error));
  if (ok) {
    text->size = (size_t)status.st_size;
    text->bytes = memory_new(text->size + 1);
    ok = read_bytes(descriptor, text) || cannot_read(path, strerror(errno), error);
  }
  close(descriptor);
  return ok ? 1 : -1;
}

/* A report is one line of JSON. */
static bool
parse(struct check *check, struct error *error)
{
  const struct text *text = &check->text;
  bson_error_t cause;
  if (text->size < 3 || memcmp(text->bytes + text->size - 2, "}\n", 2) != 0) {
    return error_set(error, ERROR_REPORT, "it is cut short, or is no report: a report ends with a } and a line's end");
  }
  check->report = bson_new_from_json((const uint8_t *)text->bytes, (ssize_t)text->size, &cause);
  if (!check->report) {
    return error_set(error, ERROR_REPORT, "it is no JSON, so it was changed or is no report: %s", cause.message);
  }
  if (!bson_has_field(check->report, "format") || !bson_has_field(check->report, "mongoferry")) {
    return error_set(error, ERROR_REPORT,
                     "it is no report of mongoferry: the fields format and mongoferry are missing");
  }
  int64_t format = message_number(check->report, "format", -1);
  return format == REPORT_SHAPE_FORMAT ||
         error_set(error, ERROR_REPORT,
                   "its format is %" PRId64 ", and this version knows only %d: use the version that made it", format,
                   REPORT_SHAPE_FORMAT);
}

static const char *
key_of(const struct check *check)
{
  bson_t by;
  struct error absent;
  return message_document(check->report, "signedBy", &by, &absent) ? message_text_or_none(&by, "publicKey") : "";
}

static bool
check_bytes(const struct check *check, const struct text *signature, struct error *error)
{
  if (signature->size != SIGNATURE_SIZE) {
    return error_set(error, ERROR_REPORT, "its signature, '%s.sig', has %zu bytes: an Ed25519 signature has %d",
                     check->file, signature->size, SIGNATURE_SIZE);
  }
  int good = signature_check(*check->wanted.text ? check->wanted.text : key_of(check), check->text.bytes,
                             check->text.size, (const uint8_t *)signature->bytes);
  return good == 1 || error_set(error, ERROR_REPORT, "%s",
                                good == 0 ? "it, or its signature, was changed after it was signed"
                                          : "the publicKey that it names is no Ed25519 key");
}

/* The key comes first: what another one signed is no change of the file. */
static bool
check_signature(const struct check *check, struct error *error)
{
  const char *key = key_of(check);
  if (!*key) {
    return error_set(error, ERROR_REPORT,
                     "it is not signed, so nobody can tell whether it was changed; --signKey signs");
  }
  if (*check->wanted.text && strcmp(key, check->wanted.text) != 0) {
    return error_set(error, ERROR_REPORT, "it names another key than that of --publicKey: %s", key);
  }
  struct text signature = {.bytes = NULL};
  char *beside = report_file_signature(check->file);
  int got = read_file(beside, &signature, error);
  bool ok = got == 1 ? check_bytes(check, &signature, error)
                     : got < 0 || error_set(error, ERROR_REPORT, "its signature is missing: '%s'", beside);
  free(signature.bytes);
  free(beside);
  return ok && got == 1;
}

static bool
is_cutover(const struct check *check)
{
  return bson_has_field(check->report, "finished");
}

static bool
check_all(struct check *check, const struct options *options, struct error *error)
{
  if (options->public_key && !signature_read_key(options->public_key, &check->wanted, error)) {
    return false;
  }
  int got = read_file(check->file, &check->text, error);
  if (got != 1) {
    return got < 0 ? false : cannot_read(check->file, strerror(ENOENT), error);
  }
  return (parse(check, error) && check_signature(check, error) &&
          (is_cutover(check) ? report_shape_cutover(check->report, error)
                             : report_shape_verification(check->report, error))) ||
         (error->kind == ERROR_REPORT && error_wrap(error, "the report '%s' is not good", check->file));
}

static void
tell(const struct check *check)
{
  const char *found = is_cutover(check) ? (message_flag(check->report, "finished") ? "a finished cut-over"
                                                                                   : "a cut-over that is not finished")
                      : message_flag(check->report, "equal") ? "EQUAL"
                                                             : "NOT EQUAL";
  printf("the report '%s' is as it was signed, its sums are right, and it says: %s; key %s%s\n", check->file, found,
         key_of(check), *check->wanted.text ? "" : " (the one that it names: --publicKey FILE makes sure whose it is)");
}

int
check_report_run(const struct options *options)
{
  struct error error = {.kind = ERROR_NONE};
  struct check check = {.file = options->check_report};
  bool ok = check_all(&check, options, &error);
  if (ok) {
    tell(&check);
  } else {
    log_error("%s", error.text);
  }
  bson_destroy(check.report);
  free(check.text.bytes);
  return ok ? 0 : error_exit_status(error.kind);
}
