/* What concerns the process as a whole: its title in `ps`, and no core dumps, since memory holds passwords. */
#ifndef FERRY_BASE_PROCESS_H
#define FERRY_BASE_PROCESS_H

/* Call once, first thing in main: keeps the place of argv, and turns core dumps off. */
void process_start(int argc, char **argv);

/* Sets what `ps` shows; cut to the room that argv and the environment take. Clears the environment from `ps`. */
void process_title(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Asks the kernel to send `signal` when the parent dies; ends at once if `parent` has died already. */
void process_die_with_parent(int parent, int signal);

#endif
