/*
 * The report of a verification: a document (docs/verify.md has its fields), and the same as text.
 */
#ifndef FERRY_COORDINATOR_VERIFY_REPORT_H
#define FERRY_COORDINATOR_VERIFY_REPORT_H

#include <stdio.h>

#include "coordinator/verify/pairs.h"
#include "coordinator/verify/results.h"

struct report {
  const struct pairs *pairs;
  const struct results *results;
  int64_t began_unix_ms;
  int64_t ended_unix_ms;
  bool moved; /* a side was written to meanwhile, or may have been: a difference may be none */
};

/*
 * Makes the document; the caller's to destroy. ERROR_NONE if both sides are equal, ERROR_DIFFERENT if they are not,
 * ERROR_SOURCE if something could not be compared, and nothing differs.
 */
enum error_kind report_make(const struct report *report, bson_t *document);

/*
 * Appends `field`: documents that a worker found, by the names of the report; nothing if there are none. `of_range`: the id
 * of each is {_id}, as VERIFY tells it; else the value, as VERIFY_IDS does. Returns how
 * many there are.
 */
uint32_t report_put_documents(const bson_t *found, bool of_range, const char *field, bson_t *document);

/* The document as text for people. */
void report_print(const bson_t *document, FILE *out);

/* As JSON, one line. NULL if it cannot be made. bson_free it. */
char *report_json(const bson_t *document);

#endif
