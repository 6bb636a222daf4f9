/*
 * The write errors in a reply to a write. They come from outside, so each field may be missing, or of any type. Pure.
 * Where several shards gave different errors for one write, and one of them passes, the code is that one's.
 */
#ifndef FERRY_SERVER_WRITE_ERRORS_H
#define FERRY_SERVER_WRITE_ERRORS_H

#include <bson/bson.h>

struct write_error {
  int64_t index; /* of the write within its command; -1: the server did not say */
  int64_t code;  /* CODE_UNKNOWN_ERROR if it did not say; never 0, which stands for a server that did not answer */
  char text[512];
};

/* Sets `iter` before the first write error. False if the reply has none. */
bool write_errors_begin(const bson_t *reply, bson_iter_t *iter);
/* The next one; false at the end. An element that is no document counts as a write error without any details. */
bool write_errors_next(bson_iter_t *iter, struct write_error *said);

/* The first one; false if the reply has none. */
bool write_errors_first(const bson_t *reply, struct write_error *said);

#endif
