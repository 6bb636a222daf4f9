/*
 * One run of writes that is being sent to the target, and what a refusal of one of them means. bulk.h says when it is
 * forgiven.
 */
#ifndef FERRY_TARGET_REPLAY_SENDING_H
#define FERRY_TARGET_REPLAY_SENDING_H

#include "target/replay/bulk.h"

struct sending {
  const struct bulk *bulk;
  struct batch *batch;
  struct batch_run *run;
  bool strict;          /* of the replay; stays true where writes are repeated leniently */
  bool one_by_one;      /* the target refuses some whole command: see be_careful in bulk.c */
  struct bulk repeated; /* what `bulk` points to from then on */
  int races;            /* duplicates that were tried again */
  size_t read_from;     /* where the batch's bytes end without what delta_update.c added; 0: it added nothing */
  size_t read_to;       /* where they ended with that; if they end elsewhere now, somebody else added to them */
  size_t read_end;      /* behind the last operation that needs these added bytes */
  bool alone;           /* it holds the lock of bulk->reading */
  int tries;            /* of the next write, after an interruption */
  size_t until;         /* the operations before it are sent again without it: see send_again_before in bulk.c */
  size_t most;          /* operations in a bulk; fewer after an interruption, so that a bulk ends before the next one */
};

/* Sets ERROR_DIVERGED, with the entry and the document. Returns false. */
bool sending_diverged(const struct sending *sending, const struct batch_op *op, const char *why, struct error *error);

/* Whether the operation is sent as the replacement of a whole document. */
bool sending_is_whole(const struct sending *sending, const struct batch_op *op);

/* Lenient: has the document of `op` read from the source again, if there is `bulk.again`. */
void sending_read_again(const struct sending *sending, const struct batch_op *op);

/* Whether the target has the document. 1: copied into `document` unless that is NULL; 0: no; -1 on error. */
int sending_finds(const struct sending *sending, const struct batch_op *op, bson_t *document, struct error *error);

/* Whether updates that find nothing are to be noted. */
bool sending_notes(const struct sending *sending);

/* The target does not have this update's document: that is noted, or fine, or ERROR_DIVERGED. */
bool sending_finds_nothing(const struct sending *sending, const struct batch_op *op, struct error *error);

/* Reports a refused document. `kept`: the target has it, with other bytes. */
void sending_report(const struct sending *sending, const bson_t *selector, bool kept, const char *text);

/*
 * Looks at the operations from `from` on, for those of refused documents. One that writes the document whole is tried
 * again. One that changes it has nothing to change.
 */
bool sending_leave_out(const struct sending *sending, size_t from, struct error *error);

/*
 * The target does not take what ops[at] makes of its document. The document is read again later, or where that is
 * final, reported. The replay goes on without the operation.
 */
bool sending_go_on_without(const struct sending *sending, size_t at, const char *text, struct error *error);

/* The target refused ops[at]. Forgives that and sets `*done` to where to go on; or fails, and `error` says why. */
bool sending_forgive(struct sending *sending, size_t at, int64_t code, const char *text, size_t *done,
                     struct error *error);

#endif
