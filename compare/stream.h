/*
 * The documents of a range, or with its `ids`, read ahead by a thread of its own. So both servers work at once.
 */
#ifndef FERRY_COMPARE_STREAM_H
#define FERRY_COMPARE_STREAM_H

#include "source/reader/range.h"

/* Who asks for so many documents in an answer, or fewer, knows that they are large: the streams read one after another. */
#define STREAM_FEW_DOCUMENTS 2

struct stream;

/* The reader belongs to the thread until stream_end. `range` must outlive the stream. NULL with ERROR_INTERNAL. */
struct stream *stream_start(struct reader *reader, const struct range *range, struct error *error);

/* 1: the next document's BSON, valid until the next call; 0: the end; -1 on error. */
int stream_next(struct stream *stream, const uint8_t **document, size_t *size, struct error *error);

/* Waits for the answer that is under way. NULL is fine. */
void stream_end(struct stream *stream);

#endif
