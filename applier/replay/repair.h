/*
 * REPAIR: documents that a verification found different are read from the source again, and written as they are there,
 * or deleted. It is done as the replay reads documents again by itself (applier/collections/reread.h), so it is right
 * while both sides change. The replay is lenient meanwhile, and consistent again when they are written.
 *
 * Of a capped collection, or one without an `_id` index, no single document can be replaced. The whole collection is
 * copied again (applier/ddl/recopy.h). What cannot be repaired is logged. What the target refuses is reported as
 * refused.
 */
#ifndef FERRY_APPLIER_REPLAY_REPAIR_H
#define FERRY_APPLIER_REPLAY_REPAIR_H

#include <bson/bson.h>

#include "base/error.h"

struct applier;

struct repair_item {
  bson_t *item; /* {db, coll, ids}, as REPAIR has it */
  bool whole;   /* the whole collection is copied again */
};

/* What was asked for and is not done yet. It outlives a failure of the replay, not the process. */
struct repair {
  struct repair_item *items;
  size_t count;
  size_t capacity;
  size_t begun;   /* those before it wait for the next consistency point */
  int rounds;     /* how often the source was read for them */
  int64_t asked;  /* REPAIR messages so far */
  int64_t caught; /* of these, those that had come when it last began */
  int64_t done;   /* of these, those that are on a majority of the target */
};

/* Keeps what a REPAIR asks for. May be called at any time. */
void repair_note(struct repair *repair, const bson_t *message);

/*
 * Between two entries: what was asked for becomes due. The replay has to become lenient if it is not (`relapse` of the
 * collection map).
 */
void repair_begin(struct applier *applier);

/*
 * For each reading again at the consistency point: whether what the target refuses is refused for good. While documents
 * are repaired, that is so from the fifth reading on (see reread_run).
 */
bool repair_is_final(struct repair *repair);

/* At the consistency point, when nothing is due any more, and before the rereads are cleared: logs each document. */
void repair_end(struct applier *applier);

/* After a failure that made the replay forget what is due. */
void repair_again(struct repair *repair);

void repair_clear(struct repair *repair);

#endif
