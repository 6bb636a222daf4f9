#include "coordinator/cutover/report.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *
print(const bson_t *document)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  cutover_report_print(document, out);
  fclose(out);
  return text;
}

static char *
make(const struct cutover_outcome *outcome)
{
  struct cutover_report report;
  bson_t document;
  cutover_report_init(&report);
  snprintf(report.source_set, sizeof report.source_set, "old");
  report.quiet_ms = 2345;
  report.blocked = outcome->finished;
  cutover_report_step(&report, "comparing the two sides", 120);
  bson_t *compared = BCON_NEW("task", BCON_INT64(4), "namespaces", BCON_INT64(2), "equal", BCON_INT64(1), "different",
                              BCON_INT64(1), "time_over", BCON_BOOL(true), "notes", "[", BCON_UTF8("users"), "]");
  cutover_report_set_compared(&report, compared);
  bson_destroy(compared);
  cutover_report_make(&report, outcome, &document);
  char *text = print(&document);
  bson_destroy(&document);
  cutover_report_clear(&report);
  return text;
}

static void
says(const char *text, const char *said)
{
  cr_assert_not_null(strstr(text, said), "%s\n%s", said, text);
}

Test(report, the_text_says_what_came_of_it)
{
  bson_t refused = BSON_INITIALIZER;
  struct cutover_outcome finished = {.finished = true, .refused = &refused};
  char *text = make(&finished);
  says(text, "Cut-over finished");
  says(text, "downtime     2.3 s");
  says(text, "stay so");
  says(text, "1 different");
  says(text, "the time was over");
  says(text, "Not compared: users");
  free(text);
  struct cutover_outcome rehearsal = {.rehearsal = true, .refused = &refused};
  text = make(&rehearsal);
  says(text, "Rehearsal");
  says(text, "would take   2.3 s");
  free(text);
  bson_destroy(&refused);
}

Test(report, a_hostile_reason_moves_no_cursor)
{
  bson_t refused = BSON_INITIALIZER;
  struct cutover_outcome outcome = {.why = "shop.\x1b[2Jorders\nfinished", .refused = &refused};
  char *text = make(&outcome);
  cr_assert_null(strchr(text, '\x1b'));
  says(text, "Cut-over not finished");
  cr_assert_null(strstr(text, "orders\nfinished"));
  free(text);
  bson_destroy(&refused);
}

Test(report, a_document_with_nothing_in_it_is_printed)
{
  bson_t nothing = BSON_INITIALIZER;
  char *text = print(&nothing);
  says(text, "Nothing was compared");
  free(text);
}

Test(report, the_text_says_whether_the_bytes_were_compared)
{
  bson_t refused = BSON_INITIALIZER;
  bson_t *not_asked = BCON_NEW("asked", BCON_BOOL(false));
  bson_t *done = BCON_NEW("asked", BCON_BOOL(true), "done", BCON_BOOL(true), "documents", BCON_INT64(7), "namespaces",
                          "[", "{", "ns", "a.b", "different", BCON_INT64(2), "}", "]");
  struct cutover_outcome outcome = {.finished = true, .refused = &refused, .verification = not_asked};
  char *text = make(&outcome);
  cr_assert(strstr(text, "verified     no: "), "%s", text);
  free(text);
  outcome.verification = done;
  text = make(&outcome);
  cr_assert(strstr(text, "verified     yes: every byte of 7 documents"), "%s", text);
  cr_assert(strstr(text, "  a.b: 2 documents"), "%s", text);
  free(text);
  bson_destroy(not_asked);
  bson_destroy(done);
  bson_destroy(&refused);
}
