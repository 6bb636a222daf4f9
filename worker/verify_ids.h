/*
 * The task VERIFY_IDS: the documents of these `_id`s, on both sides. The source is read as everywhere, with majority read
 * concern if it can do that; of the target, its primary's newest state counts.
 *
 * The source's time, `source_time`, is the timestamp of its oplog's newest entry, asked for after the last document was
 * read. Whatever a reading saw has its entry in the oplog by then: a write and its entry become visible together, and
 * this look at the oplog goes backwards, which sees entries behind a gap as well. So it holds for servers without
 * majority reads, too (2.6 to 3.4, which also report no operationTime). If those may have been read from two members,
 * the task fails, and may be lent again. A source without an oplog has no such time.
 * S:src/mongo/db/storage/wiredtiger/wiredtiger_record_store.cpp@r3.0.15, r4.0.14: only with _forward it hides any
 */
#ifndef FERRY_WORKER_VERIFY_IDS_H
#define FERRY_WORKER_VERIFY_IDS_H

#include "worker/verify.h"

/* Changes nothing on either side. Puts the answer into `done` (ipc/message.def). */
bool verify_ids(const struct compare_sides *sides, const bson_t *message, verify_progress_call progress, void *context,
                bson_t *done, struct error *error);

#endif
