/*
 * How many documents a collection has.
 *
 * The quick count is the server's own number. It costs nothing, and it may be wrong: after an unclean shutdown, and
 * through a mongos, which counts orphaned documents (docs of the count command, 2.6 to 8.0). The exact one reads the
 * `_id` index, or the collection where that cannot be asked for (before 3.6), and leaves orphans out.
 */
#ifndef FERRY_COMPARE_COUNTS_H
#define FERRY_COMPARE_COUNTS_H

#include "source/catalog/catalog.h"

#define COUNTS_WHY_SIZE 300

struct counts {
  int64_t documents;         /* -1: not known */
  int64_t bytes;             /* of the documents; -1: not known */
  char why[COUNTS_WHY_SIZE]; /* if the documents are not known: why not */
};

/* These return false only if the server is away. `limit_ms`, at least 1: how long the server may take. */
bool counts_quick(struct reader *reader, const struct collection *collection, int64_t limit_ms, struct counts *counts,
                  struct error *error);
bool counts_exact(struct reader *reader, const struct collection *collection, int64_t limit_ms, struct counts *counts,
                  struct error *error);

#endif
