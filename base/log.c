#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log_entry.h"
#include "base/log_file.h"
#include "base/text.h"

static char own_role[LOG_ROLE_BYTES] = "coordinator";
static bool is_child;
static struct log_form form = {.least = LOG_INFO};
static bool terminal; /* stderr is one that can move its cursor */
static bool colour;
static void (*before_line)(void);
static void (*after_line)(void);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_recent recents[LOG_RECENT_MOST];
static uint64_t recent_count; /* all that there ever were */
static uint64_t counts[LOG_ERROR + 1];
static int64_t lost; /* lines that the file lacks; 0: it is written */

/* An error's line that waits for a signal; the time is still to be put in. */
static struct {
  char line[512];
  size_t size;
  char *time;
} prepared;

void
log_open(const char *role)
{
  snprintf(own_role, sizeof own_role, "%s", role);
  is_child = true;
}

/* NO_COLOR: https://no-color.org */
void
log_set_form(const struct log_form *wanted)
{
  const char *no_colour = getenv("NO_COLOR");
  const char *kind = getenv("TERM");
  form = *wanted;
  terminal = isatty(STDERR_FILENO) && kind && strcmp(kind, "dumb") != 0;
  colour = terminal && !(no_colour && *no_colour);
}

void
log_around_line(void (*before)(void), void (*after)(void))
{
  before_line = before;
  after_line = after;
}

void
log_hold(void)
{
  pthread_mutex_lock(&lock);
}

void
log_release(void)
{
  pthread_mutex_unlock(&lock);
}

static void
keep(const struct log_entry *entry)
{
  struct log_recent *recent = &recents[recent_count % LOG_RECENT_MOST];
  recent->at_ms = clock_unix_ms();
  recent->level = entry->level;
  memcpy(recent->role, entry->role, sizeof recent->role);
  log_entry_message(entry, recent->text);
  recent_count++;
}

static size_t
form_line(const struct log_entry *entry, bool with_colour, char line[LOG_JSON_BYTES])
{
  return form.json ? log_entry_json(entry, line) : log_entry_text(entry, with_colour, line);
}

/* One line is one write. */
static void
put_on_stderr(const struct log_entry *entry)
{
  char line[LOG_JSON_BYTES];
  size_t size = is_child ? log_entry_send(entry, line) : form_line(entry, colour, line);
  if (before_line) {
    before_line();
  }
  descriptor_write(STDERR_FILENO, line, size); /* if it fails, nobody can be told */
  if (after_line) {
    after_line();
  }
}

