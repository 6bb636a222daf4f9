/*
 * Fault points: places where a process may die, for tests that kill it at every one of them. Without FERRY_FAULT in the
 * environment they do nothing.
 *
 *   FERRY_FAULT=NAME:N:FILE
 *
 * The process that comes to NAME for the Nth time is killed (SIGKILL), if it can make FILE. A process that finds FILE
 * there lives. So only one process dies, whoever is started after it.
 */
#ifndef FERRY_BASE_FAULT_H
#define FERRY_BASE_FAULT_H

#include <stdbool.h>

/*
 * `name` is one of those in base/fault.def. A test can also make the process wait there:
 *
 *   FERRY_FAULT_HOLD=NAME:FILE
 *
 * It waits as long as FILE is there, and makes FILE.held when it begins to.
 */
void fault_point(const char *name);

/*
 * A fault of another kind: a replay that loses an entry.
 *
 *   FERRY_FAULT_SKIP=NAMESPACE:N
 *
 * True for the Nth entry of that namespace of the source which this process asks about: a write, or a command that names
 * the collection. It has to be left out.
 */
bool fault_skips(const char *db, const char *coll);

#endif
