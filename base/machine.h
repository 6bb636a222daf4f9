/*
 * What this machine has left for more processes: also where a control group (a container) limits it.
 */
#ifndef FERRY_BASE_MACHINE_H
#define FERRY_BASE_MACHINE_H

#include <stdint.h>

/* Bytes that processes can still have without swapping; -1: not known. */
int64_t machine_free_memory(void);
/* Processes and threads that this user can still start; INT64_MAX: there is no limit. */
int64_t machine_free_processes(void);
/* Files that this process may have open. */
int64_t machine_files(void);

#endif
