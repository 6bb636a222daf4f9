/*
 * The two servers of a migration, before its first process: the connections, and whether the two can be such a pair.
 * The coordinator talks to servers only here, in check/ and in prepare/. The connections are closed before anything is
 * forked.
 */
#ifndef FERRY_COORDINATOR_CHECK_SERVERS_H
#define FERRY_COORDINATOR_CHECK_SERVERS_H

#include "coordinator/check/findings.h"
#include "coordinator/pace/brake.h"
#include "coordinator/state/copy_state.h"
#include "source/oplog/oplog.h"
#include "target/guard/mark.h"

struct servers {
  const char *source_uri; /* not owned */
  const char *target_uri;
  struct reader reader;
  struct server target;
  struct server_hello source_hello;
  struct server_hello target_hello;
  bool has_source_id; /* its replicaSetId is known */
  bson_oid_t source_id;
  struct optime start; /* T0, from inventory_choose_start on */
  struct mark mark;    /* the target's: from the bookmark file (identity_check), or made by prepare_plan */
};

/*
 * Connects to both. A failure, and a pair that cannot work, is a problem. False if one of them could not be asked.
 * Changes nothing. Call servers_close in any case.
 */
bool servers_open(struct servers *servers, const char *source_uri, const char *target_uri, struct findings *findings);
void servers_close(struct servers *servers);

/* What the bookmark file must belong to; points into both arguments. */
struct migration_identity servers_identity(const struct servers *servers, const bson_t *shape);

/* How both servers do before the copy. */
struct load servers_load(struct servers *servers);

/* Users' collections on the target are a problem, unless they are to be dropped. */
void servers_check_target(struct servers *servers, bool drop, struct findings *findings);

#endif
