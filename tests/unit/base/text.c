#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

static void
expect(const char *from, const char *wanted)
{
  char to[256];
  size_t size = text_escape(to, sizeof to, from, strlen(from));
  cr_assert_str_eq(to, wanted);
  cr_assert_eq(size, strlen(wanted));
}

Test(text, a_name_cannot_move_the_cursor_or_end_a_line)
{
  expect("plain", "plain");
  expect("a\nb\tc", "a\\nb\\tc");
  expect("\033[2J", "\\x1b[2J");
  expect("del\x7f", "del\\x7f");
  expect("c1 \xc2\x9b"
         "31m",
         "c1 \\xc2\\x9b31m");
  expect("line\xe2\x80\xa8", "line\\xe2\\x80\\xa8");
  expect("turned \xe2\x80\xae", "turned \\xe2\\x80\\xae");
}

Test(text, what_is_no_utf8_is_escaped_byte_by_byte)
{
  expect("\x9b", "\\x9b");
  expect("\xff\xfe", "\\xff\\xfe");
  expect("overlong \xc0\x80", "overlong \\xc0\\x80");
  expect("surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80");
  expect("cut \xe2\x82", "cut \\xe2\\x82");
  expect("grün 漢字 😀", "grün 漢字 😀");
}

Test(text, what_does_not_fit_is_left_out_by_whole_characters)
{
  char to[6];
  text_escape(to, sizeof to, "ab漢字", strlen("ab漢字"));
  cr_assert_str_eq(to, "ab漢");
  text_escape(to, sizeof to, "abc\033", 4);
  cr_assert_str_eq(to, "abc");
}

Test(text, widths_are_columns_not_bytes)
{
  char to[64];
  cr_assert_eq(text_columns("grün"), 4);
  cr_assert_eq(text_columns("漢字"), 4);
  cr_assert_eq(text_fitting("漢字x", 3), strlen("漢"));
  cr_assert_str_eq(text_keep_end(to, sizeof to, "short", 5), "short");
  cr_assert_str_eq(text_keep_end(to, sizeof to, "tenant.orders", 7), "…orders");
  cr_assert_leq(text_columns(text_keep_end(to, sizeof to, "漢字漢字漢字", 6)), 6);
}

Test(text, durations_and_sizes_are_short)
{
  cr_assert_str_eq(text_duration(0).text, "0m00s");
  cr_assert_str_eq(text_duration(723).text, "12m03s");
  cr_assert_str_eq(text_duration(11100).text, "3h05m");
  cr_assert_str_eq(text_duration(187200).text, "2d04h");
  cr_assert_str_eq(text_bytes(999).text, "999 B");
  cr_assert_str_eq(text_bytes(1500000).text, "1.5 MB");
  cr_assert_str_eq(text_bytes(999999999).text, "1.0 GB");
  cr_assert_str_eq(text_bytes(INT64_MAX).text, "9.2 EB");
}

Test(text, a_mistyped_word_finds_the_nearest_name)
{
  static const char *const names[] = {"host", "destination", "check", "workers"};
  cr_assert_str_eq(text_nearest("hots", 4, names, 4), "host");
  cr_assert_str_eq(text_nearest("Destinaton", 10, names, 4), "destination");
  cr_assert_str_eq(text_nearest("chekc", 5, names, 4), "check");
  cr_assert_str_eq(text_nearest("worker", 6, names, 4), "workers");
  cr_assert_null(text_nearest("zzz", 3, names, 4));
  cr_assert_null(text_nearest("", 0, names, 4));
}

static void
quoted(const char *from, const char *wanted)
{
  char to[64];
  cr_assert_str_eq(text_quote(to, sizeof to, from), wanted);
}

Test(text, a_name_as_a_value_never_reads_as_further_words)
{
  quoted("d.orders", "d.orders");
  quoted("d.grün:x,$\\", "d.grün:x,$\\");
  quoted("d.c ns=live.users", "\"d.c ns=live.users\"");
  quoted("a=b", "\"a=b\"");
  quoted("say \"x\"", "\"say \\\"x\\\"\"");
  quoted("\"", "\"\\\"\"");
  quoted("back\\ ", "\"back\\\\ \"");
  quoted("line\n", "\"line\\n\"");
  quoted("\x9b", "\"\\x9b\"");
  quoted("", "");
}

Test(text, a_quoted_name_that_does_not_fit_still_ends)
{
  char to[8];
  cr_assert_str_eq(text_quote(to, sizeof to, "a bcdefgh"), "\"a bcd\"");
  cr_assert_str_eq(text_quote(to, sizeof to, "a b\"\"\"\""), "\"a b\\\"\"");
  cr_assert_str_eq(text_quote(to, sizeof to, "abcdefghi"), "\"abcde\"");
}
