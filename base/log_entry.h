/*
 * One entry of the log, and its forms. The text has marks around each key=value. They are control characters, and the
 * text is escaped: so no name or server's message can make a field, or end one.
 */
#ifndef FERRY_BASE_LOG_ENTRY_H
#define FERRY_BASE_LOG_ENTRY_H

#include <stdarg.h>

#include "base/log.h"

#define LOG_TIME_BYTES 25 /* 2026-01-31T23:59:59.999Z */
#define LOG_LINE_BYTES (LOG_TIME_BYTES + LOG_ROLE_BYTES + 20 + LOG_TEXT_BYTES)
#define LOG_JSON_BYTES ((size_t)6 * LOG_LINE_BYTES)

struct log_entry {
  char time[LOG_TIME_BYTES];
  enum log_level level;
  char role[LOG_ROLE_BYTES];
  char text[LOG_TEXT_BYTES];
};

void log_entry_make(struct log_entry *entry, enum log_level level, const char *role, const char *format, va_list args)
  __attribute__((format(printf, 4, 0)));

/* The line that a child sends, with the marks and the line end. Returns its length. */
size_t log_entry_send(const struct log_entry *entry, char line[LOG_LINE_BYTES]);
/* Reads such a line, without its line end. False if it is none. */
bool log_entry_take(struct log_entry *entry, const char *line, size_t length);

/* The message for people. */
void log_entry_message(const struct log_entry *entry, char text[LOG_TEXT_BYTES]);
/* The line for people, with its line end. With `colour`, its level is shown so if it is a warning or an error. */
size_t log_entry_text(const struct log_entry *entry, bool colour, char line[LOG_LINE_BYTES]);
/*
 * The line as a JSON object, with its line end: time, level, role, message, and each field. The fields at the end of
 * the message are left out of it. A value is as in the text form, without its quotation marks. A number is one.
 */
size_t log_entry_json(const struct log_entry *entry, char line[LOG_JSON_BYTES]);

#endif
