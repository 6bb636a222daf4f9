/* What concerns the process as a whole: its title in `ps`, its limits, and no core dumps, since memory holds passwords. */
#ifndef FERRY_BASE_PROCESS_H
#define FERRY_BASE_PROCESS_H

#include <stddef.h>

#include "base/error.h"

/*
 * Call once, first thing in main: opens /dev/null for those of descriptors 0 to 2 that are closed, keeps the place of argv, and turns
 * core dumps off. A file that reaches its limit of size
 * is an error of that write, and no signal.
 */
void process_start(int argc, char **argv);

/*
 * Sees to it that this process and its children may have `count` descriptors open: too few show in the middle of anything,
 * as servers that cannot be reached. Raises the limit as far as that is allowed; false with ERROR_INTERNAL if it is not.
 */
bool process_reserve_files(size_t count, struct error *error);

/* Sets what `ps` shows; cut to the room that argv and the environment take. Clears the environment from `ps`. */
void process_title(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * SIGINT, SIGTERM and SIGHUP end this process with one line and `status`, until somebody else handles them. A SIGHUP that is ignored
 * already (nohup) stays so.
 */
void process_end_on_signals(int status, const char *line);
/* They do nothing: another process, or this one's last steps, decide when it ends. */
void process_ignore_signals(void);
/* Whether SIGHUP was ignored when this process began: it is to survive its terminal. */
bool process_survives_terminal(void);

/* Asks the kernel to send `signal` when the parent dies; ends at once if `parent` has died already. */
void process_die_with_parent(int parent, int signal);

#endif
