#include "base/log_entry.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define NUMBER_BEGINS '\x1d'
#define FIELD_BEGINS '\x1e'
#define FIELD_ENDS '\x1f'
#define FIELDS_MOST 24

static const char *const names[] = {"debug", "info", "warn", "error"};

/* Where a field is: in the format, later in the text that was made of it. */
struct field {
  size_t begin;
  size_t end;
  bool number;
};

static bool
is_number(const char *format, size_t size)
{
  const char *last = size > 1 ? strchr("diufeg", format[size - 1]) : NULL;
  return last && *format == '%' && strspn(format + 1, "0123456789.+-lzjh") == size - 2;
}

/* The length of a word `key=%...`, without the punctuation after it; 0: it is none. */
static size_t
field_length(const char *word, bool *number)
{
  size_t key = strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789");
  size_t length = strcspn(word, " ");
  if (key == 0 || word[key] != '=') {
    return 0;
  }
  while (strchr(",;:.", word[length - 1])) {
    length--;
  }
  *number = is_number(word + key + 1, length - key - 1);
  return length;
}

static size_t
find_fields(const char *format, struct field fields[FIELDS_MOST])
{
  size_t count = 0;
  for (const char *word = format; *word && count < FIELDS_MOST; word += strspn(word, " ")) {
    struct field field = {.begin = (size_t)(word - format)};
    size_t length = field_length(word, &field.number);
    if (length > 0) {
      field.end = field.begin + length;
      fields[count++] = field;
    }
    word += strcspn(word, " ");
  }
  return count;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* How long the text is that the first `size` bytes of the format make. */
static size_t
measure(const char *format, size_t size, va_list args)
{
  char beginning[LOG_TEXT_BYTES];
  va_list copy;
  snprintf(beginning, sizeof beginning, "%.*s", (int)size, format);
  va_copy(copy, args);
  int length = vsnprintf(NULL, 0, beginning, copy);
  va_end(copy);
  return length > 0 ? (size_t)length : 0;
}
#pragma GCC diagnostic pop

static size_t
least(size_t one, size_t other)
{
  return one < other ? one : other;
}

/* Appends a stretch of `from`, escaped, with room left for a mark. */
static size_t
append(char *text, size_t used, const char *from, size_t size)
{
  return used + text_escape(text + used, LOG_TEXT_BYTES - used - 2, from, size);
}

void
log_entry_make(struct log_entry *entry, enum log_level level, const char *role, const char *format, va_list args)
{
  char plain[LOG_TEXT_BYTES];
  struct field fields[FIELDS_MOST];
  size_t count = find_fields(format, fields);
  size_t at = 0;
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    fields[i].begin = measure(format, fields[i].begin, args);
    fields[i].end = measure(format, fields[i].end, args);
  }
  vsnprintf(plain, sizeof plain, format, args);
  size_t size = strlen(plain);
  for (size_t i = 0; i < count && fields[i].begin < size && used < LOG_TEXT_BYTES - 8; i++) {
    size_t end = least(fields[i].end, size);
    used = append(entry->text, used, plain + at, fields[i].begin - at);
    entry->text[used++] = fields[i].number ? NUMBER_BEGINS : FIELD_BEGINS;
    used = append(entry->text, used, plain + fields[i].begin, end - fields[i].begin);
    entry->text[used++] = FIELD_ENDS;
    at = end;
  }
  used = append(entry->text, used, plain + at, size - at);
  entry->text[used] = 0;
  entry->level = level;
  snprintf(entry->role, sizeof entry->role, "%s", role);
  clock_iso(entry->time, clock_unix_ms());
}

size_t
log_entry_send(const struct log_entry *entry, char line[LOG_LINE_BYTES])
{
  return (size_t)snprintf(line, LOG_LINE_BYTES, "%s %s %s %s\n", entry->time, names[entry->level], entry->role,
                          entry->text);
}

/* Copies a word and steps over the blank after it. */
static bool
take_word(char *to, size_t size, const char **line)
{
  size_t length = strcspn(*line, " ");
  if (length == 0 || length >= size || !(*line)[length]) {
    return false;
  }
  snprintf(to, size, "%.*s", (int)length, *line);
  *line += length + 1;
  return true;
}

