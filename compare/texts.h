/*
 * A list of lines for people.
 */
#ifndef FERRY_COMPARE_TEXTS_H
#define FERRY_COMPARE_TEXTS_H

#include <bson/bson.h>

struct texts {
  bson_t *list; /* an array of strings; NULL while there is none */
  uint32_t count;
};

/* Names in a text are escaped (base/text.h), so each text is UTF-8 and one line. */
void texts_add(struct texts *texts, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends the array, unless it is empty. */
void texts_put(const struct texts *texts, const char *name, bson_t *document);
void texts_clear(struct texts *texts);

#endif
