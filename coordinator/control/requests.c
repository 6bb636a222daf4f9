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
