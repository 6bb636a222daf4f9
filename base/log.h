/*
 * The log: each line is one write(2) on stderr: `time level role message key=value ...`. Never a document's content, a
 * password, or a URI with a password.
 */
#ifndef FERRY_BASE_LOG_H
#define FERRY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Names this process in its lines ("coordinator", "worker[2]", "applier"). The text is copied. */
void log_open(const char *role);

/* A hook called before each line, to clear a progress display; NULL: none. */
void log_before_line(void (*hook)(void));

/* Passes on a line that another process has formatted, without its line end. */
void log_pass(const char *line, size_t length);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for a name as a value of a line, with all of it escaped: a namespace has up to 319 bytes. */
struct log_value {
  char text[1400];
};

/* Puts the formatted name into `value` by text_quote's rule. Returns its text. */
const char *log_quote(struct log_value *value, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Each name that somebody else has chosen goes into a line so: log_info("built ns=%s", log_value("%s.%s", db, coll)).
 * Lasts as long as the block.
 */
#define log_value(...) log_quote(&(struct log_value){.text = ""}, __VA_ARGS__)

#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
