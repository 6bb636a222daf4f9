#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

void
log_line(enum log_level level, const char *format, ...)
{
  static const char *const names[] = {"debug", "info", "warn", "error"};
  char line[2048];
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %s %s ", now.tv_nsec / 1000000, names[level], tag);
  size_t start = used;
  va_list args;
  va_start(args, format);
  int more = vsnprintf(line + used, sizeof line - used - 1, format, args);
  va_end(args);
  used += more > 0 ? (size_t)more : 0;
  if (used > sizeof line - 2) {
    used = sizeof line - 2;
  }
  for (size_t i = start; i < used; i++) { /* one entry is one line, whatever a server put into its text */
    if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) {
      line[i] = ' ';
    }
  }
  line[used++] = '\n';
  if (before_line) {
    before_line();
  }
  if (write(STDERR_FILENO, line, used) < 0) {
    return; /* nowhere left to say so */
  }
}
