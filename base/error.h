/*
 * Errors: a kind (error.def has its exit status), the server's code if there is one, and one line of text.
 *
 * A function that can fail returns bool and takes a `struct error *` last. On false the error is set, and nothing is
 * half-changed unless the function's header says so. Callers add what they were doing with error_wrap. Whoever decides
 * what happens next logs the error, once.
 */
#ifndef FERRY_BASE_ERROR_H
#define FERRY_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

enum error_kind {
#define ERROR_KIND(name, status, restart, text) name,
#include "base/error.def"
#undef ERROR_KIND
  ERROR_KIND_COUNT
};

struct error {
  enum error_kind kind;
  int64_t code; /* the server's error code; 0: none */
  char text[1024];
};

/* Sets the error, with code 0. Always returns false, so that `return error_set(...)` reads well. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text. Returns false. */
bool error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A kind's exit status, and its meaning in words. */
int error_exit_status(enum error_kind kind);
const char *error_meaning(enum error_kind kind);

#endif