bool
log_entry_take(struct log_entry *entry, const char *line, size_t length)
{
  char copy[LOG_LINE_BYTES];
  char level[8];
  const char *rest = copy;
  if (length >= sizeof copy) {
    return false;
  }
  memcpy(copy, line, length);
  copy[length] = 0;
  if (!take_word(entry->time, sizeof entry->time, &rest) || strlen(entry->time) != LOG_TIME_BYTES - 1 ||
      !isdigit((unsigned char)entry->time[0]) || !take_word(level, sizeof level, &rest) ||
      !take_word(entry->role, sizeof entry->role, &rest)) {
    return false;
  }
  for (entry->level = LOG_DEBUG; strcmp(names[entry->level], level) != 0; entry->level++) {
    if (entry->level == LOG_ERROR) {
      return false;
    }
  }
  snprintf(entry->text, sizeof entry->text, "%s", rest);
  return true;
}

static bool
is_mark(char byte)
{
  return byte == FIELD_BEGINS || byte == NUMBER_BEGINS || byte == FIELD_ENDS;
}

void
log_entry_message(const struct log_entry *entry, char text[LOG_TEXT_BYTES])
{
  for (const char *at = entry->text; *at; at++) {
    if (!is_mark(*at)) {
      *text++ = *at;
    }
  }
  *text = 0;
}

size_t
log_entry_text(const struct log_entry *entry, bool colour, char line[LOG_LINE_BYTES])
{
  char message[LOG_TEXT_BYTES];
  const char *begin = !colour || entry->level < LOG_WARN ? "" : entry->level == LOG_WARN ? "\033[33m" : "\033[31m";
  log_entry_message(entry, message);
  return (size_t)snprintf(line, LOG_LINE_BYTES, "%s %s%s%s %s %s\n", entry->time, begin, names[entry->level],
                          *begin ? "\033[0m" : "", entry->role, message);
}

/* A stretch of escaped text as a JSON string: what is left to escape is " and \. */
static size_t
put_string(char *line, size_t used, const char *from, size_t size)
{
  line[used++] = '"';
  for (size_t i = 0; i < size; i++) {
    if (from[i] == '"' || from[i] == '\\') {
      line[used++] = '\\';
    }
    if (!is_mark(from[i])) {
      line[used++] = from[i];
    }
  }
  line[used++] = '"';
  return used;
}

/* A value that text_quote put between quotation marks, as it is without them. */
static size_t
unquote(char *to, const char *value, size_t size)
{
  size_t used = 0;
  bool quoted = size > 1 && value[0] == '"' && value[size - 1] == '"';
  for (size_t i = quoted; i + quoted < size; i++) {
    if (quoted && value[i] == '\\' && (value[i + 1] == '"' || value[i + 1] == '\\')) {
      i++;
    }
    to[used++] = value[i];
  }
  return used;
}

static bool
is_json_number(const char *value, size_t size)
{
  size_t sign = size > 0 && *value == '-';
  return size > sign && strspn(value + sign, "0123456789.") == size - sign;
}

/* `field` begins with its mark. */
static size_t
put_field(char *line, size_t used, const char *field, size_t size)
{
  char plain[LOG_TEXT_BYTES];
  const char *equals = memchr(field, '=', size);
  if (!equals) {
    return used;
  }
  const char *value = equals + 1;
  size_t length = (size_t)(field + size - value);
  line[used++] = ',';
  used = put_string(line, used, field + 1, (size_t)(equals - field) - 1);
  line[used++] = ':';
  if (*field == NUMBER_BEGINS && is_json_number(value, length)) {
    memcpy(line + used, value, length);
    return used + length;
  }
  return put_string(line, used, plain, unquote(plain, value, length));
}

/* The length of the text without the fields at its end; of a text that is nothing else, all of it. */
static size_t
without_last_fields(const char *text)
{
  size_t kept = 0;
  bool in_field = false;
  for (size_t i = 0; text[i]; i++) {
    in_field = is_mark(text[i]) ? text[i] != FIELD_ENDS : in_field;
    kept = in_field || is_mark(text[i]) || text[i] == ' ' ? kept : i + 1;
  }
  return kept > 0 ? kept : strlen(text);
}

size_t
log_entry_json(const struct log_entry *entry, char line[LOG_JSON_BYTES])
{
  size_t used = (size_t)snprintf(line, LOG_JSON_BYTES,
                                 "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"message\":", entry->time,
                                 names[entry->level], entry->role);
  used = put_string(line, used, entry->text, without_last_fields(entry->text));
  for (const char *at = entry->text; *at; at++) {
    if (*at == FIELD_BEGINS || *at == NUMBER_BEGINS) {
      size_t size = strcspn(at, (char[]){FIELD_ENDS, 0});
      used = put_field(line, used, at, size);
      at += size - 1;
    }
  }
  line[used++] = '}';
  line[used++] = '\n';
  return used;
}
