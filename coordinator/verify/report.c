#include "coordinator/verify/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"
#include "ipc/message.h"

#define FORMAT 1 /* of the document; grows when a field gets another meaning */
#define RECIPE "sum modulo 2^256 of the SHA-256 of each document's BSON"

/* How a namespace came out, and how many came out so. */
enum verdict { EQUAL, EXCUSED, DIFFERENT, UNFINISHED, EXTRA, VERDICTS };
static const char *const verdicts[VERDICTS] = {"equal", "excused", "different", "unfinished", "extra"};

struct totals {
  int64_t verdicts[VERDICTS];
  struct documents_side sides[COMPARISON_SIDES];
  int64_t differences;
  int64_t excused;
};

static void
put_time(bson_t *document, const char *name, uint64_t time)
{
  if (time) {
    message_put_timestamp(document, name, time);
  }
}

static void
put_server(const struct report *report, int side, const char *name, bson_t *document)
{
  bson_t item;
  const struct server_hello *hello = &report->pairs->hellos[side];
  bson_append_document_begin(document, name, -1, &item);
  BSON_APPEND_UTF8(&item, "version", hello->version);
  BSON_APPEND_UTF8(&item, "topology", hello->mongos ? "mongos" : hello->set_name[0] ? "replica set" : "standalone");
  if (hello->set_name[0]) {
    BSON_APPEND_UTF8(&item, "set", hello->set_name);
  }
  put_time(&item, "from", report->results->from[side]);
  put_time(&item, "to", report->results->to[side]);
  bson_append_document_end(document, &item);
}

static void
put_digest(bson_t *document, const char *name, const struct digest *digest)
{
  char text[DIGEST_TEXT_SIZE];
  digest_text(digest, text);
  bson_append_utf8(document, name, -1, text, -1);
}

static void
put_told_digest(bson_t *document, const char *name, const bson_t *told, const char *field)
{
  struct digest digest = digest_get(told, field);
  if (bson_has_field(told, field)) {
    put_digest(document, name, &digest);
  }
}

/* `item` NULL: it has no documents of its own. */
static void
put_side(const struct results_item *item, int side, const bson_t *told, bson_t *document)
{
  static const char *const options[] = {"source_options", "target_options"};
  static const char *const indexes[] = {"source_indexes", "target_indexes"};
  bson_t part;
  bson_append_document_begin(document, side == SOURCE_SIDE ? "source" : "target", -1, &part);
  if (item) {
    BSON_APPEND_INT64(&part, "documents", item->sides[side].documents);
    BSON_APPEND_INT64(&part, "bytes", item->sides[side].bytes);
    put_digest(&part, "digest", &item->sides[side].digest);
  }
  put_told_digest(&part, "options", told, options[side]);
  put_told_digest(&part, "indexes", told, indexes[side]);
  bson_append_document_end(document, &part);
}

/* Those that are not zero. */
static void
put_counts(const struct results_item *item, bson_t *document)
{
  bson_t counts;
  BSON_APPEND_DOCUMENT_BEGIN(document, "differences", &counts);
  for (int kind = 0; kind < DIFFERENCE_KINDS; kind++) {
    if (item->kinds[kind]) {
      bson_append_int64(&counts, difference_name((enum difference_kind)kind), -1, item->kinds[kind]);
    }
  }
  bson_append_document_end(document, &counts);
  BSON_APPEND_DOCUMENT_BEGIN(document, "excused", &counts);
  for (int excuse = 0; excuse < DOCUMENTS_EXCUSES; excuse++) {
    if (item->excused[excuse]) {
      bson_append_int64(&counts, documents_excuse_name((enum documents_excuse)excuse), -1, item->excused[excuse]);
    }
  }
  bson_append_document_end(document, &counts);
  if (item->settled) {
    BSON_APPEND_INT64(document, "settled", item->settled);
  }
  if (item->repaired) {
    BSON_APPEND_INT64(document, "repaired", item->repaired);
  }
  if (item->order_unknown) {
    BSON_APPEND_BOOL(document, "orderNotCompared", true);
  }
}

/* {_id, kind, path?...} */
static void
put_document(const bson_t *found, bool of_range, bson_t *item)
{
  static const struct {
    const char *from;
    const char *to;
  } names[] = {{"id_begins", "idBegins"},
               {"kind", "kind"},
               {"path", "path"},
               {"text", "reason"},
               {"source_value", "sourceValue"},
               {"target_value", "targetValue"}};
  bson_iter_t id;
  bson_iter_t value;
  if (bson_iter_init(&value, found) && bson_iter_find_descendant(&value, of_range ? "id._id" : "id", &id)) {
    bson_append_iter(item, "_id", -1, &id);
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (bson_iter_init_find(&value, found, names[i].from)) {
      bson_append_iter(item, names[i].to, -1, &value);
    }
  }
}

