#include "coordinator/check/findings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#define INDENT 4

static const char *const level_names[] = {"note", "warning", "problem"};

static const struct {
  const char *key;   /* in JSON */
  const char *title; /* for people */
} topics[TOPIC_COUNT] = {{"servers", "Servers"}, {"privileges", "Privileges"}, {"bookmark", "Bookmark"},
                         {"oplog", "Oplog"},     {"namespaces", "Namespaces"}, {"definitions", "Options and indexes"},
                         {"target", "Target"}};

void
findings_init(struct findings *findings)
{
  *findings = (struct findings){.facts = bson_new()};
}

void
findings_clear(struct findings *findings)
{
  for (size_t i = 0; i < findings->count; i++) {
    free(findings->items[i].subject);
    free(findings->items[i].text);
  }
  free(findings->items);
  bson_destroy(findings->facts);
  *findings = (struct findings){0};
}

static struct finding *
add(struct findings *findings, enum finding_level level, enum finding_topic topic, const char *subject)
{
  findings->items = memory_grow(findings->items, findings->count, &findings->capacity, sizeof *findings->items);
  struct finding *made = &findings->items[findings->count++];
  *made = (struct finding){.level = level, .topic = topic, .subject = text_escaped(subject)};
  return made;
}

void
findings_add(struct findings *findings, enum finding_level level, enum finding_topic topic, const char *subject,
             const char *format, ...)
{
  char text[sizeof((struct error *)0)->text];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  add(findings, level, topic, subject)->text = text_escaped(text);
}

static bool
names_privileges(const struct findings *findings, const char *subject)
{
  for (size_t i = 0; i < findings->count; i++) {
    const struct finding *finding = &findings->items[i];
    if (finding->level == FINDING_PROBLEM && finding->topic == TOPIC_PRIVILEGES &&
        strcmp(finding->subject, subject) == 0) {
      return true;
    }
  }
  return false;
}

void
findings_add_error(struct findings *findings, enum finding_topic topic, const char *subject, const struct error *error)
{
  if (error->kind == ERROR_AUTH && topic != TOPIC_PRIVILEGES && names_privileges(findings, subject)) {
    return;
  }
  struct finding *made = add(findings, FINDING_PROBLEM, topic, subject);
  made->kind = error->kind;
  made->text = text_escaped(error->text);
}

void
findings_refuse(struct findings *findings, enum finding_topic topic, const char *subject, const char *format, ...)
{
  struct error error = {.kind = ERROR_REFUSED};
  va_list args;
  va_start(args, format);
  vsnprintf(error.text, sizeof error.text, format, args);
  va_end(args);
  findings_add_error(findings, topic, subject, &error);
}

size_t
findings_count(const struct findings *findings, enum finding_level level)
{
  size_t count = 0;
  for (size_t i = 0; i < findings->count; i++) {
    count += findings->items[i].level == level;
  }
  return count;
}

static const struct finding *
first_problem(const struct findings *findings)
{
  for (size_t i = 0; i < findings->count; i++) {
    if (findings->items[i].level == FINDING_PROBLEM) {
      return &findings->items[i];
    }
  }
  return NULL;
}

bool
findings_conclude(const struct findings *findings, struct error *error)
{
  const struct finding *first = first_problem(findings);
  size_t others = findings_count(findings, FINDING_PROBLEM) - 1;
  if (!first) {
    return true;
  }
  if (others == 0) {
    return error_set(error, first->kind, "%s", first->text);
  }
  return error_set(error, first->kind, "%s (and %zu more: 'mongoferry check' lists them)", first->text, others);
}

void
findings_log_warnings(const struct findings *findings)
{
  for (size_t i = 0; i < findings->count; i++) {
    const struct finding *finding = &findings->items[i];
    if (finding->level == FINDING_WARNING) {
      log_warn("%s: %s", finding->subject, finding->text);
    }
  }
}

int
findings_exit_status(const struct findings *findings)
{
  const struct finding *first = first_problem(findings);
  return first ? error_exit_status(first->kind) : 0;
}

