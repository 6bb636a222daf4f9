#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "compare/documents.h"
#include "coordinator/verify/report.h"
#include "ipc/message.h"
#include "server/server.h"
#include "source/oplog/oplog.h"

static bool
sub_document(const bson_t *document, const char *name, bson_t *found)
{
  struct error absent;
  return message_document(document, name, found, &absent);
}

static void
print_side(const bson_t *document, const char *name, FILE *out)
{
  bson_t side;
  if (!sub_document(document, name, &side)) {
    return;
  }
  const char *set = message_text_or_none(&side, "set");
  uint64_t from = message_timestamp(&side, "from");
  uint64_t to = message_timestamp(&side, "to");
  fprintf(out, "%-8s %s %s%sversion %s", name, message_text_or_none(&side, "topology"), set, *set ? ", " : "",
          message_text_or_none(&side, "version"));
  if (from && to) {
    fprintf(out, ", read from ts=%u.%u to ts=%u.%u", OPTIME_SECONDS(from), OPTIME_INCREMENT(from), OPTIME_SECONDS(to),
            OPTIME_INCREMENT(to));
  }
  fputc('\n', out);
}

static void
print_texts(const bson_t *document, const char *field, const char *before, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(document, field, &list)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    if (BSON_ITER_HOLDS_UTF8(&iter)) {
      fprintf(out, "      %s", before);
      text_print(out, bson_iter_utf8(&iter, NULL));
      fputc('\n', out);
    }
  }
}

static const char *
text_of_kind(const char *name)
{
  enum difference_kind kind = difference_named(name);
  return kind < DIFFERENCE_KINDS ? difference_text(kind) : name;
}

static const char *
text_of_excuse(const char *name)
{
  for (int excuse = 0; excuse < DOCUMENTS_EXCUSES; excuse++) {
    if (strcmp(name, documents_excuse_name((enum documents_excuse)excuse)) == 0) {
      return documents_excuse_text((enum documents_excuse)excuse);
    }
  }
  return name;
}

static void
print_id(const bson_t *item, FILE *out)
{
  bson_iter_t id;
  if (bson_iter_init_find(&id, item, "_id")) {
    bson_t selector = BSON_INITIALIZER;
    bson_append_iter(&selector, "_id", 3, &id);
    char *shown = server_show_id(&selector);
    text_print(out, shown);
    free(shown);
    bson_destroy(&selector);
  } else {
    const char *begins = message_text_or_none(item, "idBegins");
    text_print(out, *begins ? begins : "a document without an _id");
  }
}

static void
print_value(const bson_t *item, const char *field, const char *side, FILE *out)
{
  const char *value = message_text_or_none(item, field);
  if (*value) {
    fprintf(out, "          %s: ", side);
    text_print(out, value);
    fputc('\n', out);
  }
}

static void
print_excused(const bson_t *namespace, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(namespace, "excusedDocuments", &list)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      fputs("      refused: ", out);
      print_id(&item, out);
      fputs(": ", out);
      text_print(out, message_text_or_none(&item, "reason"));
      fputc('\n', out);
    }
  }
}

static void
print_documents(const bson_t *namespace, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  if (!sub_document(namespace, "documents", &list)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (!message_item(&iter, &item)) {
      continue;
    }
    const char *path = message_text_or_none(&item, "path");
    fputs("      ", out);
    print_id(&item, out);
    fprintf(out, ": %s", text_of_kind(message_text_or_none(&item, "kind")));
    if (*path) {
      fputs(", first at ", out);
      text_print(out, path);
    }
    fputc('\n', out);
    print_value(&item, "sourceValue", "source", out);
    print_value(&item, "targetValue", "target", out);
  }
}

static void
print_counts(const bson_t *namespace, const char *field, const char *before, const char *(*text)(const char *),
             FILE *out)
{
  bson_t counts;
  bson_iter_t iter;
  if (!sub_document(namespace, field, &counts)) {
    return;
  }
  for (bson_iter_init(&iter, &counts); bson_iter_next(&iter);) {
    fprintf(out, "      %s%" PRId64 ": %s\n", before, bson_iter_as_int64(&iter), text(bson_iter_key(&iter)));
  }
}

static void
print_namespace(const bson_t *item, FILE *out)
{
  bson_t source;
  bson_t definition;
  fprintf(out, "  %-10s ", message_text_or_none(item, "verdict"));
  text_print(out, message_text_or_none(item, "ns"));
  if (sub_document(item, "source", &source) && bson_has_field(&source, "documents")) {
    fprintf(out, "  %" PRId64 " documents, %" PRId64 " bytes, digest %s", message_number(&source, "documents", 0),
            message_number(&source, "bytes", 0), message_text_or_none(&source, "digest"));
  }
  fputs(message_flag(item, "onlyOnTarget") ? "  only on the target\n" : "\n", out);
  if (sub_document(item, "definition", &definition)) {
    print_texts(&definition, "differences", "differs: ", out);
    print_texts(&definition, "translated", "translated: ", out);
    print_texts(&definition, "refused", "refused: ", out);
    print_texts(&definition, "notCompared", "not compared: ", out);
  }
  print_counts(item, "differences", "documents, ", text_of_kind, out);
  print_counts(item, "excused", "excused, ", text_of_excuse, out);
  if (bson_has_field(item, "settled")) {
    fprintf(out, "      %" PRId64 " documents differed at first, and were equal when they were read again\n",
            message_number(item, "settled", 0));
  }
  if (bson_has_field(item, "repaired")) {
    fprintf(out, "      %" PRId64 " documents were repaired\n", message_number(item, "repaired", 0));
  }
  if (message_flag(item, "orderNotCompared")) {
    fputs("      not compared: the order of its documents, as too many differ\n", out);
  }
  print_documents(item, out);
  print_excused(item, out);
}

static void
print_verdict(const bson_t *document, FILE *out)
{
  bson_t totals;
  bson_t source;
  if (!sub_document(document, "totals", &totals) || !sub_document(&totals, "source", &source)) {
    return;
  }
  bool equal = message_flag(document, "equal");
  fprintf(out,
          "%s: %" PRId64 " namespaces equal, %" PRId64 " excused, %" PRId64 " different, %" PRId64
          " not compared; %" PRId64 " documents read, %" PRId64 " differ, %" PRId64 " excused\n",
          equal ? "EQUAL" : "NOT EQUAL", message_number(&totals, "equal", 0), message_number(&totals, "excused", 0),
          message_number(&totals, "different", 0), message_number(&totals, "unfinished", 0),
          message_number(&source, "documents", 0), message_number(&totals, "documentsDifferent", 0),
          message_number(&totals, "documentsExcused", 0));
  if (!equal && message_flag(document, "mayHaveMoved")) {
    fputs("A side was written to meanwhile, so a difference may be a write that had not arrived yet: compare again.\n",
          out);
  }
}

void
report_print(const bson_t *document, FILE *out)
{
  bson_t list;
  bson_iter_t iter;
  print_side(document, "source", out);
  print_side(document, "target", out);
  if (sub_document(document, "namespaces", &list)) {
    for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
      bson_t item;
      if (message_item(&iter, &item)) {
        print_namespace(&item, out);
      }
    }
  }
  print_texts(document, "notCompared", "not compared: ", out);
  print_verdict(document, out);
}
