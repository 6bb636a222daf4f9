/*
 * The state of the copy in the bookmark file: what there is to copy, its ranges, and which of them are on the target.
 * So a copy that was cut short goes on. The file also has what it belongs to: the two sets, and the options that shape
 * the plan.
 *
 * Resume steps: RESUME_CATALOG when it is known what there is to copy, and nothing was made yet. RESUME_PLAN when all
 * collections are created and split. RESUME_BOOKMARK when everything is copied. A crash before a step repeats what
 * belongs to it, which does no harm.
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

/* What a bookmark file belongs to. A start with another one is refused. */
struct migration_identity {
  const struct server_hello *source;
  const struct server_hello *target;
  const bson_t *shape;         /* options_shape */
  const bson_oid_t *source_id; /* the source's replicaSetId; NULL: not known */
  const struct mark *mark;     /* the target's, for copy_state_begin */
};

struct finished_task {
  size_t task;        /* of the plan */
  struct optime seen; /* the newest entry when its range had been read; ts 0: it was read with majority read concern */
};

/*
 * How far an earlier run came; RESUME_NOTHING with --forceDump. RESUME_FAILED with ERROR_STATE if the file belongs to
 * another source, target or choice of options; the message names which.
 */
enum resume_step copy_state_look(struct checkpoint *checkpoint, const struct options *options,
                                 const struct migration_identity *identity, struct error *error);

/* Removes what was there. Writes T0, the identity with the target's mark, and the catalog, as one. */
bool copy_state_begin(struct checkpoint *checkpoint, const bson_t *start, const struct migration_identity *identity,
                      const struct catalog *catalog, struct error *error);
/* Writes the target's mark as it is now, and reads it back; there may be none. */
bool copy_state_put_mark(struct checkpoint *checkpoint, const struct mark *mark, struct error *error);
bool copy_state_get_mark(struct checkpoint *checkpoint, struct mark *mark, struct error *error);
/* Takes the mark from a message of the applier's, if it has one; appends it to a message for the applier. */
bool copy_state_take_mark(struct checkpoint *checkpoint, const bson_t *message, struct error *error);
bool copy_state_send_mark(struct checkpoint *checkpoint, bson_t *message, struct error *error);
/* Appends `listed` of MESSAGE_HAND_OFF, if it is known. */
bool copy_state_send_listed(struct checkpoint *checkpoint, bson_t *message, struct error *error);
/* Writes the plan's points, within the caller's transaction. */
bool copy_state_put_points(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);
/* Writes a task that is done, within the caller's transaction. */
bool copy_state_put_task(struct checkpoint *checkpoint, const struct plan *plan, const struct finished_task *done,
                         struct error *error);

/*
 * Read back: the catalog; then the points, into a plan that was begun with it; after plan_close, the tasks that are
 * done.
 */
bool copy_state_get_catalog(struct checkpoint *checkpoint, struct catalog *catalog, struct error *error);
bool copy_state_get_points(struct checkpoint *checkpoint, struct plan *plan, struct error *error);
bool copy_state_get_tasks(struct checkpoint *checkpoint, struct plan *plan, struct error *error);
/*
 * The `seen` of all ranges, as an array of {ts, t, h}, for MESSAGE_HAND_OFF. The caller's to destroy, also on failure.
 */
bool copy_state_seen(struct checkpoint *checkpoint, bson_t *seen, struct error *error);

#endif
