/*
 * Errors: a kind (its exit status is in error.def), the server's code where there is one, and one line of text.
 *
 * A function that can fail returns bool and takes a `struct error *` last; on false the error is set and nothing is
 * half-changed unless its header says so. Callers add what they were doing with error_wrap; who decides, logs, once.
 */
#ifndef FERRY_BASE_ERROR_H
#define FERRY_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

enum error_kind {
#define ERROR_KIND(name, status, text) name,
#include "base/error.def"
#undef ERROR_KIND
  ERROR_KIND_COUNT
};

struct error {
  enum error_kind kind;
  int64_t code; /* the server's error code, 0 if none */
  char text[1024];
};

/* Sets the error; always returns false, so that `return error_set(...)` reads well. Code becomes 0. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text; returns false. */
bool error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The process's exit status for a kind, and its meaning in words. */
int error_exit_status(enum error_kind kind);
const char *error_meaning(enum error_kind kind);

#endif