/* How many bytes of `text` fit into `room` columns: up to a space, or if there is none, whole characters. */
static size_t
line_length(const char *text, int room)
{
  size_t length = text_fitting(text, room);
  size_t cut = length;
  while (text[length] && cut > 0 && text[cut] != ' ') {
    cut--;
  }
  return cut > 0 ? cut : length;
}

static void
print_wrapped(FILE *out, const char *text)
{
  int indent = 2;
  while (*text) {
    size_t length = line_length(text, FINDINGS_COLUMNS - indent);
    fprintf(out, "%*s%.*s\n", indent, "", (int)length, text);
    for (text += length; *text == ' ';) {
      text++;
    }
    indent = INDENT;
  }
}

static void
print_topic(const struct findings *findings, enum finding_topic topic, FILE *out)
{
  bool titled = false;
  for (size_t i = 0; i < findings->count; i++) {
    const struct finding *finding = &findings->items[i];
    if (finding->topic != topic) {
      continue;
    }
    if (!titled) {
      fprintf(out, "%s\n", topics[topic].title);
      titled = true;
    }
    bool problem = finding->level == FINDING_PROBLEM; /* its text stands for itself, as an error line */
    bool note = finding->level == FINDING_NOTE;
    char *line = memory_format("%s%s%s%s%s", note ? "" : level_names[finding->level], note ? "" : ": ",
                               problem ? "" : finding->subject, problem ? "" : ": ", finding->text);
    print_wrapped(out, line);
    free(line);
  }
  if (titled) {
    fputc('\n', out);
  }
}

void
findings_print(const struct findings *findings, FILE *out)
{
  size_t problems = findings_count(findings, FINDING_PROBLEM);
  size_t warnings = findings_count(findings, FINDING_WARNING);
  for (int topic = 0; topic < TOPIC_COUNT; topic++) {
    print_topic(findings, topic, out);
  }
  if (problems > 0) {
    fprintf(out, "cannot start: %zu problem%s\n", problems, problems == 1 ? "" : "s");
  } else if (warnings > 0) {
    fprintf(out, "ready, with %zu warning%s\n", warnings, warnings == 1 ? "" : "s");
  } else {
    fputs("ready\n", out);
  }
}

static void
put_finding(bson_t *list, uint32_t number, const struct finding *finding)
{
  char key[16];
  bson_t item;
  snprintf(key, sizeof key, "%u", number);
  BSON_APPEND_DOCUMENT_BEGIN(list, key, &item);
  BSON_APPEND_UTF8(&item, "level", level_names[finding->level]);
  BSON_APPEND_UTF8(&item, "topic", topics[finding->topic].key);
  BSON_APPEND_UTF8(&item, "subject", finding->subject);
  BSON_APPEND_UTF8(&item, "text", finding->text);
  if (finding->level == FINDING_PROBLEM) {
    BSON_APPEND_INT32(&item, "exitStatus", error_exit_status(finding->kind));
  }
  bson_append_document_end(list, &item);
}

char *
findings_json(const struct findings *findings)
{
  bson_t document = BSON_INITIALIZER;
  bson_t list;
  size_t problems = findings_count(findings, FINDING_PROBLEM);
  size_t warnings = findings_count(findings, FINDING_WARNING);
  BSON_APPEND_UTF8(&document, "verdict", problems ? "cannot start" : warnings ? "ready with warnings" : "ready");
  BSON_APPEND_INT32(&document, "exitStatus", findings_exit_status(findings));
  BSON_APPEND_INT64(&document, "problems", (int64_t)problems);
  BSON_APPEND_INT64(&document, "warnings", (int64_t)warnings);
  bson_concat(&document, findings->facts);
  BSON_APPEND_ARRAY_BEGIN(&document, "findings", &list);
  for (size_t i = 0; i < findings->count; i++) {
    put_finding(&list, (uint32_t)i, &findings->items[i]);
  }
  bson_append_array_end(&document, &list);
  char *json = bson_as_relaxed_extended_json(&document, NULL);
  bson_destroy(&document);
  return json;
}
