/*
 * The bookmark in the bookmark file: from where in the source's oplog a start goes on.
 */
#ifndef FERRY_COORDINATOR_STATE_BOOKMARK_H
#define FERRY_COORDINATOR_STATE_BOOKMARK_H

#include "coordinator/run/plan.h"
#include "coordinator/state/checkpoint.h"

/* T0, which copy_state_begin put into the file. */
bool bookmark_read_start(struct checkpoint *checkpoint, uint64_t *start, struct error *error);

/*
 * Everything is copied: from here on a start goes on with the replay. The bookmark is T0, and the file gets the
 * collection map of the plan's collections.
 */
bool bookmark_begin(struct checkpoint *checkpoint, const struct plan *plan, struct error *error);

/*
 * Saves an APPLIED in one transaction: its bookmark, the target's mark, and the changes of collections before it
 * (collection_state_take). `*at` becomes the bookmark's timestamp.
 */
bool bookmark_save(struct checkpoint *checkpoint, const bson_t *applied, uint64_t *at, struct error *error);

/* Writes the bookmark again, with or without the mark of a clean end. */
bool bookmark_mark_clean(struct checkpoint *checkpoint, bool clean, struct error *error);

/* What the file says was last, in words: "everything up to ts=1.2 is on the target". False if it cannot be read. */
bool bookmark_describe(struct checkpoint *checkpoint, char *text, size_t size, struct error *error);

/* From where the replay goes on. */
struct resume_point {
  const char *name; /* the optime's name in the file: "bookmark", or "start" if there is no bookmark yet */
  uint64_t at;      /* its timestamp */
  /* the furthest point that an attempt may have reached; 0: not known, so it may be the oplog's end */
  uint64_t reached;
};

/*
 * Only a clean end tells how far the replay came. After any other end, everything that is in the oplog now may have
 * been applied. Removes the mark of a clean end, as the replay begins.
 */
bool bookmark_resume(struct checkpoint *checkpoint, struct resume_point *point, struct error *error);
/* The same, but for a replay that does not begin yet: the file stays as it is. */
bool bookmark_look(struct checkpoint *checkpoint, struct resume_point *point, struct error *error);

#endif
