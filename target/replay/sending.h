/*
 * One run of writes under way to the target, and what it means that the target refuses one of them (bulk.h says when it is
 * forgiven).
 */
#ifndef FERRY_TARGET_REPLAY_SENDING_H
#define FERRY_TARGET_REPLAY_SENDING_H

#include "target/replay/bulk.h"

struct sending {
  const struct bulk *bulk;
  struct batch *batch;
  struct batch_run *run;
  bool strict;          /* also where writes are repeated leniently */
  bool one_by_one;      /* the target refuses some whole command: see bulk.c, be_careful */
  struct bulk repeated; /* what `bulk` is from then on */
  int races;            /* duplicates that were tried again */
  size_t read_from;     /* where the batch's bytes end without what reading.c added; 0: it added nothing */
  size_t read_end;      /* behind the last operation that needs that */
  int tries;            /* of the write that is next, after an interruption */
  size_t most; /* operations a bulk; less after an interruption, so that it comes to an end before the next one */
};

/* ERROR_DIVERGED, with the entry and the document. Always false. */
bool sending_diverged(const struct sending *sending, const struct batch_op *op, const char *why, struct error *error);

/* Sent as the replacement of a whole document. */
bool sending_is_whole(const struct sending *sending, const struct batch_op *op);

/* While the replay is lenient: the document of `op` is to be read from the source again, where `bulk.again` takes such. */
void sending_read_again(const struct sending *sending, const struct batch_op *op);

/* Whether the target has the document: 1, copied into `document` unless that is NULL; 0; -1 on error. */
int sending_finds(const struct sending *sending, const struct batch_op *op, bson_t *document, struct error *error);

/* Somebody wants to know of updates that find nothing. */
bool sending_notes(const struct sending *sending);

/* There is nothing to change for this update: it is noted, or fine, or ERROR_DIVERGED. */
bool sending_finds_nothing(const struct sending *sending, const struct batch_op *op, struct error *error);

/* `kept`: the target has it, with other bytes. */
void sending_report(const struct sending *sending, const bson_t *selector, bool kept, const char *text);

/*
 * Of the operations from `from` on, those of documents that were refused: what writes one whole is tried again, what changes
 * it has nothing to change.
 */
bool sending_leave_out(const struct sending *sending, size_t from, struct error *error);

/*
 * The target does not take what ops[at] makes of its document: it is to be read again, or where that is final, reported, and the
 * replay goes on without it.
 */
bool sending_go_on_without(const struct sending *sending, size_t at, const char *text, struct error *error);

/* The target refused ops[at]. Forgives it and gives in `*done` where to go on, or says why not. */
bool sending_forgive(struct sending *sending, size_t at, int64_t code, const char *text, size_t *done,
                     struct error *error);

#endif
