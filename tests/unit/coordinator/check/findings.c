#include "coordinator/check/findings.h"
#include "base/text.h"

#include <criterion/criterion.h>

#include "coordinator/check/estimate.h"
#include "coordinator/check/missing_privileges.h"

static char *
print(const struct findings *findings)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  findings_print(findings, out);
  fclose(out);
  return text;
}

static void
assert_printed(const struct findings *findings, const char *expected)
{
  char *text = print(findings);
  cr_assert_str_eq(text, expected);
  free(text);
}

Test(findings, verdict_and_exit_status)
{
  struct findings findings;
  struct error error;
  findings_init(&findings);
  assert_printed(&findings, "ready\n");
  cr_assert(findings_conclude(&findings, &error));
  findings_add(&findings, FINDING_WARNING, TOPIC_OPLOG, "source", "short by %d s", 5);
  assert_printed(&findings, "Oplog\n  warning: source: short by 5 s\n\nready, with 1 warning\n");
  cr_assert_eq(findings_exit_status(&findings), 0);
  findings_refuse(&findings, TOPIC_SERVERS, "target", "the target is too old");
  error_set(&error, ERROR_OPLOG, "gone");
  findings_add_error(&findings, TOPIC_OPLOG, "source", &error);
  assert_printed(&findings, "Servers\n  problem: the target is too old\n\nOplog\n  warning: source: short by 5 s\n"
                            "  problem: gone\n\ncannot start: 2 problems\n");
  cr_assert_eq(findings_exit_status(&findings), error_exit_status(ERROR_REFUSED));
  cr_assert_not(findings_conclude(&findings, &error));
  cr_assert_eq(error.kind, ERROR_REFUSED);
  cr_assert_str_eq(error.text, "the target is too old (and 1 more: 'mongoferry check' lists them)");
  findings_clear(&findings);
}

Test(findings, a_refused_command_is_no_second_problem)
{
  struct findings findings;
  struct error error;
  findings_init(&findings);
  error_set(&error, ERROR_AUTH, "the source's user u lacks find on local.oplog.rs");
  findings_add_error(&findings, TOPIC_PRIVILEGES, "source", &error);
  error_set(&error, ERROR_AUTH, "the source's user may not do this");
  findings_add_error(&findings, TOPIC_OPLOG, "source", &error);
  cr_assert_eq(findings_count(&findings, FINDING_PROBLEM), 1);
  findings_add_error(&findings, TOPIC_TARGET, "target", &error);
  cr_assert_eq(findings_count(&findings, FINDING_PROBLEM), 2);
  findings_clear(&findings);
}

Test(findings, lines_are_wrapped_and_harmless)
{
  struct findings findings;
  char name[300] = "";
  findings_init(&findings);
  for (int i = 0; i < 90; i++) {
    memcpy(name + i * 3, "\xe2\x82\xac", 3); /* a character of three bytes, without a space */
  }
  findings_add(&findings, FINDING_NOTE, TOPIC_NAMESPACES, name, "many words %0200d and a \033[1m code\n", 1);
  char *text = print(&findings);
  cr_assert(bson_utf8_validate(text, strlen(text), false));
  cr_assert_null(strchr(text, '\033'));
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    cr_assert_leq(text_columns(line), FINDINGS_COLUMNS, "%s", line);
    cr_assert(bson_utf8_validate(line, strlen(line), false), "a character was cut");
  }
  free(text);
  findings_clear(&findings);
}

Test(findings, json)
{
  struct findings findings;
  findings_init(&findings);
  BSON_APPEND_UTF8(findings.facts, "fact", "x");
  findings_refuse(&findings, TOPIC_NAMESPACES, "shop.a", "bad byte \xff");
  char *json = findings_json(&findings);
  cr_assert_str_eq(json, "{ \"verdict\" : \"cannot start\", \"exitStatus\" : 6, \"problems\" : 1, \"warnings\" : 0, "
                         "\"fact\" : \"x\", \"findings\" : [ { \"level\" : \"problem\", \"topic\" : \"namespaces\", "
                         "\"subject\" : \"shop.a\", \"text\" : \"bad byte \\\\xff\", \"exitStatus\" : 6 } ] }");
  bson_free(json);
  findings_clear(&findings);
}

Test(missing_privileges, alike_collections_are_named_together)
{
  struct missing_privileges missing[] = {{"shop", "b", false, 1}, {"shop", "a", false, 1}, {"crm", "x", false, 3},
                                         {"crm", "y", false, 1},  {"shop", "v", true, 0},  {"logs", "l", false, 0}};
  missing_privileges_sort(missing, 6);
  char *text = missing_privileges_names(missing, 6, 1, 1);
  cr_assert_str_eq(text, "crm.*, shop.*");
  free(text);
  text = missing_privileges_names(missing, 6, 3, 1);
  cr_assert_str_eq(text, "crm.y, shop.*");
  free(text);
}

Test(missing_privileges, many_names_are_cut)
{
  struct missing_privileges missing[10];
  for (int i = 0; i < 10; i++) {
    static const char *const dbs[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    missing[i] = (struct missing_privileges){dbs[i], "x", false, 1};
  }
  char *text = missing_privileges_names(missing, 10, 1, 1);
  cr_assert_str_eq(text, "a.x, b.x, c.x, d.x, e.x, f.x and 4 more");
  free(text);
}

Test(estimate, an_oplog_that_is_not_full_will_span_more)
{
  cr_assert_eq(estimate_full_s(3600, 100, 1000), 36000);
  cr_assert_eq(estimate_full_s(3600, 1000, 1000), 3600);
  cr_assert_eq(estimate_full_s(3600, 1100, 1000), 3600); /* it may be over its limit for a while */
  cr_assert_eq(estimate_full_s(3600, 0, 0), 3600);       /* not told */
}

Test(estimate, bytes_in_words)
{
  char text[ESTIMATE_TEXT_SIZE];
  estimate_bytes_text(text, 999);
  cr_assert_str_eq(text, "999 bytes");
  estimate_bytes_text(text, 1500000);
  cr_assert_str_eq(text, "1.5 MB");
  estimate_bytes_text(text, INT64_C(2500000000000000));
  cr_assert_str_eq(text, "2500.0 TB");
}