uint32_t
report_put_documents(const bson_t *found, bool of_range, const char *field, bson_t *document)
{
  bson_t list = BSON_INITIALIZER;
  bson_iter_t iter;
  uint32_t count = 0;
  for (bson_iter_init(&iter, found); bson_iter_next(&iter);) {
    bson_t told;
    bson_t one = BSON_INITIALIZER;
    if (message_item(&iter, &told)) {
      put_document(&told, of_range, &one);
      message_put_item(&list, count++, &one);
    }
    bson_destroy(&one);
  }
  if (count > 0) {
    bson_append_array(document, field, -1, &list);
  }
  bson_destroy(&list);
  return count;
}

/* Why the documents were not all compared, behind what the definition was not compared for. */
static void
put_unread(const struct results_item *item, const bson_t *told, bson_t *definition)
{
  bson_t list;
  struct error absent;
  uint32_t count = 0;
  bson_t texts = BSON_INITIALIZER;
  if (message_document(told, "not_compared", &list, &absent)) {
    bson_concat(&texts, &list);
    count = bson_count_keys(&list);
  }
  char room[16];
  const char *key;
  size_t size = bson_uint32_to_string(count, &key, room, sizeof room);
  bson_append_utf8(&texts, key, (int)size, item->unread, -1);
  BSON_APPEND_ARRAY(definition, "notCompared", &texts);
  bson_destroy(&texts);
}

/* The texts about its definition, if there are any. */
static void
put_definition(const struct results_item *item, const bson_t *told, bson_t *document)
{
  static const struct {
    const char *from;
    const char *to;
  } names[] = {{"differences", "differences"},
               {"translated", "translated"},
               {"refused", "refused"},
               {"not_compared", "notCompared"}};
  bson_t definition = BSON_INITIALIZER;
  bson_iter_t value;
  bool unread = item && item->unread[0];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (bson_iter_init_find(&value, told, names[i].from) && !(unread && strcmp(names[i].to, "notCompared") == 0)) {
      bson_append_iter(&definition, names[i].to, -1, &value);
    }
  }
  if (unread) {
    put_unread(item, told, &definition);
  }
  if (!bson_empty(&definition)) {
    BSON_APPEND_DOCUMENT(document, "definition", &definition);
  }
  bson_destroy(&definition);
}

/*
 * A collection that only the target has is a difference if the selection would have taken it. With renames nobody can
 * tell from where it would have come.
 */
static enum verdict
judge_extra(const struct report *report, const bson_t *told)
{
  const struct selection *selection = report->pairs->selection;
  bool ours = !selection_renames(selection) &&
              selection_wants(selection, message_text_or_none(told, "db"), message_text_or_none(told, "coll"));
  return ours ? DIFFERENT : EXTRA;
}

static enum verdict
judge(const struct report *report, const struct results_item *item, const bson_t *told)
{
  const char *state = message_text_or_none(told, "state");
  int64_t excused = 0;
  for (int excuse = 0; item && excuse < DOCUMENTS_EXCUSES; excuse++) {
    excused += item->excused[excuse];
  }
  if (strcmp(state, "extra") == 0) {
    return judge_extra(report, told);
  }
  return strcmp(state, "different") == 0 || (item && results_item_differences(item) > 0) ? DIFFERENT
         : strcmp(state, "unfinished") == 0 || (item && item->unread[0])                 ? UNFINISHED
         : excused > 0 || strcmp(state, "excused") == 0                                  ? EXCUSED
                                                                                         : EQUAL;
}

static void
add_up(const struct results_item *item, enum verdict verdict, struct totals *totals)
{
  totals->verdicts[verdict]++;
  for (int side = 0; item && side < COMPARISON_SIDES; side++) {
    totals->sides[side].documents += item->sides[side].documents;
    totals->sides[side].bytes += item->sides[side].bytes;
    digest_add(&totals->sides[side].digest, &item->sides[side].digest);
  }
  for (int excuse = 0; item && excuse < DOCUMENTS_EXCUSES; excuse++) {
    totals->excused += item->excused[excuse];
  }
  totals->differences += item ? results_item_differences(item) : 0;
}

