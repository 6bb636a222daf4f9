#include "coordinator/report/terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/text.h"

#define LINES_MOST 40
#define LINE_BYTES 1024
#define NAME_LEAST 16
#define NAME_MOST 60

struct frame {
  char lines[LINES_MOST][LINE_BYTES];
  int count;
};

static struct frame next;
static struct frame shown; /* guarded by the log, which removes and shows it around its lines */

static struct winsize
look(void)
{
  struct winsize size = {0};
  ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
  size.ws_col = size.ws_col > 0 ? size.ws_col : 80;
  size.ws_row = size.ws_row > 0 ? size.ws_row : 24;
  return size;
}

/*
 * The cursor stays where the lines begin. So nobody has to know how many rows they take by now: a terminal that got
 * narrower may have wrapped them.
 */
static void
erase(void)
{
  if (shown.count > 0) {
    descriptor_write(STDERR_FILENO, "\r\033[J", 4);
  }
}

/*
 * Each line over the one that was there, so that nothing flickers. A terminal that gets narrower at this moment cuts the
 * lines instead of wrapping them.
 */
static void
paint(void)
{
  static char bytes[LINES_MOST * (LINE_BYTES + 8) + 32];
  struct winsize size = look();
  int count = shown.count < size.ws_row ? shown.count : size.ws_row - 1;
  if (count <= 0) {
    return;
  }
  size_t used = (size_t)sprintf(bytes, "\033[?7l");
  for (int i = 0; i < count; i++) {
    size_t fits = text_fitting(shown.lines[i], size.ws_col - 1);
    used +=
      (size_t)sprintf(bytes + used, "\r%.*s\033[K%s", (int)fits, shown.lines[i], i + 1 < count ? "\n" : "\033[J\r");
  }
  if (count > 1) {
    used += (size_t)sprintf(bytes + used, "\033[%dA", count - 1);
  }
  used += (size_t)sprintf(bytes + used, "\033[?7h");
  descriptor_write(STDERR_FILENO, bytes, used);
}

bool
terminal_open(void)
{
  if (!log_has_viewer()) {
    return false;
  }
  log_around_line(erase, paint);
  return true;
}

void
terminal_close(void)
{
  log_hold();
  erase();
  shown.count = next.count = 0;
  log_release();
}

int
terminal_room(void)
{
  int rows = look().ws_row - 1;
  return (rows < LINES_MOST ? rows : LINES_MOST) - next.count;
}

void
terminal_draw(void)
{
  log_hold();
  if (next.count == 0) {
    erase();
  }
  shown = next;
  paint();
  log_release();
  next.count = 0;
}

/* Room for a line that is added; one that nobody sees if there is none. */
static char *
new_line(void)
{
  static char nowhere[LINE_BYTES];
  return next.count < LINES_MOST ? next.lines[next.count++] : nowhere;
}

void
terminal_add(const char *const *parts, size_t count)
{
  char *line = new_line();
  int room = look().ws_col - 1;
  size_t used = text_escape(line, LINE_BYTES, parts[0], strlen(parts[0]));
  for (size_t i = 1; i < count; i++) {
    char part[LINE_BYTES];
    text_escape(part, sizeof part, parts[i], strlen(parts[i]));
    if (text_columns(line) + 2 + text_columns(part) > room || used + 2 + strlen(part) >= LINE_BYTES) {
      return;
    }
    used += (size_t)sprintf(line + used, ", %s", part);
  }
}

void
terminal_add_fields(const char *name, const char *const *fields, size_t count)
{
  char escaped[LINE_BYTES];
  char end[LINE_BYTES + 4];
  int room = look().ws_col - 1;
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
  char *line = new_line();
  int length = snprintf(line, LINE_BYTES, "%s%*s", end, room - text_columns(end), "");
  for (size_t i = 0; i < fitting && length > 0 && length < LINE_BYTES; i++) {
    length += snprintf(line + length, LINE_BYTES - (size_t)length, "  %s", fields[i]);
  }
}
