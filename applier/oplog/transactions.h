/*
 * Transactions that span several oplog entries (4.2 and later). Their parts are kept until the commit: in memory up to
 * a limit, then in a nameless file.
 *
 * A part names the one before it by `prevOpTime`. The last part of an unprepared transaction commits it. A prepared
 * one waits for commitTransaction or abortTransaction (S:src/mongo/db/transaction_participant.cpp@r4.2.2). Parts from
 * before the point where the reading began are fetched from the oplog.
 */
#ifndef FERRY_APPLIER_OPLOG_TRANSACTIONS_H
#define FERRY_APPLIER_OPLOG_TRANSACTIONS_H

#include "base/table.h"
#include "source/oplog/oplog.h"

enum transaction_role {
  TRANSACTION_NONE,   /* not part of a transaction: applied at once */
  TRANSACTION_WHOLE,  /* a transaction in one entry: applied at once, too */
  TRANSACTION_PART,   /* kept until the commit */
  TRANSACTION_LAST,   /* the last part, which commits */
  TRANSACTION_COMMIT, /* commits a prepared one */
  TRANSACTION_ABORT
};

enum transaction_role transaction_role_of(const bson_t *entry);

struct transaction;

struct transactions {
  struct transaction *by_last; /* by the timestamp of the newest part */
  struct reader *reader;       /* where earlier parts are fetched; NULL: all parts are given */
  const char *folder;          /* for that file; the caller's */
  size_t memory_most;          /* most bytes of parts in memory, all transactions together */
  size_t in_memory;
};

/* One part, in order; `entry` is an applyOps. */
typedef bool (*transaction_apply)(void *context, const bson_t *entry, struct error *error);

void transactions_clear(struct transactions *transactions);

/*
 * Takes a part, or the end, of a transaction that spans several entries. A commit gives all parts to `apply`, then
 * forgets them.
 */
bool transactions_take(struct transactions *transactions, const bson_t *entry, transaction_apply apply, void *context,
                       struct error *error);

/* For a new primary: what is not prepared will never be committed. */
void transactions_forget_unprepared(struct transactions *transactions);

#endif
