/*
 * The table of requests (requests.def), what a request is, and what an answer is.
 */
#ifndef FERRY_COORDINATOR_CONTROL_REQUESTS_H
#define FERRY_COORDINATOR_CONTROL_REQUESTS_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum request_name {
#define REQUEST(name, method, path, who, fields, help) REQUEST_##name,
#include "coordinator/control/requests.def"
#undef REQUEST
  REQUEST_COUNT
};

enum request_who { REQUEST_READ, REQUEST_STEER, REQUEST_END };

/* A row of the table. */
struct request_kind {
  enum request_name name;
  const char *method;
  const char *path;
  enum request_who who;
  const char *fields;
  const char *help;
};

struct request {
  const struct request_kind *kind;
  const char *body;
  size_t size;
};

/* `text` is the caller's to free; `type` is static, NULL for JSON. */
struct answer {
  unsigned status; /* of HTTP */
  const char *type;
  char *text;
};

/* NULL: there is none; `allowed` is then the method that the path takes, NULL if there is no such path. */
const struct request_kind *request_find(const char *method, const char *path, const char **allowed);
const struct request_kind *request_kind(enum request_name name);

/*
 * Reads the body: a JSON object with the fields of the table, and no other. None at all is an empty one. ERROR_USAGE
 * says what is wrong. On true `document` is the caller's to destroy.
 */
bool request_read(const struct request *request, bson_t *document, struct error *error);

/* {"errorMessage": ...}, escaped. */
struct answer answer_error(unsigned status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
