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

/* `name` is one of those in base/fault.def. */
void fault_point(const char *name);

#endif
