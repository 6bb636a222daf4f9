#include "base/text.h"

#include <ctype.h>
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/memory.h"

/* The number of bytes of the character at `from`; 0 if it is no UTF-8 (overlong forms and surrogates are not). */
static size_t
decode(const char *from, size_t length, uint32_t *character)
{
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint8_t *bytes = (const uint8_t *)from;
  uint8_t first = bytes[0];
  size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || size > length) {
    return 0;
  }
  *character = size == 1 ? first : first & (0xffU >> (size + 1));
  for (size_t i = 1; i < size; i++) {
    if ((bytes[i] & 0xc0) != 0x80) {
      return 0;
    }
    *character = *character << 6 | (bytes[i] & 0x3f);
  }
  bool surrogate = *character >= 0xd800 && *character < 0xe000;
  return *character < least[size] || *character > 0x10ffff || surrogate ? 0 : size;
}

static bool
is_harmless(uint32_t character)
{
  bool control = character < 0x20 || (character >= 0x7f && character < 0xa0);
  bool separator = character == 0x2028 || character == 0x2029;
  bool direction = character == 0x061c || character == 0x200e || character == 0x200f ||
                   (character >= 0x202a && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
  return !control && !separator && !direction;
}

static size_t
escape_bytes(char to[4 * TEXT_ESCAPED_MOST + 1], const char *from, size_t size)
{
  if (size == 1 && (*from == '\n' || *from == '\t')) {
    return (size_t)sprintf(to, "\\%c", *from == '\n' ? 'n' : 't');
  }
  for (size_t i = 0; i < size; i++) {
    sprintf(to + i * TEXT_ESCAPED_MOST, "\\x%02x", (unsigned)(uint8_t)from[i]);
  }
  return size * TEXT_ESCAPED_MOST;
}

size_t
text_escape(char *to, size_t size, const char *from, size_t length)
{
  size_t used = 0;
  for (size_t at = 0; at < length;) {
    char escaped[4 * TEXT_ESCAPED_MOST + 1];
    uint32_t character = 0;
    size_t taken = decode(from + at, length - at, &character);
    bool as_it_is = taken > 0 && is_harmless(character);
    taken = taken ? taken : 1;
    const char *form = as_it_is ? from + at : escaped;
    size_t more = as_it_is ? taken : escape_bytes(escaped, from + at, taken);
    if (used + more >= size) {
      break;
    }
    memcpy(to + used, form, more);
    used += more;
    at += taken;
  }
  to[used] = 0;
  return used;
}

const char *
text_quote(char *to, size_t size, const char *from)
{
  size_t length = strlen(from);
  size_t used = text_escape(to, size, from, length);
  bool as_it_is = used == length && memcmp(to, from, length) == 0 && !strpbrk(from, " =\"");
  if (as_it_is) {
    return to;
  }
  used = 0;
  to[used++] = '"';
  while (*from) {
    char form[4 * TEXT_ESCAPED_MOST + 1];
    uint32_t ignored;
    size_t taken = decode(from, strlen(from), &ignored);
    taken = taken ? taken : 1;
    size_t more = *from == '"' || *from == '\\' ? (size_t)sprintf(form, "\\%c", *from)
                                                : text_escape(form, sizeof form, from, taken);
    if (used + more + 2 > size) {
      break;
    }
    memcpy(to + used, form, more);
    used += more;
    from += taken;
  }
  to[used++] = '"';
  to[used] = 0;
  return to;
}

char *
text_escaped(const char *text)
{
  size_t length = strlen(text);
  char *escaped = memory_new(length * TEXT_ESCAPED_MOST + 1);
  text_escape(escaped, length * TEXT_ESCAPED_MOST + 1, text, length);
  return escaped;
}

/* Of the character at `text`; `*size` becomes its bytes. */
static int
columns_at(const char *text, size_t *size)
{
  uint32_t character = 0;
  *size = decode(text, strlen(text), &character);
  if (*size == 0) {
    *size = 1;
    return 1;
  }
  int columns = wcwidth((wchar_t)character);
  return columns < 0 ? 1 : columns;
}

/* wcwidth answers for the locale in force; the process' own stays as it is. */
static locale_t
enter_utf8(void)
{
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  return utf8 ? uselocale(utf8) : (locale_t)0;
}

static void
leave_utf8(locale_t before)
{
  if (before) {
    freelocale(uselocale(before));
  }
}

int
text_columns(const char *text)
{
  int columns = 0;
  size_t size;
  locale_t before = enter_utf8();
  for (; *text; text += size) {
    columns += columns_at(text, &size);
  }
  leave_utf8(before);
  return columns;
}

size_t
text_fitting(const char *text, int columns)
{
  size_t at = 0;
  size_t size;
  locale_t before = enter_utf8();
  while (text[at]) {
    int more = columns_at(text + at, &size);
    if (more > columns) {
      break;
    }
    columns -= more;
    at += size;
  }
  leave_utf8(before);
  return at;
}

const char *
text_keep_end(char *to, size_t size, const char *text, int columns)
{
  int left_out = text_columns(text) - columns;
  if (left_out > 0) {
    size_t at = text_fitting(text, left_out + 1); /* one more, for the "…" */
    uint32_t ignored;
    bool wide_is_cut = text[at] && text_columns(text + at) > columns - 1;
    text += at + (wide_is_cut ? decode(text + at, strlen(text + at), &ignored) : 0);
    snprintf(to, size, "…%s", text);
  } else {
    snprintf(to, size, "%s", text);
  }
  return to;
}

struct text_short
text_duration(int64_t seconds)
{
  struct text_short made;
  int64_t minutes = seconds / 60;
  int64_t hours = minutes / 60;
  if (hours >= 48) {
    snprintf(made.text, sizeof made.text, "%lldd%02lldh", (long long)(hours / 24), (long long)(hours % 24));
  } else if (hours > 0) {
    snprintf(made.text, sizeof made.text, "%lldh%02lldm", (long long)hours, (long long)(minutes % 60));
  } else {
    snprintf(made.text, sizeof made.text, "%lldm%02llds", (long long)minutes, (long long)(seconds % 60));
  }
  return made;
}

struct text_short
text_bytes(int64_t bytes)
{
  static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  struct text_short made;
  double amount = (double)bytes / 1000;
  size_t unit = 0;
  for (; amount >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++) {
    amount /= 1000;
  }
  if (bytes < 1000) {
    snprintf(made.text, sizeof made.text, "%lld B", (long long)bytes);
  } else {
    snprintf(made.text, sizeof made.text, "%.1f %s", amount, units[unit]);
  }
  return made;
}

#define WORD_MOST 40 /* longer ones are no mistyped names */

static size_t
least(size_t one, size_t other)
{
  return one < other ? one : other;
}

/* Damerau's and Levenshtein's distance: three rows of the table are enough. */
static size_t
distance(const char *word, size_t length, const char *name)
{
  size_t rows[3][WORD_MOST + 1];
  size_t *before = rows[0];
  size_t *last = rows[1];
  size_t *row = rows[2];
  for (size_t i = 0; i <= length; i++) {
    last[i] = i;
  }
  for (size_t k = 0; name[k]; k++) {
    row[0] = k + 1;
    for (size_t i = 0; i < length; i++) {
      size_t change = tolower((unsigned char)word[i]) != tolower((unsigned char)name[k]);
      row[i + 1] = least(least(row[i], last[i + 1]) + 1, last[i] + change);
      if (i > 0 && k > 0 && word[i] == name[k - 1] && word[i - 1] == name[k]) {
        row[i + 1] = least(row[i + 1], before[i - 1] + 1);
      }
    }
    size_t *oldest = before;
    before = last;
    last = row;
    row = oldest;
  }
  return last[length];
}

const char *
text_nearest(const char *word, size_t length, const char *const *names, size_t count)
{
  const char *found = NULL;
  size_t nearest = least(length / 3 + 1, 4); /* more changes make another word of it */
  for (size_t i = 0; length <= WORD_MOST && i < count; i++) {
    size_t apart = distance(word, length, names[i]);
    if (apart < nearest || (apart == nearest && !found)) {
      nearest = apart;
      found = names[i];
    }
  }
  return found;
}

bool
text_is_one_of(const char *text, const char *const *names)
{
  for (; *names; names++) {
    if (strcmp(text, *names) == 0) {
      return true;
    }
  }
  return false;
}

void
text_print(FILE *out, const char *text)
{
  char *escaped = text_escaped(text);
  fputs(escaped, out);
  free(escaped);
}
