/*
 * The write errors in a reply to a write. They come from outside: each field may be missing, or of any type. Pure.
 */
#ifndef FERRY_SERVER_WRITE_ERRORS_H
#define FERRY_SERVER_WRITE_ERRORS_H

#include <bson/bson.h>

struct write_error {
  int64_t index; /* of the write in its command; -1: the server did not say */
  int64_t code;  /* CODE_UNKNOWN_ERROR if it did not say; never 0, which stands for a server that did not answer */
  char text[512];
};

/* Goes through them: `iter` stands before the first one then. False if the reply has none. */
bool write_errors_begin(const bson_t *reply, bson_iter_t *iter);
/* False at the end. An element that is no document is a write error of which nothing is known. */
bool write_errors_next(bson_iter_t *iter, struct write_error *said);

/* The first one; false if the reply has none. */
bool write_errors_first(const bson_t *reply, struct write_error *said);

#endif
