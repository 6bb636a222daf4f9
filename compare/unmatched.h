/*
 * Documents that one side has given, and the other one not yet: their `_id`, their digest, and their place in the
 * reading. So two readings are matched in any order, of which nothing has to be known.
 *
 * They are kept in memory up to a limit. Then all go to a nameless file, and are matched at the end, as many at a time
 * as the memory takes. That costs one reading of the file for each time.
 */
#ifndef FERRY_COMPARE_UNMATCHED_H
#define FERRY_COMPARE_UNMATCHED_H

#include "compare/digest.h"

struct unmatched;

struct unmatched_document {
  int side;           /* 0 or 1 */
  const uint8_t *key; /* {_id} as BSON; {} without one */
  uint32_t key_size;
  struct digest digest;
  int64_t number; /* its place in the reading of its side */
  int64_t bytes;  /* its size */
};

struct unmatched_settings {
  size_t memory_most; /* bytes */
  const char *folder; /* for the file */
  /*
   * Each `_id` is there once on a side. So what has the same `_id` on both sides belongs together, whatever its
   * bytes. Otherwise only equal documents do, until the end.
   */
  bool unique;
};

struct unmatched *unmatched_new(const struct unmatched_settings *settings);
void unmatched_free(struct unmatched *unmatched); /* NULL is fine */

/*
 * Looks for the document's other half. 1: it was there, is removed, and `*other` is what was known of it (without its
 * key); 0: there is none yet, and this one is kept. -1 with ERROR_STATE if the file cannot be written.
 */
int unmatched_match(struct unmatched *unmatched, const struct unmatched_document *document,
                    struct unmatched_document *other, struct error *error);

/* Whether something had to go to the file. */
bool unmatched_spilled(const struct unmatched *unmatched);

/* At the end. `right` NULL: one side alone has `left`. Else both have the `_id`, and digests that may differ. */
typedef bool (*unmatched_tell)(void *context, const struct unmatched_document *left,
                               const struct unmatched_document *right, struct error *error);

/* Tells of everything that is left. What the file brought together, and is equal, is not told. */
bool unmatched_end(struct unmatched *unmatched, unmatched_tell tell, void *context, struct error *error);

#endif
