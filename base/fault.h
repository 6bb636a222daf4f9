/*
 * Fault points: places where a process may die, for tests that kill it at every one of them. Without the environment's
 * FERRY_FAULT they do nothing.
 *
 *   FERRY_FAULT=NAME:N:FILE     the process that comes to NAME for the Nth time is killed (SIGKILL), if it can make FILE;
 *                               one that finds FILE there lives, so that one death is one, whoever is started after it
 */
#ifndef FERRY_BASE_FAULT_H
#define FERRY_BASE_FAULT_H

/* `name` is one of base/fault.def's. */
void fault_point(const char *name);

#endif
