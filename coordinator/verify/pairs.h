/*
 * The two servers of a verification, and what is compared with what: everything that needs a server before the first
 * process. A server of any version from 2.6 on will do on either side, also a standalone or a mongos.
 */
#ifndef FERRY_COORDINATOR_VERIFY_PAIRS_H
#define FERRY_COORDINATOR_VERIFY_PAIRS_H

#include "compare/pairing.h"
#include "coordinator/options/options.h"
#include "coordinator/run/plan.h"

struct resume;

/* What a collection of the source's catalog is compared with. */
struct pair {
  size_t target; /* its number in the target's catalog; SIZE_MAX: it is not there */
  struct split_points points;
};

struct pairs {
  const struct options *options;
  struct selection *selection;
  const char *uris[COMPARISON_SIDES];
  struct server_hello hellos[COMPARISON_SIDES];
  struct catalog catalogs[COMPARISON_SIDES]; /* the target's has everything, and only what is compared has indexes */
  const struct resume *resume;               /* knows the points of an earlier run; NULL: none */
  struct pair *items;                        /* one for each collection of the source's catalog */
  size_t count;
  size_t capacity;
};

/*
 * Opens both, lists them, and makes the plan: the ranges of the source's collections, each with its collection of the
 * target. Closes both again, also on false. The plan points into the catalogs.
 */
bool pairs_prepare(struct pairs *pairs, struct plan *plan, struct error *error);
/* Takes one pair of LISTED. */
bool pairs_take(struct pairs *pairs, const bson_t *listed, struct error *error);
/* Makes the plan of all that was taken; it points into the catalogs. */
void pairs_plan(struct pairs *pairs, struct plan *plan);
void pairs_clear(struct pairs *pairs);

#endif
