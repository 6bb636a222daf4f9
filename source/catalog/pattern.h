/*
 * Patterns of namespaces, in mongorestore's form. `*` stands for any text. `$name$` does, too, and gives that text a
 * name. A backslash takes the meaning from the character behind it. Pure.
 */
#ifndef FERRY_SOURCE_CATALOG_PATTERN_H
#define FERRY_SOURCE_CATALOG_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PATTERN_WILD_MOST 16

struct pattern_part {
  char *text; /* plain text, or a wildcard's name, "" for a `*` */
  bool wild;
};

struct pattern {
  struct pattern_part *parts;
  size_t count;
};

/* What the wildcards stood for: pieces of the text that was matched. */
struct pattern_match {
  const char *from[PATTERN_WILD_MOST];
  size_t length[PATTERN_WILD_MOST];
};

/* ERROR_USAGE for a `$` without its second one, or too many wildcards. */
bool pattern_parse(struct pattern *pattern, const char *text, struct error *error);
void pattern_clear(struct pattern *pattern);

/*
 * The first wildcard takes as much as it can, then the second one, and so on. `match` may be NULL; it points into
 * `text`.
 */
bool pattern_matches(const struct pattern *pattern, const char *text, struct pattern_match *match);

/* ERROR_USAGE if `to` has a wildcard that `from` does not have. */
bool pattern_check_pair(const struct pattern *from, const struct pattern *to, struct error *error);

/* What `to` makes of a match of `from`; the caller's. Its k-th `*` stands for the k-th `*` of `from`. */
char *pattern_expand(const struct pattern *from, const struct pattern_match *match, const struct pattern *to);

#endif
