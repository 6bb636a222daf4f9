#include "coordinator/verify/report_shape.h"

#include <inttypes.h>
#include <string.h>

#include "compare/documents.h"
#include "coordinator/verify/results.h"
#include "ipc/message.h"

enum shape { TEXT, FLAG, COUNT, SUM, TIME, LIST, ITEM };
static const char *const shapes[] = {"a text",      "true or false", "a number from 0 on", "64 hexadecimal digits",
                                     "a timestamp", "a list",        "an object"};

struct field {
  const char *name;
  enum shape shape;
  bool optional;
};
#define FIELDS(table) table, sizeof(table) / sizeof *(table)

static const char *const sides[] = {"source", "target"};

static bool
has_shape(const bson_iter_t *iter, enum shape shape)
{
  struct digest digest;
  switch (shape) {
  case TEXT:
    return BSON_ITER_HOLDS_UTF8(iter);
  case FLAG:
    return BSON_ITER_HOLDS_BOOL(iter);
  case COUNT:
    return BSON_ITER_HOLDS_INT(iter) && bson_iter_as_int64(iter) >= 0;
  case SUM:
    return BSON_ITER_HOLDS_UTF8(iter) && digest_read(bson_iter_utf8(iter, NULL), &digest);
  case TIME:
    return BSON_ITER_HOLDS_TIMESTAMP(iter);
  case LIST:
    return BSON_ITER_HOLDS_ARRAY(iter);
  default:
    return BSON_ITER_HOLDS_DOCUMENT(iter);
  }
}

/* `where`: what it is of, with a dot behind it, or "". */
static bool
check_fields(const bson_t *document, const char *where, const struct field *fields, size_t count, struct error *error)
{
  for (size_t i = 0; i < count; i++) {
    bson_iter_t iter;
    bool there = bson_iter_init_find(&iter, document, fields[i].name);
    if (!there && !fields[i].optional) {
      return error_set(error, ERROR_REPORT, "the field %s%s is missing", where, fields[i].name);
    }
    if (there && !has_shape(&iter, fields[i].shape)) {
      return error_set(error, ERROR_REPORT, "the field %s%s is not %s", where, fields[i].name, shapes[fields[i].shape]);
    }
  }
  return true;
}

/* Empty if there is none. Nothing is to be destroyed. */
static void
part_of(const bson_t *document, const char *name, bson_t *part)
{
  struct error absent;
  if (!message_document(document, name, part, &absent)) {
    bson_init(part);
  }
}

/* The sum of all numbers in a document of counts; -1: one is no count, or not of these names. */
static int64_t
add_up(const bson_t *document, const char *name, const char *(*known)(int number))
{
  bson_t counts;
  bson_iter_t iter;
  int64_t sum = 0;
  part_of(document, name, &counts);
  for (bson_iter_init(&iter, &counts); bson_iter_next(&iter);) {
    bool named = false;
    for (int i = 0; known(i); i++) {
      named = named || strcmp(known(i), bson_iter_key(&iter)) == 0;
    }
    if (!named || !has_shape(&iter, COUNT)) {
      return -1;
    }
    sum += bson_iter_as_int64(&iter);
  }
  return sum;
}

static const char *
kind_name(int number)
{
  return number < DIFFERENCE_KINDS ? difference_name((enum difference_kind)number) : NULL;
}

static bool
is_kind(const char *name)
{
  int kind = 0;
  while (kind_name(kind) && strcmp(kind_name(kind), name) != 0) {
    kind++;
  }
  return kind_name(kind) != NULL;
}

static const char *
excuse_name(int number)
{
  return number < DOCUMENTS_EXCUSES ? documents_excuse_name((enum documents_excuse)number) : NULL;
}

enum { EQUAL, EXCUSED, DIFFERENT, UNFINISHED, VERDICTS = 5 };
static const char *const verdicts[VERDICTS] = {"equal", "excused", "different", "unfinished", "extra"};

/* What the namespaces add up to. */
struct sums {
  int64_t verdicts[VERDICTS];
  struct documents_side sides[COMPARISON_SIDES];
  int64_t different;
  int64_t excused;
};

