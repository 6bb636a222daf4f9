/*
 * What concerns the whole process: its title in `ps`, its limits, and no core dumps, since memory holds passwords.
 */
#ifndef FERRY_BASE_PROCESS_H
#define FERRY_BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Call once, first in main. Opens /dev/null for those of descriptors 0 to 2 that are closed, remembers where argv is,
 * and turns core dumps off. If a file reaches its size limit, the write fails, and no signal comes.
 */
void process_start(int argc, char **argv);
/* When that was, by the wall clock; 0: it was not called. */
int64_t process_started_unix_ms(void);

/*
 * Makes sure that this process and its children may have `count` descriptors open. Too few would show later as servers
 * that cannot be reached. Raises the limit as far as allowed; false with ERROR_INTERNAL if that is not enough.
 */
bool process_reserve_files(size_t count, struct error *error);

/* Sets what `ps` shows, cut to the room of argv and the environment. Removes the environment from `ps`. */
void process_title(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * SIGINT, SIGTERM and SIGHUP end this process with an error in the log and `status`, until somebody else handles them. A
 * SIGHUP that is ignored already (nohup) stays ignored.
 */
void process_end_on_signals(int status, const char *text);
/* These signals do nothing from now on. Another process, or this one's last steps, decide when it ends. */
void process_ignore_signals(void);
/* Whether SIGHUP was ignored when this process began: the process is to survive its terminal. */
bool process_survives_terminal(void);

/* Asks the kernel to send `signal` when the parent dies. Ends at once if `parent` has died already. */
void process_die_with_parent(int parent, int signal);

#endif