static void
put_name(const bson_t *told, const char *db, const char *coll, const char *name, bson_t *document)
{
  char *ns = memory_format("%s.%s", message_text_or_none(told, db), message_text_or_none(told, coll));
  char *shown = bson_utf8_validate(ns, strlen(ns), false) ? ns : text_escaped(ns);
  bson_append_utf8(document, name, -1, shown, -1);
  free(shown == ns ? NULL : shown);
  free(ns);
}

static void
put_namespace(const struct report *report, const bson_t *told, struct totals *totals, bson_t *document)
{
  const struct results_item *item =
    results_of(report->results, message_text_or_none(told, "from_db"), message_text_or_none(told, "from_coll"));
  enum verdict verdict = judge(report, item, told);
  put_name(told, "db", "coll", "ns", document);
  if (bson_has_field(told, "from_db")) {
    put_name(told, "from_db", "from_coll", "sourceNs", document);
  }
  BSON_APPEND_UTF8(document, "kind", message_text_or_none(told, "kind"));
  BSON_APPEND_UTF8(document, "verdict", verdicts[verdict]);
  put_side(item, SOURCE_SIDE, told, document);
  put_side(item, TARGET_SIDE, told, document);
  if (item) {
    put_counts(item, document);
    report_put_documents(&item->list, true, "documents", document);
    report_put_documents(&item->excused_list, true, "excusedDocuments", document);
  }
  put_definition(item, told, document);
  if (strcmp(message_text_or_none(told, "state"), "extra") == 0) {
    BSON_APPEND_BOOL(document, "onlyOnTarget", true);
  }
  add_up(item, verdict, totals);
}

static void
put_namespaces(const struct report *report, struct totals *totals, bson_t *list)
{
  bson_iter_t iter;
  uint32_t count = 0;
  bson_init(list);
  for (bson_iter_init(&iter, &report->results->definitions); bson_iter_next(&iter);) {
    bson_t told;
    bson_t item = BSON_INITIALIZER;
    if (message_item(&iter, &told)) {
      put_namespace(report, &told, totals, &item);
      message_put_item(list, count++, &item);
    }
    bson_destroy(&item);
  }
}

static void
put_totals(const struct totals *totals, bson_t *document)
{
  bson_t part;
  bson_t side;
  static const char *const sides[] = {"source", "target"};
  BSON_APPEND_DOCUMENT_BEGIN(document, "totals", &part);
  for (int verdict = 0; verdict < VERDICTS; verdict++) {
    bson_append_int64(&part, verdicts[verdict], -1, totals->verdicts[verdict]);
  }
  for (int i = 0; i < COMPARISON_SIDES; i++) {
    bson_append_document_begin(&part, sides[i], -1, &side);
    BSON_APPEND_INT64(&side, "documents", totals->sides[i].documents);
    BSON_APPEND_INT64(&side, "bytes", totals->sides[i].bytes);
    put_digest(&side, "digest", &totals->sides[i].digest);
    bson_append_document_end(&part, &side);
  }
  BSON_APPEND_INT64(&part, "documentsDifferent", totals->differences);
  BSON_APPEND_INT64(&part, "documentsExcused", totals->excused);
  bson_append_document_end(document, &part);
}

enum error_kind
report_make(const struct report *report, bson_t *document)
{
  char time[CLOCK_ISO_BYTES];
  bson_t list;
  struct totals totals = {.differences = 0};
  put_namespaces(report, &totals, &list);
  enum error_kind kind = totals.verdicts[DIFFERENT] > 0    ? ERROR_DIFFERENT
                         : totals.verdicts[UNFINISHED] > 0 ? ERROR_SOURCE
                                                           : ERROR_NONE;
  bson_init(document);
  BSON_APPEND_INT32(document, "format", FORMAT);
  BSON_APPEND_UTF8(document, "mongoferry", version_number);
  BSON_APPEND_BOOL(document, "equal", kind == ERROR_NONE);
  clock_iso(time, report->began_unix_ms);
  BSON_APPEND_UTF8(document, "beganAt", time);
  clock_iso(time, report->ended_unix_ms);
  BSON_APPEND_UTF8(document, "endedAt", time);
  put_server(report, SOURCE_SIDE, "source", document);
  put_server(report, TARGET_SIDE, "target", document);
  BSON_APPEND_BOOL(document, "mayHaveMoved", report->moved);
  BSON_APPEND_UTF8(document, "digestRecipe", RECIPE);
  put_totals(&totals, document);
  BSON_APPEND_ARRAY(document, "notCompared", &report->results->notes);
  BSON_APPEND_ARRAY(document, "namespaces", &list);
  bson_destroy(&list);
  return kind;
}

char *
report_json(const bson_t *document)
{
  return bson_as_relaxed_extended_json(document, NULL);
}
