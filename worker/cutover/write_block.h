/*
 * Blocks the writes of the source's users, from 6.0 on (setUserWriteBlockMode). The server's own writes and those of
 * users with bypassWriteBlockingMode go on. TTL indexes expire nothing meanwhile. A block outlives every process, so
 * whoever blocks must note that, and unblock after a crash.
 *
 * The block and its reason are a document in config.user_writes_critical_sections. From 8.0.13, 8.1.2 and 8.2 on the
 * command takes a reason, and only a call with the same reason changes it (SERVER-102961).
 */
#ifndef FERRY_WORKER_CUTOVER_WRITE_BLOCK_H
#define FERRY_WORKER_CUTOVER_WRITE_BLOCK_H

#include "source/reader/reader.h"

struct write_block {
  bool block;
  bool dry_run; /* only checks the version and the privilege, and whether there is a block */
  bool ours;    /* a block that is there may be this migration's */
};

/*
 * Puts blocked, changed, already and perhaps note into the answer (ipc/message.def). Somebody else's block is left as
 * it is: `already`, and nothing changes. ERROR_REFUSED or ERROR_AUTH, with the mend, where the source cannot block or
 * its user may not.
 */
bool write_block_run(struct reader *reader, const struct write_block *write_block, bson_t *answer, struct error *error);

#endif
