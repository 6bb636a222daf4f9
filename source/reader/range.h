/*
 * Reads a range of a collection, from one end of its `_id` index to the other, or in natural order.
 *
 * A bound is a raw one, as source/catalog/split.h makes them. An interrupted scan by the index goes on where it was.
 */
#ifndef FERRY_SOURCE_READER_RANGE_H
#define FERRY_SOURCE_READER_RANGE_H

#include "source/reader/reader.h"

struct range {
  const char *db;
  const char *coll;
  const uint8_t *uuid; /* NULL: by name */
  const bson_t *min;   /* {_id} bounds; NULL: open */
  const bson_t *max;
  const bson_t *filter; /* NULL: everything in it; else no MaxKey may match */
  const bson_t *ids;    /* for by_id_read: an array of `_id`s */
  bool natural;         /* in natural order, as there is no `_id` index; with bounds: buckets of a time series */
  /* the last of several ranges: also fetches a document with the `_id` MaxKey, which lies behind the open end */
  bool fetch_max;
  bool sorted;        /* in the order of `_id` in any case, also through a mongos, and each once; not with `natural` */
  int32_t batch_size; /* most documents in one answer; 0: left to the server */
};

enum range_answer { RANGE_GO_ON, RANGE_ENOUGH, RANGE_FAILED };

/* Takes a document, which is valid during the call, and which nobody has looked into (find.h: passed_on). */
typedef enum range_answer (*range_take)(void *context, const bson_t *document, struct error *error);

/*
 * Calls `take` for each document. False after an error of the source, or RANGE_FAILED. An answer of RANGE_ENOUGH ends
 * the reading, and that is true.
 */
bool range_read(struct reader *reader, const struct range *range, range_take take, void *context, struct error *error);

#endif
