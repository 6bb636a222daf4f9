/*
 * Everything before the first process: look at both sides, refuse what cannot work, record the start, make the plan.
 * The only place where the coordinator itself talks to servers; the connections are closed before anything is forked.
 */
#ifndef FERRY_COORDINATOR_CHECK_PREFLIGHT_H
#define FERRY_COORDINATOR_CHECK_PREFLIGHT_H

#include "coordinator/check/findings.h"
#include "coordinator/options/options.h"
#include "coordinator/pace/brake.h"
#include "coordinator/run/plan.h"
#include "coordinator/state/copy_state.h"
#include "source/catalog/selection.h"
#include "source/oplog/oplog.h"
#include "target/guard/mark.h"

struct preflight {
  const char *source_uri; /* not owned */
  const char *target_uri;
  struct reader reader;
  struct server target;
  struct server_hello source_hello;
  struct server_hello target_hello;
  bool has_source_id; /* its replicaSetId is told */
  bson_oid_t source_id;
  struct optime start; /* T0, from preflight_list on */
  struct mark mark;    /* the target's: of the bookmark file, from identity_check on, or made by preflight_plan */
};

/*
 * Connects to both. What fails, and a pair that cannot work, is a problem; false where one of them could not be asked.
 * Changes nothing. Close it in any case.
 */
bool preflight_open(struct preflight *preflight, const char *source_uri, const char *target_uri,
                    struct findings *findings);
void preflight_close(struct preflight *preflight);

/* What the bookmark file has to be of; points into both. */
struct kept_identity preflight_identity(const struct preflight *preflight, const bson_t *shape);

/* How both servers do before the copy. */
struct load preflight_load(struct preflight *preflight);

/* A target with users' collections is a problem, unless they are to be dropped. */
void preflight_check_target(struct preflight *preflight, bool drop, struct findings *findings);
/* With `drop`, drops them. */
bool preflight_clear_target(struct preflight *preflight, bool drop, struct error *error);

/*
 * Notes T0, then lists the source, with sizes where the options want them. What cannot be migrated is a problem; false if
 * there is no catalog. Changes nothing.
 */
bool preflight_list(struct preflight *preflight, const struct options *options, const struct selection *selection,
                    struct catalog *catalog, struct findings *findings);

/*
 * Makes the plan, and keeps each step of it (coordinator/state/copy_state.h): T0 and the catalog; the collections and views on the target;
 * their ranges, with the unique and TTL indexes for the hand-off. Goes on behind `step`, which an earlier run had reached; then
 * the catalog is empty before, and is that run's.
 */
bool preflight_plan(struct preflight *preflight, const struct options *options, const struct kept_identity *identity,
                    enum kept_step step, struct checkpoint *checkpoint, struct catalog *catalog, struct plan *plan,
                    struct error *error);

#endif
