#include "source/catalog/pattern.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void
add_part(struct pattern *pattern, size_t *capacity, const char *text, size_t length, bool wild)
{
  pattern->parts = memory_grow(pattern->parts, pattern->count, capacity, sizeof *pattern->parts);
  pattern->parts[pattern->count++] = (struct pattern_part){memory_format("%.*s", (int)length, text), wild};
}

/* The length of a variable's name at `text`, which is behind a dollar sign; 0 if there is no second dollar sign. */
static size_t
name_length(const char *text)
{
  size_t length = 0;
  while (isalnum((unsigned char)text[length]) || text[length] == '_') {
    length++;
  }
  return text[length] == '$' ? length : 0;
}

bool
pattern_parse(struct pattern *pattern, const char *text, struct error *error)
{
  size_t capacity = 0;
  size_t wild = 0;
  size_t used = 0;
  char *literal = memory_new(strlen(text) + 1);
  bool ok = true;
  *pattern = (struct pattern){0};
  for (const char *at = text; ok; at++) {
    bool variable = *at == '$';
    bool ends = *at == 0 || *at == '*' || variable;
    if (*at == '\\' && at[1] != 0) {
      literal[used++] = *++at;
    } else if (!ends) {
      literal[used++] = *at;
    } else if (used > 0) {
      add_part(pattern, &capacity, literal, used, false);
      used = 0;
    }
    if (ends && *at == 0) {
      break;
    }
    if (ends) {
      size_t length = variable ? name_length(at + 1) : 0;
      ok = (!variable || length > 0) && ++wild <= PATTERN_WILD_MOST;
      add_part(pattern, &capacity, at + 1, length, true);
      at += variable ? length + 1 : 0;
    }
  }
  free(literal);
  if (!ok) {
    pattern_clear(pattern);
    error_set(error, ERROR_USAGE,
              "'%s' is not a pattern of namespaces: * and $name$ stand for any text, at most %d of them; \\* and \\$ "
              "stand for the characters",
              text, PATTERN_WILD_MOST);
  }
  return ok;
}

void
pattern_clear(struct pattern *pattern)
{
  for (size_t i = 0; i < pattern->count; i++) {
    free(pattern->parts[i].text);
  }
  free(pattern->parts);
  *pattern = (struct pattern){0};
}

struct attempt {
  const struct pattern *pattern;
  const char *text;
  size_t length;
  uint8_t *failed; /* [part][position]: known not to match from there */
  struct pattern_match *match;
};

/*
 * Matches the parts from `part` on against the text from `at` on; `wild` wildcards come before. Each pair fails once
 * at most.
 */
static bool
match_from(struct attempt *attempt, size_t part, size_t at, size_t wild)
{
  if (part == attempt->pattern->count) {
    return at == attempt->length;
  }
  uint8_t *failed = &attempt->failed[part * (attempt->length + 1) + at];
  const struct pattern_part *one = &attempt->pattern->parts[part];
  if (*failed) {
    return false;
  }
  if (!one->wild) {
    size_t length = strlen(one->text);
    if (length <= attempt->length - at && memcmp(attempt->text + at, one->text, length) == 0 &&
        match_from(attempt, part + 1, at + length, wild)) {
      return true;
    }
  }
  for (size_t end = attempt->length + 1; one->wild && end-- > at;) {
    if (match_from(attempt, part + 1, end, wild + 1)) {
      attempt->match->from[wild] = attempt->text + at;
      attempt->match->length[wild] = end - at;
      return true;
    }
  }
  *failed = 1;
  return false;
}

bool
pattern_matches(const struct pattern *pattern, const char *text, struct pattern_match *match)
{
  struct pattern_match ignored;
  struct attempt attempt = {pattern, text, strlen(text), NULL, match ? match : &ignored};
  attempt.failed = memory_new(pattern->count * (attempt.length + 1) + 1);
  bool matches = match_from(&attempt, 0, 0, 0);
  free(attempt.failed);
  return matches;
}

/* The wildcard of `from` that the part of `to` means: by its name, or for a `*` by its number, `star`; -1: none. */
static int
find_wild(const struct pattern *from, const char *name, int star)
{
  int wild = 0;
  for (size_t i = 0; i < from->count; i++) {
    if (!from->parts[i].wild) {
      continue;
    }
    if (strcmp(from->parts[i].text, name) == 0 && (*name || star-- == 0)) {
      return wild;
    }
    wild++;
  }
  return -1;
}

bool
pattern_check_pair(const struct pattern *from, const struct pattern *to, struct error *error)
{
  int star = 0;
  for (size_t i = 0; i < to->count; i++) {
    const struct pattern_part *part = &to->parts[i];
    if (part->wild && find_wild(from, part->text, *part->text ? 0 : star++) < 0) {
      return error_set(error, ERROR_USAGE, "--nsTo has the wildcard '%s', which its --nsFrom does not give",
                       *part->text ? part->text : "*");
    }
  }
  return true;
}

char *
pattern_expand(const struct pattern *from, const struct pattern_match *match, const struct pattern *to)
{
  char *text = memory_string("");
  int star = 0;
  for (size_t i = 0; i < to->count; i++) {
    const struct pattern_part *part = &to->parts[i];
    int wild = part->wild ? find_wild(from, part->text, *part->text ? 0 : star++) : -1;
    char *longer = wild < 0 ? memory_format("%s%s", text, part->text)
                            : memory_format("%s%.*s", text, (int)match->length[wild], match->from[wild]);
    free(text);
    text = longer;
  }
  return text;
}
