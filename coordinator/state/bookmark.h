/*
 * The bookmark: from where in the source's oplog a start goes on, in the bookmark file.
 */
#ifndef FERRY_COORDINATOR_STATE_BOOKMARK_H
#define FERRY_COORDINATOR_STATE_BOOKMARK_H

#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"

/* T0, which copy_state_begin put into the file. */
bool bookmark_read_start(struct checkpoint *checkpoint, uint64_t *start, struct error *error);

/* Everything is copied: from here on a start goes on with the replay. The bookmark is T0, and the plan's collections are known. */
bool bookmark_begin(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);

/*
 * An APPLIED: its bookmark, the target's mark, and the changes of collections before it (collection_state_take), in one
 * transaction. `*at` becomes the bookmark's timestamp.
 */
bool bookmark_save(struct checkpoint *checkpoint, const bson_t *applied, uint64_t *at, struct error *error);

/* Writes the bookmark again, with or without the mark of a clean end. */
bool bookmark_mark_clean(struct checkpoint *checkpoint, bool clean, struct error *error);

/* From where the replay goes on. */
struct resume_point {
  const char *name; /* of the optime in the file: "bookmark", or "start" where there is no bookmark yet */
  uint64_t at;      /* its timestamp */
  uint64_t reached; /* an attempt went so far at most; 0: not known, so it may have gone to the oplog's end */
};

/*
 * Only a clean end tells how far the replay had come. After any other one, all that is in the oplog by now may have been
 * applied. The mark of a clean end is taken away: the replay begins.
 */
bool bookmark_resume(struct checkpoint *checkpoint, struct resume_point *point, struct error *error);

#endif
