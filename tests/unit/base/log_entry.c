#include "base/log_entry.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct log_entry made;

static void make(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
make(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_entry_make(&made, LOG_INFO, "applier", format, args);
  va_end(args);
}

/* After a child has sent it and the coordinator has taken it. */
static void
expect(const char *text, const char *json)
{
  char line[LOG_LINE_BYTES];
  char all[LOG_JSON_BYTES];
  char wanted[LOG_JSON_BYTES];
  struct log_entry taken;
  size_t size = log_entry_send(&made, line);
  cr_assert_eq(line[size - 1], '\n');
  cr_assert(log_entry_take(&taken, line, size - 1));
  size = log_entry_text(&taken, false, line);
  line[size] = 0;
  snprintf(wanted, sizeof wanted, "%s info applier %s\n", made.time, text);
  cr_assert_str_eq(line, wanted);
  size = log_entry_json(&taken, all);
  all[size] = 0;
  snprintf(wanted, sizeof wanted, "{\"time\":\"%s\",\"level\":\"info\",\"role\":\"applier\",%s}\n", made.time, json);
  cr_assert_str_eq(all, wanted);
}

Test(log_entry, fields_are_the_words_of_the_format)
{
  make("copying ns=%s tasks=%d/%d documents=%lld mb=%.1f", "shop.orders", 3, 9, 1234LL, 5.55);
  expect("copying ns=shop.orders tasks=3/9 documents=1234 mb=5.5",
         "\"message\":\"copying\",\"ns\":\"shop.orders\",\"tasks\":\"3/9\",\"documents\":1234,\"mb\":5.5");
  make("refused ns=%s: %s; it stays", "a.b", "why");
  expect("refused ns=a.b: why; it stays", "\"message\":\"refused ns=a.b: why; it stays\",\"ns\":\"a.b\"");
  make("plain");
  expect("plain", "\"message\":\"plain\"");
  make("ns=%s", "a.b");
  expect("ns=a.b", "\"message\":\"ns=a.b\",\"ns\":\"a.b\"");
}

Test(log_entry, what_a_server_wrote_makes_no_field)
{
  make("failed ns=%s: %s", log_value("a.b level=error"), "E11000 ns=x level=error \x1ens=y\x1f \"{");
  expect("failed ns=\"a.b level=error\": E11000 ns=x level=error \\x1ens=y\\x1f \"{",
         "\"message\":\"failed ns=\\\"a.b level=error\\\": E11000 ns=x level=error \\\\x1ens=y\\\\x1f \\\"{\","
         "\"ns\":\"a.b level=error\"");
}

Test(log_entry, a_name_is_escaped_in_every_form)
{
  make("built ns=%s", log_value("%s", "a\nb\033[2J\"\\ \xff"));
  expect("built ns=\"a\\nb\\x1b[2J\\\"\\\\ \\xff\"",
         "\"message\":\"built\",\"ns\":\"a\\\\nb\\\\x1b[2J\\\"\\\\ \\\\xff\"");
}

Test(log_entry, a_number_that_json_does_not_know_is_a_text)
{
  make("pace mb_per_s=%.1f", __builtin_inf());
  expect("pace mb_per_s=inf", "\"message\":\"pace\",\"mb_per_s\":\"inf\"");
}

Test(log_entry, what_is_too_long_is_cut_and_stays_a_line)
{
  char name[3 * LOG_TEXT_BYTES];
  char line[LOG_JSON_BYTES];
  memset(name, '"', sizeof name - 1);
  name[sizeof name - 1] = 0;
  make("failed ns=%s text=%s after=%d", log_value("%s", name), name, 5);
  size_t size = log_entry_json(&made, line);
  cr_assert_lt(size, sizeof line);
  cr_assert_eq(memcmp(line + size - 3, "\"}\n", 3), 0);
  memset(name, '\033', sizeof name - 1);
  for (size_t length = LOG_TEXT_BYTES / 4 - 20; length < LOG_TEXT_BYTES; length++) {
    make("ns=%.*s after=%d %s", (int)length, name, 5, name);
    cr_assert_lt(strlen(made.text), sizeof made.text);
  }
}

Test(log_entry, what_a_library_wrote_is_no_entry)
{
  static const char *const lines[] = {"", "==1==ERROR: AddressSanitizer: out of memory",
                                      "2026-01-31T23:59:59.999Z info", "2026-01-31T23:59:59.999Z loud applier text",
                                      "free(): invalid pointer now x y"};
  struct log_entry entry;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    cr_assert_not(log_entry_take(&entry, lines[i], strlen(lines[i])), "%s", lines[i]);
  }
}

Test(log_entry, only_warnings_and_errors_have_a_colour)
{
  char line[LOG_LINE_BYTES];
  make("text");
  cr_assert_null(memchr(line, '\033', log_entry_text(&made, true, line)));
  made.level = LOG_ERROR;
  cr_assert_str_eq(strchr(line, ' '), " info applier text\n");
  log_entry_text(&made, true, line);
  cr_assert_str_eq(strchr(line, ' '), " \033[31merror\033[0m applier text\n");
}

Test(log_entry, its_time_is_the_calendars)
{
  char text[LOG_TIME_BYTES];
  char wanted[LOG_TIME_BYTES];
  for (int64_t day = 0; day < 90000; day++) { /* into the 23rd century */
    time_t now = day * 86400 + day % 86400;
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S.007Z", &utc);
    clock_iso(text, (int64_t)now * 1000 + 7);
    cr_assert_str_eq(text, wanted);
  }
}
