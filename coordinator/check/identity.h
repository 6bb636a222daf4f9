/*
 * Is the target the one that the bookmark file speaks of? A start that goes on asks before it changes anything, and so does
 * `mongoferry check`.
 */
#ifndef FERRY_COORDINATOR_CHECK_IDENTITY_H
#define FERRY_COORDINATOR_CHECK_IDENTITY_H

#include "coordinator/check/servers.h"

/*
 * The target has the migration's mark, not an older one (target/guard/mark.h; servers->mark holds it from here on), and each collection that
 * the bookmark file knows of. After a run that was killed, one is not missed if the source's oplog says behind the bookmark that it
 * was dropped or renamed: the replay may have come so far. ERROR_STATE with what is wrong and what to do.
 */
bool identity_check(struct servers *servers, struct checkpoint *checkpoint, enum resume_step step, struct error *error);

#endif
