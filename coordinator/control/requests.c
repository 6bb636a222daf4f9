#include "coordinator/control/requests.h"

#include <bson/bson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static const struct request_kind table[] = {
#define REQUEST(name, method, path, who, fields, help) {REQUEST_##name, method, path, REQUEST_##who, fields, help},
#include "coordinator/control/requests.def"
#undef REQUEST
};

const struct request_kind *
request_find(const char *method, const char *path, const char **allowed)
{
  *allowed = NULL;
  for (int i = 0; i < REQUEST_COUNT; i++) {
    if (strcmp(table[i].path, path) == 0) {
      if (strcmp(table[i].method, method) == 0) {
        return &table[i];
      }
      *allowed = table[i].method;
    }
  }
  return NULL;
}

const struct request_kind *
request_kind(enum request_name name)
{
  return &table[name];
}

/* `fields` are names with ", " between. */
static bool
is_field(const char *fields, const char *name)
{
  size_t length = strlen(name);
  for (const char *at = fields; *at; at += strspn(at, ", ")) {
    size_t size = strcspn(at, ",");
    if (size == length && strncmp(at, name, size) == 0) {
      return true;
    }
    at += size;
  }
  return false;
}

static bool
check_fields(const struct request_kind *kind, const bson_t *document, struct error *error)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, document); bson_iter_next(&iter);) {
    if (!is_field(kind->fields, bson_iter_key(&iter))) {
      return error_set(error, ERROR_USAGE, "%s takes %s, no '%s'", kind->path,
                       *kind->fields ? kind->fields : "no fields", bson_iter_key(&iter));
    }
  }
  return true;
}

bool
request_read(const struct request *request, bson_t *document, struct error *error)
{
  const struct request_kind *kind = request->kind;
  size_t blank = strspn(request->body, " \t\r\n");
  if (blank == request->size) {
    bson_init(document);
    return true;
  }
  if (request->body[blank] != '{' || !bson_init_from_json(document, request->body, (ssize_t)request->size, NULL)) {
    return error_set(error, ERROR_USAGE, "%s takes a JSON object%s%s", kind->path, *kind->fields ? " of " : "",
                     kind->fields);
  }
  if (!check_fields(kind, document, error)) {
    bson_destroy(document);
    return false;
  }
  return true;
}

struct answer
answer_error(unsigned status, const char *format, ...)
{
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  bson_t document = BSON_INITIALIZER;
  char *escaped = text_escaped(text);
  BSON_APPEND_UTF8(&document, "errorMessage", escaped);
  char *json = bson_as_relaxed_extended_json(&document, NULL);
  struct answer answer = {.status = status, .text = memory_format("%s\n", json)};
  bson_free(json);
  free(escaped);
  bson_destroy(&document);
  return answer;
}
