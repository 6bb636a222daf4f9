#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
  int status;
  const char *meaning;
} kinds[] = {
#define ERROR_KIND(name, status, restart, text) {status, text},
#include "base/error.def"
#undef ERROR_KIND
};

bool
error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  error->kind = kind;
  error->code = 0;
  vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  return false;
}

bool
error_wrap(struct error *error, const char *format, ...)
{
  char inner[sizeof error->text];
  memcpy(inner, error->text, sizeof inner);
  va_list args;
  va_start(args, format);
  int used = vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  if (used >= 0 && (size_t)used < sizeof error->text) {
    snprintf(error->text + used, sizeof error->text - (size_t)used, ": %s", inner);
  }
  return false;
}

int
error_exit_status(enum error_kind kind)
{
  return kinds[kind].status;
}

const char *
error_meaning(enum error_kind kind)
{
  return kinds[kind].meaning;
}
