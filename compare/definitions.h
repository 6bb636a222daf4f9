/*
 * Whether a collection of the target is defined as the one of the source, translated as the migration translates it
 * (target/definition/). So a known translation is no difference. Pure.
 */
#ifndef FERRY_COMPARE_DEFINITIONS_H
#define FERRY_COMPARE_DEFINITIONS_H

#include "compare/excuses.h"
#include "compare/texts.h"
#include "source/catalog/catalog.h"

struct definitions_rules {
  int target_version;     /* server_version */
  bool pages;             /* see definition_make */
  bool ttl_deferred;      /* nothing expires on the target yet; else everything does as on the source */
  bool keep_uuids;        /* the target's collections have the source's UUIDs */
  const char *no_indexes; /* why indexes are not compared; NULL: they are */
};

/* What was found of one collection, for people. */
struct definitions_findings {
  struct texts differences;  /* options and indexes, each by its path, with values of definitions only */
  struct texts translated;   /* what is other than on the source, and was made so */
  struct texts refused;      /* what the target refused to take, with its reason */
  struct texts not_compared; /* what, and why */
};

/*
 * `source` has its names on the target (catalog_name_target); both have what listCollections and listIndexes show.
 * Either may be NULL: it is not there. Buckets of a time series are made by the server, so only their indexes count.
 */
void definitions_compare(const struct collection *source, const struct collection *target,
                         const struct definitions_rules *rules, const struct excuse *excuse,
                         struct definitions_findings *findings);
void definitions_findings_clear(struct definitions_findings *findings);

#endif
