/*
 * The log: each line is `time level role message key=value ...`. The coordinator writes it; a child sends its lines
 * there through its stderr. Never a document's content, a password, or a URI with a password. Threads may log at once.
 */
#ifndef FERRY_BASE_LOG_H
#define FERRY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define LOG_ROLE_BYTES 32
#define LOG_TEXT_BYTES 3072 /* of a message; what is longer is cut */
#define LOG_RECENT_MOST 20

/*
 * Makes this process a child with that role ("worker[2]", "applier"). From now on its lines go to stderr in the form
 * that log_pass takes. The text is copied.
 */
void log_open(const char *role);

struct log_form {
  bool json;            /* each line is an object */
  enum log_level least; /* what is below is left out */
};

/* Of the coordinator's lines and of its children's. Until then a line is text, and LOG_INFO the least. */
void log_set_form(const struct log_form *form);

/*
 * Lines go to this file from now on; warnings, errors and log_always go to stderr as well. A SIGHUP opens it again. If
 * it cannot be written later, that is said once, and lines go to stderr until it can. ERROR_USAGE if it cannot be
 * opened.
 */
bool log_open_file(const char *path, struct error *error);
/* Call it from time to time: opens the file again if a SIGHUP came. */
void log_tick(void);

/* Whether a person looks at stderr: it is a terminal that can move its cursor, and is not asked to be quiet or JSON. */
bool log_has_viewer(void);
/* Whether there is a file. Then a SIGHUP is for it. */
bool log_has_file(void);

/*
 * Hooks called before and after each line on stderr, to clear a progress display and to show it again. They must not
 * log. NULL: none.
 */
void log_around_line(void (*before)(void), void (*after)(void));
/* What else writes to stderr does it between these two. */
void log_hold(void);
void log_release(void);

/* Prepares an error's line, which a signal's handler may write later. */
void log_prepare(const char *text);
void log_write_prepared(void);

/*
 * Logs what the child of that role wrote to its stderr: one line, without its line end. What a library wrote there
 * becomes a warning.
 */
void log_pass(const char *role, const char *line, size_t length);

/* A word key=%... of `format` is a field: it keeps its name in every form of the log. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A warning or an error, of this process or of a child. */
struct log_recent {
  int64_t at_ms; /* since 1970 */
  enum log_level level;
  char role[LOG_ROLE_BYTES];
  char text[LOG_TEXT_BYTES]; /* the message, escaped */
};

/* The last ones, LOG_RECENT_MOST at most, the oldest first. `visit` may log. */
void log_recent(void (*visit)(void *context, const struct log_recent *recent), void *context);

/* How many lines of that level there were so far, those of children included. */
uint64_t log_count(enum log_level level);

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

/* Information that is logged whatever the least level is. */
void log_always(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
