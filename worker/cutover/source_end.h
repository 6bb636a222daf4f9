/*
 * Where the source's oplog ends, and which transactions are open there. What an open transaction has written is on the
 * source only when it is committed, so a cut-over should know of them.
 *
 * From 4.2 on config.transactions tells the prepared ones, and large ones in progress (their state). Only $currentOp
 * tells all that are open, from 4.0 on, if the user may ask for others' sessions.
 */
#ifndef FERRY_WORKER_CUTOVER_SOURCE_END_H
#define FERRY_WORKER_CUTOVER_SOURCE_END_H

#include "source/reader/reader.h"

/*
 * The end is an entry that a majority holds. It is at or behind every write that was acknowledged before this call. An
 * error that passes, if the majority does not follow within ten seconds.
 *
 * Puts end, open, prepared, transactions and perhaps note into the answer (ipc/message.def).
 */
bool source_end_ask(struct reader *reader, bson_t *answer, struct error *error);

#endif
