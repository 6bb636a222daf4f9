/*
 * Transactions that the oplog holds in several entries (4.2 and later): parts are kept until their commit, in memory up to
 * a limit, then in a file that has no name any more.
 *
 * A part names the one before it by `prevOpTime`; the last one of an unprepared transaction commits it, a prepared one
 * waits for commitTransaction or abortTransaction (S:src/mongo/db/transaction_participant.cpp@r4.2.2). Parts
 * that lie before the point where the reading began are fetched from the oplog.
 */
#ifndef FERRY_APPLIER_OPLOG_TRANSACTIONS_H
#define FERRY_APPLIER_OPLOG_TRANSACTIONS_H

#include "base/table.h"
#include "source/oplog/oplog.h"

enum transaction_role {
  TRANSACTION_NONE,   /* no part of one: applied at once */
  TRANSACTION_WHOLE,  /* one in one entry: applied at once, too */
  TRANSACTION_PART,   /* kept */
  TRANSACTION_LAST,   /* the last part, which commits */
  TRANSACTION_COMMIT, /* of a prepared one */
  TRANSACTION_ABORT
};

enum transaction_role transaction_role_of(const bson_t *entry);

struct transaction;

struct transactions {
  struct transaction *by_last; /* by the timestamp of the newest part */
  struct reader *reader;       /* where parts are fetched; NULL: they are all given */
  const char *folder;          /* of the file; the caller's */
  size_t memory_most;          /* bytes of parts in memory, all transactions together */
  size_t in_memory;
};

/* One part, in order; `entry` is an applyOps. */
typedef bool (*transaction_apply)(void *context, const bson_t *entry, struct error *error);

void transactions_clear(struct transactions *transactions);

/* An entry that is a part, or the end, of a transaction in several. A commit gives all parts to `apply`, then they are forgotten. */
bool transactions_take(struct transactions *transactions, const bson_t *entry, transaction_apply apply, void *context,
                       struct error *error);

/* A new primary: what is not prepared will never be committed. */
void transactions_forget_unprepared(struct transactions *transactions);

#endif
