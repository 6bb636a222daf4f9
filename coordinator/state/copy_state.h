/*
 * The copy in the bookmark file: what there is to copy, its ranges, and which of them are on the target; so that a copy that
 * was cut short goes on. And what the file is of: the two sets, and the options that shape the plan.
 *
 * Steps: RESUME_CATALOG once what there is to copy is known and nothing was made; RESUME_PLAN once all collections are made and
 * split; RESUME_BOOKMARK once everything is copied. A crash before a step repeats what belongs to it, which does no harm.
 */
#ifndef FERRY_COORDINATOR_STATE_COPY_STATE_H
#define FERRY_COORDINATOR_STATE_COPY_STATE_H

#include "coordinator/options/options.h"
#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"
#include "server/server.h"
#include "source/oplog/oplog.h"
#include "target/guard/mark.h"

enum resume_step { RESUME_FAILED = -1, RESUME_NOTHING, RESUME_CATALOG, RESUME_PLAN, RESUME_BOOKMARK };

/* What a bookmark file is of: a start with another one is refused. */
struct migration_identity {
  const struct server_hello *source;
  const struct server_hello *target;
  const bson_t *shape;         /* options_shape */
  const bson_oid_t *source_id; /* the source's replicaSetId; NULL: not told */
  const struct mark *mark;     /* the target's, when copy_state_begin keeps it */
};

struct finished_task {
  size_t task;        /* of the plan */
  struct optime seen; /* the newest entry when its range had been read; ts 0: it was read with majority read concern */
};

/*
 * How far an earlier run came; RESUME_NOTHING with --forceDump. RESUME_FAILED, with ERROR_STATE, if the file is of another source,
 * target or choice of options, which is named.
 */
enum resume_step copy_state_look(struct checkpoint *checkpoint, const struct options *options,
                                 const struct migration_identity *identity, struct error *error);

/* Forgets what was there; keeps T0, the identity with the target's mark, and the catalog, as one. */
bool copy_state_begin(struct checkpoint *checkpoint, const bson_t *start, const struct migration_identity *identity,
                      const struct catalog *catalog, struct error *error);
/* The target's mark as it is now; and back: there may be none. */
bool copy_state_put_mark(struct checkpoint *checkpoint, const struct mark *mark, struct error *error);
bool copy_state_get_mark(struct checkpoint *checkpoint, struct mark *mark, struct error *error);
/* The same out of a message of the applier's, if it says one; and into one to it. */
bool copy_state_take_mark(struct checkpoint *checkpoint, const bson_t *message, struct error *error);
bool copy_state_send_mark(struct checkpoint *checkpoint, bson_t *message, struct error *error);
/* `listed` of MESSAGE_HAND_OFF, if it is known. */
bool copy_state_send_listed(struct checkpoint *checkpoint, bson_t *message, struct error *error);
/* The plan's points; within the caller's transaction. */
bool copy_state_put_points(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);
/* A task that is done; within the caller's transaction. */
bool copy_state_put_task(struct checkpoint *checkpoint, const struct plan *plan, const struct finished_task *done,
                         struct error *error);

/* Back: the catalog; the points into a plan that was begun with it; after plan_close, what is done. */
bool copy_state_get_catalog(struct checkpoint *checkpoint, struct catalog *catalog, struct error *error);
bool copy_state_get_points(struct checkpoint *checkpoint, struct plan *plan, struct error *error);
bool copy_state_get_tasks(struct checkpoint *checkpoint, struct plan *plan, struct error *error);
/* What all ranges saw, as an array of {ts, t, h}: `seen` of MESSAGE_HAND_OFF. The caller's to destroy, also on failure. */
bool copy_state_seen(struct checkpoint *checkpoint, bson_t *seen, struct error *error);

#endif
