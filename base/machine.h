/*
 * What this machine has left for more processes: also where a control group (a container) limits it.
 */
#ifndef FERRY_BASE_MACHINE_H
#define FERRY_BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that processes can still have without swapping; -1: not known. */
int64_t machine_free_memory(void);
/* Processes and threads that this user can still start; INT64_MAX: there is no limit. */
int64_t machine_free_processes(void);
/* Files that this process may have open. */
int64_t machine_files(void);

/* What all processors of the machine did since it was started, in ticks. */
struct processor_time {
  int64_t idle; /* they had nothing to do, or waited for a disk */
  int64_t all;  /* 0: not known */
};
struct processor_time machine_processor_time(void);

/* Whether an address of "host:port" is this machine's. A name may have to be looked up, which takes its time. */
bool machine_has_host(const char *address);

#endif
