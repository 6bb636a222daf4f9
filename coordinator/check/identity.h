/*
 * Whether the target is the one that the bookmark file speaks of. A start that goes on asks before it changes
 * anything. So does `mongoferry check`.
 */
#ifndef FERRY_COORDINATOR_CHECK_IDENTITY_H
#define FERRY_COORDINATOR_CHECK_IDENTITY_H

#include "coordinator/check/servers.h"

/*
 * The target must have the migration's mark, and not an older one (target/guard/mark.h). servers->mark holds it from
 * here on. The target must also have each collection that the bookmark file knows of. After a run that was killed, the
 * replay may be further than the file. So a collection is not missed if the source's oplog has a drop or rename of it
 * behind the bookmark. ERROR_STATE says what is wrong and what to do.
 */
bool identity_check(struct servers *servers, struct checkpoint *checkpoint, enum resume_step step, struct error *error);

#endif
