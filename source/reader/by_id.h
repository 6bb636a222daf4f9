/*
 * Documents of a collection by their `_id`s, whatever these are.
 *
 * $in takes many at once. But it reads operators, patterns and lists of elements out of some values, and takes null for
 * a missing field. Those are read one by one: each as the first document behind a bound of the `_id` index, which is
 * always a value.
 */
#ifndef FERRY_SOURCE_READER_BY_ID_H
#define FERRY_SOURCE_READER_BY_ID_H

#include "source/reader/range.h"

/*
 * Whether an `_id` index without a collation takes the two for one: 1 and 1.0, also deep in a document, a string and a
 * symbol. Both are {_id}; they may be damaged. Pure.
 */
bool by_id_same(const bson_t *left, const bson_t *right);

/* Whether $in takes the value for itself, and nothing else. Pure. */
bool by_id_fits_in(const bson_iter_t *id);

/*
 * Looks for the document with this {_id}, of the range's collection. `indexed`: it has an index on it. Without `take`, only
 * whether it is there. 1: it is there, and `take` had it, without a copy; 0: there is none; -1 on error, or RANGE_FAILED.
 * A collection that is not there has none.
 */
struct by_id_look {
  struct reader *reader;
  const struct range *range;
  bool indexed;
  range_take take; /* NULL: nobody wants it */
  void *context;
};
int by_id_look(const struct by_id_look *look, const bson_t *selector, struct error *error);

/* The same; the document is copied, and the caller's to destroy. */
int by_id_find(struct reader *reader, const struct range *range, const bson_t *selector, bool indexed, bson_t *document,
               struct error *error);

/*
 * Calls `take` for each document that has one of the range's `ids`, as range_read does. The collection must have an
 * `_id` index. Where that has a collation, others may come, too: whose `_id`s are equal to one of these by it.
 */
bool by_id_read(struct reader *reader, const struct range *range, range_take take, void *context, struct error *error);

#endif
