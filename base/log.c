#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_BYTES 2048

static char tag[32] = "coordinator";
static void (*before_line)(void);

void
log_open(const char *role)
{
  snprintf(tag, sizeof tag, "%s", role);
}

void
log_before_line(void (*hook)(void))
{
  before_line = hook;
}

static void
put(const char *line, size_t size)
{
  if (before_line) {
    before_line();
  }
  if (write(STDERR_FILENO, line, size) < 0) {
    return; /* nowhere left to say so */
  }
}

void
log_line(enum log_level level, const char *format, ...)
{
  static const char *const names[] = {"debug", "info", "warn", "error"};
  char line[LINE_BYTES];
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %s %s ", now.tv_nsec / 1000000, names[level], tag);
  char text[sizeof line];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  /* One entry is one line, whatever a server put into its text. */
  used += text_escape(line + used, sizeof line - used - 1, text, strlen(text));
  line[used++] = '\n';
  put(line, used);
}

const char *
log_quote(struct log_value *value, const char *format, ...)
{
  char name[sizeof value->text];
  va_list args;
  va_start(args, format);
  vsnprintf(name, sizeof name, format, args);
  va_end(args);
  return text_quote(value->text, sizeof value->text, name);
}

void
log_pass(const char *line, size_t length)
{
  char whole[LINE_BYTES];
  size_t used = text_escape(whole, sizeof whole - 1, line, length);
  whole[used++] = '\n';
  put(whole, used);
}