static void
read_side(const bson_t *document, int side, struct documents_side *read)
{
  bson_t part;
  part_of(document, sides[side], &part);
  *read = (struct documents_side){.documents = message_number(&part, "documents", 0),
                                  .bytes = message_number(&part, "bytes", 0)};
  digest_read(message_text_or_none(&part, "digest"), &read->digest);
}

static bool
same_sides(const struct documents_side *left, const struct documents_side *right)
{
  return left->documents == right->documents && left->bytes == right->bytes &&
         digest_equal(&left->digest, &right->digest);
}

/* Of a document that differs. */
static const struct field named_fields[] = {{"kind", TEXT, false},
                                            {"path", TEXT, true},
                                            {"idBegins", TEXT, true},
                                            {"sourceValue", TEXT, true},
                                            {"targetValue", TEXT, true}};

/* The documents that an item names. Each is an object with the fields that it has to have. */
static bool
get_named(const bson_t *item, const char *ns, bson_t *list, struct error *error)
{
  bson_iter_t iter;
  part_of(item, "documents", list);
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t one;
    if (!message_item(&iter, &one)) {
      return error_set(error, ERROR_REPORT, "%s: a document that differs is not an object", ns);
    }
    if (!check_fields(&one, "documents.", FIELDS(named_fields), error)) {
      return error_wrap(error, "%s", ns);
    }
  }
  return true;
}

/* Those that are named are among those that are counted. */
static bool
check_named(const bson_t *item, const char *ns, struct error *error)
{
  bson_t list;
  bson_t counts;
  int64_t named[DIFFERENCE_KINDS] = {0};
  bson_iter_t iter;
  part_of(item, "differences", &counts);
  if (!get_named(item, ns, &list, error)) {
    return false;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t one;
    message_item(&iter, &one);
    for (int kind = 0; kind < DIFFERENCE_KINDS; kind++) {
      named[kind] += strcmp(kind_name(kind), message_text_or_none(&one, "kind")) == 0;
    }
  }
  int64_t all = 0;
  for (int kind = 0; kind < DIFFERENCE_KINDS; kind++) {
    all += named[kind];
    if (named[kind] > message_number(&counts, kind_name(kind), 0)) {
      return error_set(error, ERROR_REPORT, "%s: more documents are named as %s than are counted", ns, kind_name(kind));
    }
  }
  return (all == bson_count_keys(&list) && all <= RESULTS_LISTED) ||
         error_set(error, ERROR_REPORT,
                   "%s: a document has a kind of difference that is not known, or too many are named", ns);
}

/* The verdict follows from the rest. */
static bool
check_verdict(const bson_t *item, int verdict, const char *ns, struct error *error)
{
  struct documents_side read[COMPARISON_SIDES];
  int64_t different = add_up(item, "differences", kind_name);
  int64_t excused = add_up(item, "excused", excuse_name);
  bson_t definition;
  part_of(item, "definition", &definition);
  bool defined = bson_has_field(&definition, "differences");
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    read_side(item, side, &read[side]);
  }
  if (different < 0 || excused < 0) {
    return error_set(error, ERROR_REPORT, "%s: the differences or excuses are not counts of known names", ns);
  }
  bool differs = different > 0 || defined || message_flag(item, "onlyOnTarget");
  bool wrong = verdict == EQUAL       ? differs || excused > 0
               : verdict == EXCUSED   ? differs
               : verdict == DIFFERENT ? !differs
                                      : different > 0;
  if (wrong) {
    return error_set(error, ERROR_REPORT, "%s: the verdict is %s, which its differences are not", ns,
                     verdicts[verdict]);
  }
  return verdict != EQUAL || bson_has_field(item, "settled") || same_sides(&read[SOURCE_SIDE], &read[TARGET_SIDE]) ||
         error_set(error, ERROR_REPORT, "%s: it is equal, and its two sides have different numbers or digests", ns);
}

