/*
 * The lines below the log on the terminal, on stderr. They are drawn over each other in place, and each line of the log
 * goes above them. What is given here may hold anything: it is escaped. No line is wider than the terminal, and there
 * are never more lines than it has rows, whatever it becomes meanwhile.
 */
#ifndef FERRY_COORDINATOR_REPORT_TERMINAL_H
#define FERRY_COORDINATOR_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* False if nobody looks at a terminal; then call nothing else of this header. */
bool terminal_open(void);
/* Removes the lines, for good. */
void terminal_close(void);

/* Adds a line to those that are drawn next: as many of the parts, with ", " between them, as have room. */
void terminal_add(const char *const *parts, size_t count);

/*
 * Adds a name and fields about it. Where all is too wide the last fields are left out, and then the beginning of the
 * name.
 */
void terminal_add_fields(const char *name, const char *const *fields, size_t count);

/* How many more lines have room. */
int terminal_room(void);

/* Shows the lines that were added since the last call, instead of the earlier ones. */
void terminal_draw(void);

#endif
