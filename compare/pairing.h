/*
 * What is compared with what: lists the source's selected collections, finds that of the target for each, and splits
 * them into ranges. Up to eight connections to each side share the work.
 */
#ifndef FERRY_COMPARE_PAIRING_H
#define FERRY_COMPARE_PAIRING_H

#include "compare/comparison.h"
#include "source/catalog/split.h"

struct pairing {
  /* The caller's. */
  struct reader *readers[COMPARISON_SIDES]; /* open */
  const char *uris[COMPARISON_SIDES];
  int versions[COMPARISON_SIDES]; /* server_version */
  catalog_wanted wanted;          /* of the source; with its context */
  const void *wanted_context;
  int64_t range_bytes;
  const struct selection *selection; /* gives the source's collections their names on the target */
  /* Whether the target can take these names; NULL: that is known. */
  bool (*check)(void *context, const struct catalog *source, struct error *error);
  /* Whether the points that split it are known already, and these; NULL: they are not. */
  bool (*find_points)(void *context, const struct collection *collection, struct split_points *points);
  void *context;
  /* The answer: the target has everything, and only what is compared has indexes. */
  struct catalog catalogs[COMPARISON_SIDES];
  struct collection **targets; /* of each collection of the source; NULL: it is not there */
  struct split_points *points; /* of each collection of the source */
};

/* Call pairing_clear in any case. */
bool pairing_make(struct pairing *pairing, struct error *error);
void pairing_clear(struct pairing *pairing);

#endif