static bool
check_sides(const bson_t *item, const char *ns, struct error *error)
{
  static const struct field both[] = {{"source", ITEM, false}, {"target", ITEM, false}};
  static const struct field fields[] = {{"documents", COUNT, true},
                                        {"bytes", COUNT, true},
                                        {"digest", SUM, true},
                                        {"options", SUM, true},
                                        {"indexes", SUM, true}};
  static const struct field counts[] = {{"differences", ITEM, false}, {"excused", ITEM, false}};
  if (!check_fields(item, "", FIELDS(both), error)) {
    return error_wrap(error, "%s", ns);
  }
  bson_t parts[COMPARISON_SIDES];
  part_of(item, "source", &parts[SOURCE_SIDE]);
  part_of(item, "target", &parts[TARGET_SIDE]);
  bool has = bson_has_field(&parts[0], "documents");
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    for (int i = 0; i < 3; i++) { /* documents, bytes and digest come together, on both sides */
      if (bson_has_field(&parts[side], fields[i].name) != has) {
        return error_set(error, ERROR_REPORT, "%s: only one of its documents, bytes and digests is there", ns);
      }
    }
    if (!check_fields(&parts[side], side == SOURCE_SIDE ? "source." : "target.", FIELDS(fields), error)) {
      return error_wrap(error, "%s", ns);
    }
  }
  return !has || check_fields(item, "", FIELDS(counts), error) || error_wrap(error, "%s", ns);
}

static bool
check_namespace(const bson_t *item, struct sums *sums, struct error *error)
{
  static const struct field fields[] = {{"ns", TEXT, false},
                                        {"sourceNs", TEXT, true},
                                        {"kind", TEXT, false},
                                        {"verdict", TEXT, false},
                                        {"settled", COUNT, true},
                                        {"repaired", COUNT, true},
                                        {"definition", ITEM, true},
                                        {"documents", LIST, true},
                                        {"excusedDocuments", LIST, true},
                                        {"orderNotCompared", FLAG, true},
                                        {"onlyOnTarget", FLAG, true}};
  if (!check_fields(item, "namespaces.", FIELDS(fields), error)) {
    return false;
  }
  const char *ns = message_text_or_none(item, "ns");
  int verdict = 0;
  while (verdict < VERDICTS && strcmp(verdicts[verdict], message_text_or_none(item, "verdict")) != 0) {
    verdict++;
  }
  if (verdict == VERDICTS) {
    return error_set(error, ERROR_REPORT, "%s: the verdict is none that is known", ns);
  }
  if (!check_sides(item, ns, error) || !check_verdict(item, verdict, ns, error) || !check_named(item, ns, error)) {
    return false;
  }
  sums->verdicts[verdict]++;
  sums->different += add_up(item, "differences", kind_name);
  sums->excused += add_up(item, "excused", excuse_name);
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    struct documents_side read;
    read_side(item, side, &read);
    sums->sides[side].documents += read.documents;
    sums->sides[side].bytes += read.bytes;
    digest_add(&sums->sides[side].digest, &read.digest);
  }
  return true;
}

static bool
check_totals(const bson_t *report, const struct sums *sums, struct error *error)
{
  static const struct field fields[] = {{"equal", COUNT, false},           {"excused", COUNT, false},
                                        {"different", COUNT, false},       {"unfinished", COUNT, false},
                                        {"extra", COUNT, false},           {"source", ITEM, false},
                                        {"target", ITEM, false},           {"documentsDifferent", COUNT, false},
                                        {"documentsExcused", COUNT, false}};
  bson_t totals;
  part_of(report, "totals", &totals);
  if (!check_fields(&totals, "totals.", FIELDS(fields), error)) {
    return false;
  }
  for (int i = 0; i < VERDICTS; i++) {
    if (message_number(&totals, verdicts[i], -1) != sums->verdicts[i]) {
      return error_set(error, ERROR_REPORT, "totals.%s is not the number of namespaces that are %s", verdicts[i],
                       verdicts[i]);
    }
  }
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    struct documents_side told;
    read_side(&totals, side, &told);
    if (!same_sides(&told, &sums->sides[side])) {
      return error_set(error, ERROR_REPORT, "totals.%s is not the sum of the namespaces", sides[side]);
    }
  }
  return (message_number(&totals, "documentsDifferent", -1) == sums->different &&
          message_number(&totals, "documentsExcused", -1) == sums->excused) ||
         error_set(error, ERROR_REPORT,
                   "totals: the documents that differ or are excused are not those of the namespaces");
}

