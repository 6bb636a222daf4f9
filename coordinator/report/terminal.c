#include "coordinator/report/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define LINES_MOST 32
#define LINE_BYTES 1024
#define COLUMNS_LEAST 20
#define NAME_LEAST 16
#define NAME_MOST 60

static int widths[LINES_MOST]; /* columns of the lines that are shown */
static int shown;

static int
columns(void)
{
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS_LEAST ? size.ws_col : 80;
}

bool
terminal_open(void)
{
  if (!isatty(STDERR_FILENO)) {
    return false;
  }
  log_around_line(terminal_clear, NULL);
  return true;
}

int
terminal_lines(void)
{
  return shown;
}

/* A terminal that got narrower has wrapped what was written before. */
void
terminal_clear(void)
{
  int now = columns();
  while (shown > 0) {
    int rows = 1 + (widths[--shown] - 1) / now;
    for (int i = 0; i < rows; i++) {
      fputs("\033[1A\033[2K", stderr);
    }
  }
  fflush(stderr);
}

/* `line` is escaped; one that wraps could not be taken off again. */
static void
put_line(const char *line)
{
  if (shown < LINES_MOST) {
    size_t fits = text_fitting(line, columns() - 1);
    fprintf(stderr, "%.*s\n", (int)fits, line);
    int width = text_columns(line);
    widths[shown++] = width < columns() ? width : columns() - 1;
  }
}

void
terminal_show(const char *format, ...)
{
  char text[LINE_BYTES];
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  text_escape(line, sizeof line, text, strlen(text));
  put_line(line);
}

void
terminal_show_fields(const char *name, const char *const *fields, size_t count)
{
  char escaped[LINE_BYTES];
  char end[LINE_BYTES];
  char line[2 * LINE_BYTES];
  int room = columns() - 1;
  size_t fitting = 0;
  for (; fitting < count; fitting++) {
    int wanted = text_columns(fields[fitting]) + 2;
    if (room - wanted < NAME_LEAST) {
      break;
    }
    room -= wanted;
  }
  room = room < NAME_MOST ? room : NAME_MOST;
  text_escape(escaped, sizeof escaped, name, strlen(name));
  text_keep_end(end, sizeof end, escaped, room);
  int length = snprintf(line, sizeof line, "%s%*s", end, room - text_columns(end), "");
  for (size_t i = 0; i < fitting && length > 0 && (size_t)length < sizeof line; i++) {
    length += snprintf(line + length, sizeof line - (size_t)length, "  %s", fields[i]);
  }
  put_line(line);
}
