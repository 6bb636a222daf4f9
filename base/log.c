#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_entry.h"
#include "base/text.h"

static char own_role[LOG_ROLE_BYTES] = "coordinator";
static bool is_child;
static void (*before_line)(void);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_recent recents[LOG_RECENT_MOST];
static uint64_t recent_count; /* all that there ever were */
static uint64_t counts[LOG_ERROR + 1];

void
log_open(const char *role)
{
  snprintf(own_role, sizeof own_role, "%s", role);
  is_child = true;
}

void
log_before_line(void (*hook)(void))
{
  before_line = hook;
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

/* One line is one write. */
static void
put(const struct log_entry *entry)
{
  char line[LOG_LINE_BYTES];
  size_t size = is_child ? log_entry_send(entry, line) : log_entry_text(entry, line);
  pthread_mutex_lock(&lock);
  counts[entry->level]++;
  if (entry->level >= LOG_WARN) {
    keep(entry);
  }
  if (before_line) {
    before_line();
  }
  ssize_t written = write(STDERR_FILENO, line, size);
  (void)written; /* nowhere left to say so */
  pthread_mutex_unlock(&lock);
}

void
log_line(enum log_level level, const char *format, ...)
{
  struct log_entry entry;
  va_list args;
  va_start(args, format);
  log_entry_make(&entry, level, own_role, format, args);
  va_end(args);
  put(&entry);
}

static void make(struct log_entry *entry, const char *role, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

static void
make(struct log_entry *entry, const char *role, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_entry_make(entry, LOG_WARN, role, format, args);
  va_end(args);
}

void
log_pass(const char *role, const char *line, size_t length)
{
  struct log_entry entry;
  if (!log_entry_take(&entry, line, length)) {
    make(&entry, role, "%.*s", (int)length, line);
  }
  put(&entry);
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