static bool
check_server(const bson_t *report, int side, struct error *error)
{
  static const struct field fields[] = {
    {"version", TEXT, false}, {"topology", TEXT, false}, {"set", TEXT, true}, {"from", TIME, true}, {"to", TIME, true}};
  bson_t part;
  part_of(report, sides[side], &part);
  if (!check_fields(&part, side == SOURCE_SIDE ? "source." : "target.", FIELDS(fields), error)) {
    return false;
  }
  return message_timestamp(&part, "from") <= message_timestamp(&part, "to") ||
         error_set(error, ERROR_REPORT, "%s.from is later than %s.to", sides[side], sides[side]);
}

bool
report_shape_verification(const bson_t *report, struct error *error)
{
  static const struct field fields[] = {
    {"mongoferry", TEXT, false},  {"equal", FLAG, false},  {"beganAt", TEXT, false},      {"endedAt", TEXT, false},
    {"source", ITEM, false},      {"target", ITEM, false}, {"mayHaveMoved", FLAG, false}, {"digestRecipe", TEXT, false},
    {"notCompared", LIST, false}, {"totals", ITEM, false}, {"namespaces", LIST, false}};
  struct sums sums = {.different = 0};
  bson_iter_t iter;
  if (!check_fields(report, "", FIELDS(fields), error) || !check_server(report, SOURCE_SIDE, error) ||
      !check_server(report, TARGET_SIDE, error)) {
    return false;
  }
  bson_t list;
  part_of(report, "namespaces", &list);
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (!message_item(&iter, &item)) {
      return error_set(error, ERROR_REPORT, "an item of namespaces is not an object");
    }
    if (!check_namespace(&item, &sums, error)) {
      return false;
    }
  }
  bool equal = sums.verdicts[DIFFERENT] == 0 && sums.verdicts[UNFINISHED] == 0;
  return check_totals(report, &sums, error) &&
         (message_flag(report, "equal") == equal ||
          error_set(error, ERROR_REPORT, "the field equal does not follow from the namespaces"));
}

/* How many namespaces of a cut-over's comparison have each state. */
static bool
check_states(const bson_t *report, struct error *error)
{
  static const struct field fields[] = {
    {"db", TEXT, false}, {"coll", TEXT, false}, {"kind", TEXT, false}, {"state", TEXT, false}};
  bson_t comparison;
  bson_t list;
  bson_iter_t iter;
  int64_t states[VERDICTS] = {0};
  part_of(report, "comparison", &comparison);
  part_of(report, "namespaces", &list);
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (!message_item(&iter, &item)) {
      return error_set(error, ERROR_REPORT, "an item of namespaces is not an object");
    }
    if (!check_fields(&item, "namespaces.", FIELDS(fields), error)) {
      return false;
    }
    for (int i = 0; i < VERDICTS; i++) {
      states[i] += strcmp(verdicts[i], message_text_or_none(&item, "state")) == 0;
    }
  }
  for (int i = 0; i < VERDICTS; i++) {
    if (message_number(&comparison, verdicts[i], 0) != states[i]) {
      return error_set(error, ERROR_REPORT, "comparison.%s is not the number of namespaces that are %s", verdicts[i],
                       verdicts[i]);
    }
  }
  return true;
}

/* Those that are named are no more than are counted, and no more than a report names. */
static bool
check_beside_named(const bson_t *item, struct error *error)
{
  const char *ns = message_text_or_none(item, "ns");
  bson_t list;
  bson_iter_t iter;
  if (!get_named(item, ns, &list, error)) {
    return false;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t one;
    message_item(&iter, &one);
    if (!is_kind(message_text_or_none(&one, "kind"))) {
      return error_set(error, ERROR_REPORT, "%s: a document has a kind of difference that is not known", ns);
    }
  }
  uint32_t named = bson_count_keys(&list);
  return (named <= RESULTS_LISTED && named <= message_number(item, "different", 0)) ||
         error_set(error, ERROR_REPORT, "%s: more documents are named than differ, or too many are named", ns);
}

