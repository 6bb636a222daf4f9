/*
 * The lines at the end of the terminal, on stderr, that show progress and are removed again. The log clears them
 * before each of its lines.
 */
#ifndef FERRY_COORDINATOR_REPORT_TERMINAL_H
#define FERRY_COORDINATOR_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* False if stderr is no terminal; then call nothing else of this header. */
bool terminal_open(void);
/* Removes all lines. */
void terminal_clear(void);
/* How many lines are shown. */
int terminal_lines(void);

/* Shows one line, escaped, cut at the terminal's width. */
void terminal_show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Shows one line: a name and its fields, the most important one first. Fields are left out from the end until the name
 * has some room. A name that is longer than its room keeps its end.
 */
void terminal_show_fields(const char *name, const char *const *fields, size_t count);

#endif
