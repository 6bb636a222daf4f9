#include "source/catalog/pattern.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct pattern
parse(const char *text)
{
  struct pattern pattern;
  struct error error;
  cr_assert(pattern_parse(&pattern, text, &error), "%s: %s", text, error.text);
  return pattern;
}

static void
assert_matches(const char *pattern_text, const char *text, bool expected)
{
  struct pattern pattern = parse(pattern_text);
  cr_assert_eq(pattern_matches(&pattern, text, NULL), expected, "%s and %s", pattern_text, text);
  pattern_clear(&pattern);
}

Test(pattern, matches)
{
  assert_matches("db.coll", "db.coll", true);
  assert_matches("db.coll", "db.coll2", false);
  assert_matches("db.coll", "db.col", false);
  assert_matches("db.*", "db.a.b", true);
  assert_matches("db.*", "db2.a", false);
  assert_matches("*.c", "x.y.c", true);
  assert_matches("*", "", true);
  assert_matches("d*b.*x*", "deadb.axe", true);
  assert_matches("$a$.$b$", "one.two", true);
  assert_matches("a.\\*\\$\\\\", "a.*$\\", true);
  assert_matches("a.\\*", "a.b", false);
}

Test(pattern, that_is_none_is_refused)
{
  static const char *const texts[] = {"a.$b", "$.x", "a.$b c$", "*****************"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct pattern pattern;
    struct error error;
    cr_assert_not(pattern_parse(&pattern, texts[i], &error), "%s", texts[i]);
    cr_assert_eq(error.kind, ERROR_USAGE);
  }
}

static void
assert_becomes(const char *from_text, const char *to_text, const char *text, const char *expected)
{
  struct pattern from = parse(from_text);
  struct pattern to = parse(to_text);
  struct pattern_match match;
  struct error error;
  cr_assert(pattern_check_pair(&from, &to, &error), "%s", error.text);
  cr_assert(pattern_matches(&from, text, &match));
  char *made = pattern_expand(&from, &match, &to);
  cr_assert_str_eq(made, expected);
  free(made);
  pattern_clear(&from);
  pattern_clear(&to);
}

Test(pattern, makes_new_names)
{
  assert_becomes("old.*", "new.*", "old.a.b", "new.a.b");
  assert_becomes("transactions.$customer$_$year$", "$customer$.$year$.t", "transactions.ann_2020", "ann.2020.t");
  assert_becomes("*.*", "*.x_*", "a.b", "a.x_b");
  assert_becomes("*.*_$v$", "$v$.*_*", "a.b_c", "c.a_b");
  assert_becomes("a.b", "c.d", "a.b", "c.d");
}

Test(pattern, pair_that_does_not_fit_is_refused)
{
  struct pattern from = parse("*.$x$");
  struct error error;
  static const char *const texts[] = {"$y$.a", "*.*"};
  for (size_t i = 0; i < 2; i++) {
    struct pattern to = parse(texts[i]);
    cr_assert_not(pattern_check_pair(&from, &to, &error));
    cr_assert_eq(error.kind, ERROR_USAGE);
    pattern_clear(&to);
  }
  pattern_clear(&from);
}

/* Backtracking without a memory would take longer than anybody's life. */
Test(pattern, with_many_wildcards_takes_no_time, .timeout = 5)
{
  char text[300];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = 0;
  assert_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text, false);
}