static void make(struct log_entry *entry, const char *role, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* A warning. */
static void
make(struct log_entry *entry, const char *role, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_entry_make(entry, LOG_WARN, role, format, args);
  va_end(args);
}

static bool
put_in_file(const struct log_entry *entry)
{
  char line[LOG_JSON_BYTES];
  return log_file_write(line, form_line(entry, false, line));
}

static void
say_file_fails(int cause)
{
  struct log_entry notice;
  make(&notice, own_role, "cannot write the log file '%s': %s; make room: until then the lines are on stderr only",
       log_file_name(), strerror(cause));
  keep(&notice);
  put_on_stderr(&notice);
}

static void
say_file_goes_on(void)
{
  struct log_entry notice;
  make(&notice, own_role, "the log file is written again; it lacks lines=%lld", (long long)lost);
  lost = 0;
  keep(&notice);
  put_in_file(&notice);
  put_on_stderr(&notice);
}

static void
follow_file(void)
{
  if (log_file_descriptor() >= 0 && !log_file_follow()) {
    struct log_entry notice;
    make(&notice, own_role, "cannot open the log file '%s' again: %s; the lines go to the earlier file",
         log_file_name(), strerror(errno));
    keep(&notice);
    put_in_file(&notice);
    put_on_stderr(&notice);
  }
}

/* Everything but stderr. False if the entry has to be there. */
static bool
put_elsewhere(const struct log_entry *entry, bool always)
{
  if (log_file_descriptor() < 0) {
    return false;
  }
  follow_file();
  if (!put_in_file(entry)) {
    if (lost++ == 0) {
      say_file_fails(errno);
    }
    return false;
  }
  if (lost > 0) {
    say_file_goes_on();
  }
  return entry->level < LOG_WARN && !always;
}

static void
put(const struct log_entry *entry, bool always)
{
  if (!is_child && entry->level < form.least && !always) {
    return;
  }
  pthread_mutex_lock(&lock);
  counts[entry->level]++;
  if (entry->level >= LOG_WARN) {
    keep(entry);
  }
  if (!put_elsewhere(entry, always)) {
    put_on_stderr(entry);
  }
  pthread_mutex_unlock(&lock);
}

bool
log_open_file(const char *path, struct error *error)
{
  return log_file_open(path, error);
}

void
log_tick(void)
{
  pthread_mutex_lock(&lock);
  follow_file();
  pthread_mutex_unlock(&lock);
}

bool
log_has_viewer(void)
{
  return terminal && form.least < LOG_WARN && (!form.json || log_has_file());
}

bool
log_has_file(void)
{
  return log_file_descriptor() >= 0;
}

void
log_line(enum log_level level, const char *format, ...)
{
  struct log_entry entry;
  va_list args;
  va_start(args, format);
  log_entry_make(&entry, level, own_role, format, args);
  va_end(args);
  put(&entry, false);
}

void
log_always(const char *format, ...)
{
  struct log_entry entry;
  va_list args;
  va_start(args, format);
  log_entry_make(&entry, LOG_INFO, own_role, format, args);
  va_end(args);
  put(&entry, true);
}

void
log_prepare(const char *text)
{
  struct log_entry entry;
  char line[LOG_JSON_BYTES];
  make(&entry, own_role, "%s", text);
  entry.level = LOG_ERROR;
  prepared.size = form_line(&entry, false, line);
  prepared.size = prepared.size < sizeof prepared.line ? prepared.size : sizeof prepared.line;
  memcpy(prepared.line, line, prepared.size);
  prepared.time = memmem(prepared.line, prepared.size, entry.time, strlen(entry.time));
}

/* Takes no lock, and calls only what a handler may. */
void
log_write_prepared(void)
{
  char time[LOG_TIME_BYTES];
  if (prepared.time) {
    clock_iso(time, clock_unix_ms());
    memcpy(prepared.time, time, sizeof time - 1);
  }
  descriptor_write(STDERR_FILENO, prepared.line, prepared.size);
  if (log_file_descriptor() >= 0) {
    descriptor_write(log_file_descriptor(), prepared.line, prepared.size);
  }
}

void
log_pass(const char *role, const char *line, size_t length)
{
  struct log_entry entry;
  if (!log_entry_take(&entry, line, length)) {
    make(&entry, role, "%.*s", (int)length, line);
  }
  put(&entry, false);
}

/* False if it is not kept any more, or not there yet. */
static bool
take_recent(uint64_t number, struct log_recent *recent)
{
  pthread_mutex_lock(&lock);
  bool kept = number < recent_count && number + LOG_RECENT_MOST >= recent_count;
  if (kept) {
    *recent = recents[number % LOG_RECENT_MOST];
  }
  pthread_mutex_unlock(&lock);
  return kept;
}

void
log_recent(void (*visit)(void *context, const struct log_recent *recent), void *context)
{
  struct log_recent recent;
  pthread_mutex_lock(&lock);
  uint64_t end = recent_count;
  pthread_mutex_unlock(&lock);
  for (uint64_t i = end > LOG_RECENT_MOST ? end - LOG_RECENT_MOST : 0; i < end; i++) {
    if (take_recent(i, &recent)) {
      visit(context, &recent);
    }
  }
}

uint64_t
log_count(enum log_level level)
{
  pthread_mutex_lock(&lock);
  uint64_t count = counts[level];
  pthread_mutex_unlock(&lock);
  return count;
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
