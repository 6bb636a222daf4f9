#include "compare/texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define TEXT_SIZE 1024

void
texts_add(struct texts *texts, const char *format, ...)
{
  char text[TEXT_SIZE];
  char key[16];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char *escaped = text_escaped(text);
  if (!texts->list) {
    texts->list = bson_new();
  }
  snprintf(key, sizeof key, "%u", texts->count++);
  BSON_APPEND_UTF8(texts->list, key, escaped);
  free(escaped);
}

void
texts_put(const struct texts *texts, const char *name, bson_t *document)
{
  if (texts->list) {
    bson_append_array(document, name, -1, texts->list);
  }
}

void
texts_clear(struct texts *texts)
{
  bson_destroy(texts->list);
  *texts = (struct texts){0};
}