/* Digests are left out of what was written to since: nobody can tell then of which moment they are. */
static bool
check_beside_digest(const bson_t *item, struct error *error)
{
  static const struct field fields[] = {{"source", SUM, false}, {"target", SUM, false}};
  const char *ns = message_text_or_none(item, "ns");
  bson_t digest;
  struct error absent;
  if (!message_document(item, "digest", &digest, &absent)) {
    return true;
  }
  if (!check_fields(&digest, "digest.", FIELDS(fields), error)) {
    return error_wrap(error, "%s", ns);
  }
  return message_number(item, "writtenSince", 0) == 0 ||
         error_set(error, ERROR_REPORT, "%s: it was written to since it was compared, and has digests", ns);
}

static bool
check_beside_namespaces(const bson_t *said, struct error *error)
{
  static const struct field fields[] = {{"ns", TEXT, false},
                                        {"sourceNs", TEXT, false},
                                        {"complete", FLAG, false},
                                        {"documentsCompared", COUNT, false},
                                        {"bytesCompared", COUNT, false},
                                        {"writtenSince", COUNT, false},
                                        {"digest", ITEM, true},
                                        {"different", COUNT, false},
                                        {"excused", COUNT, false},
                                        {"documents", LIST, true}};
  bson_t list;
  bson_iter_t iter;
  part_of(said, "namespaces", &list);
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (!message_item(&iter, &item)) {
      return error_set(error, ERROR_REPORT, "an item of namespaces is not an object");
    }
    if (!check_fields(&item, "namespaces.", FIELDS(fields), error) || !check_beside_digest(&item, error) ||
        !check_beside_named(&item, error)) {
      return false;
    }
  }
  return !message_flag(said, "done") || message_number(said, "left", -1) == 0 ||
         error_set(error, ERROR_REPORT, "it is done, and the field left is not 0");
}

/* What the verification beside the migration found (docs/verify.md). */
static bool
check_beside(const bson_t *report, struct error *error)
{
  static const struct field always[] = {{"asked", FLAG, false}, {"done", FLAG, false}};
  static const struct field asked[] = {
    {"state", TEXT, false},    {"errorMessage", TEXT, true},    {"upTo", TIME, true},      {"documents", COUNT, false},
    {"bytes", COUNT, false},   {"comparedAgain", COUNT, false}, {"left", COUNT, false},    {"different", COUNT, false},
    {"excused", COUNT, false}, {"repaired", COUNT, false},      {"namespaces", LIST, true}};
  bson_t said;
  struct error absent;
  if (!message_document(report, "verification", &said, &absent)) {
    return true;
  }
  if (!check_fields(&said, "", FIELDS(always), error)) {
    return error_wrap(error, "verification");
  }
  if (!message_flag(&said, "asked")) {
    return !message_flag(&said, "done") ||
           error_set(error, ERROR_REPORT, "verification: it is done, and was not asked for");
  }
  return (check_fields(&said, "", FIELDS(asked), error) && check_beside_namespaces(&said, error)) ||
         error_wrap(error, "verification");
}

bool
report_shape_cutover(const bson_t *report, struct error *error)
{
  static const struct field fields[] = {
    {"mongoferry", TEXT, false},   {"finished", FLAG, false},      {"rehearsal", FLAG, false},
    {"why", TEXT, true},           {"exitStatus", COUNT, false},   {"writtenAt", TEXT, false},
    {"source", ITEM, false},       {"target", ITEM, false},        {"firstTimestamp", TIME, true},
    {"lastTimestamp", TIME, true}, {"writesBlocked", FLAG, false}, {"steps", LIST, false},
    {"transactions", ITEM, false}, {"comparison", ITEM, false},    {"namespaces", LIST, false},
    {"refused", LIST, false},      {"verification", ITEM, true}};
  bson_t refused;
  if (!check_fields(report, "", FIELDS(fields), error) || !check_states(report, error) ||
      !check_beside(report, error)) {
    return false;
  }
  part_of(report, "refused", &refused);
  int status = error_exit_status(bson_empty(&refused) ? ERROR_NONE : ERROR_INCOMPLETE);
  return !message_flag(report, "finished") || message_number(report, "exitStatus", -1) == status ||
         error_set(error, ERROR_REPORT, "it is finished, and its exitStatus is not %d", status);
}
