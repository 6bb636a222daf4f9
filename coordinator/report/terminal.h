/*
 * The last lines of the terminal, on stderr, which are taken off again: progress for a person. The log clears them before
 * each of its lines.
 */
#ifndef FERRY_COORDINATOR_REPORT_TERMINAL_H
#define FERRY_COORDINATOR_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* False if stderr is none; then nothing else here is to be called. */
bool terminal_open(void);
/* Takes all lines off. */
void terminal_clear(void);
/* How many are shown. */
int terminal_lines(void);

/* One line, escaped, cut at the terminal's width. */
void terminal_show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * One line: a name and what is to be said of it, the most important first. Fields are left out from the end until the name has some room;
 * a name that is longer than its room keeps its end.
 */
void terminal_show_fields(const char *name, const char *const *fields, size_t count);

#endif
