#include "compare/definitions.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compare/values.h"
#include "ipc/message.h"
#include "server/series.h"
#include "target/definition/definition.h"
#include "target/definition/numbers.h"
#include "target/definition/schema_index.h"

#define VALUE_SIZE 100
#define SIZE_UNIT 256 /* S:src/mongo/db/catalog/collection_options.cpp@r4.0.14: a capped size is rounded up to it */

/* How an option is compared. One that is in neither table: by its numbers. */
struct option_rule {
  const char *name;
  enum values_rule rule;
  const char *unless; /* the value that is the same as having none; "false": any that is off */
  bool filled;        /* the target fills it in, if the source has none */
};

static const struct option_rule option_rules[] = {
  {"validator", VALUES_EXACT, NULL, false},
  {"validationLevel", VALUES_EXACT, "strict", false},
  {"validationAction", VALUES_EXACT, "error", false},
  {"viewOn", VALUES_EXACT, NULL, false},
  {"pipeline", VALUES_EXACT, NULL, false},
  {"collation", VALUES_TOLD, NULL, false},
  {"timeseries", VALUES_TOLD, NULL, false},
  {"clusteredIndex", VALUES_TOLD, NULL, false},
  {"storageEngine", VALUES_EXACT, NULL, false},
  {"indexOptionDefaults", VALUES_EXACT, NULL, false},
  {"encryptedFields", VALUES_TOLD, NULL, false},
  {"recordPreImages", VALUES_NUMBERS, "false", false},
  {"capped", VALUES_NUMBERS, "false", false},
};

static const struct option_rule index_rules[] = {
  {"partialFilterExpression", VALUES_EXACT, NULL, false},
  {"storageEngine", VALUES_EXACT, NULL, false},
  {"weights", VALUES_NAMED, NULL, true},
  {"collation", VALUES_TOLD, NULL, false},
  {"default_language", VALUES_EXACT, NULL, true},
  {"language_override", VALUES_EXACT, NULL, true},
  {"textIndexVersion", VALUES_NUMBERS, NULL, true},
  {"2dsphereIndexVersion", VALUES_NUMBERS, NULL, true},
  {"unique", VALUES_NUMBERS, "false", false},
  {"sparse", VALUES_NUMBERS, "false", false},
  {"hidden", VALUES_NUMBERS, "false", false},
  {"prepareUnique", VALUES_NUMBERS, "false", false},
};

/* What is compared, and where its differences go. */
struct comparing {
  const struct option_rule *rules;
  size_t rule_count;
  const char *what;    /* "options", or "index x" */
  struct texts *to;    /* differences, or refused */
  const char *refusal; /* NULL, or why the target refused: appended to each difference */
};

void
definitions_findings_clear(struct definitions_findings *findings)
{
  texts_clear(&findings->differences);
  texts_clear(&findings->translated);
  texts_clear(&findings->refused);
  texts_clear(&findings->not_compared);
}

static struct option_rule
rule_of(const struct comparing *comparing, const char *name)
{
  for (size_t i = 0; i < comparing->rule_count; i++) {
    if (strcmp(comparing->rules[i].name, name) == 0) {
      return comparing->rules[i];
    }
  }
  return (struct option_rule){.name = name, .rule = VALUES_NUMBERS};
}

static void
say(const struct comparing *comparing, const char *text)
{
  if (comparing->refusal) {
    texts_add(comparing->to, "%s: %s; the target refused it: %s", comparing->what, text, comparing->refusal);
  } else {
    texts_add(comparing->to, "%s: %s", comparing->what, text);
  }
}

static bool
is_default(const struct option_rule *rule, const bson_iter_t *value)
{
  if (!rule->unless) {
    return false;
  }
  if (strcmp(rule->unless, "false") == 0) {
    return !values_truth(value);
  }
  return BSON_ITER_HOLDS_UTF8(value) && strcmp(bson_iter_utf8(value, NULL), rule->unless) == 0;
}

/* Only one side has it. */
static void
compare_missing(const struct comparing *comparing, const bson_iter_t *value, bool on_source)
{
  struct option_rule rule = rule_of(comparing, bson_iter_key(value));
  char shown[VALUE_SIZE];
  if (is_default(&rule, value) || (rule.filled && !on_source)) {
    return;
  }
  bool scalar = values_show(value, shown, sizeof shown);
  char *text = memory_format("%s%s%s is on the %s only", bson_iter_key(value), scalar ? " " : "", scalar ? shown : "",
                             on_source ? "source" : "target");
  say(comparing, text);
  free(text);
}

static int64_t
rounded(const bson_iter_t *size)
{
  int64_t bytes = numbers_whole(size);
  return bytes > INT64_MAX - SIZE_UNIT ? bytes : (bytes + SIZE_UNIT - 1) / SIZE_UNIT * SIZE_UNIT;
}

static void
compare_both(const struct comparing *comparing, const bson_iter_t *source, const bson_iter_t *target)
{
  char path[VALUES_PATH_SIZE];
  char here[VALUE_SIZE];
  char there[VALUE_SIZE];
  char *text;
  struct option_rule rule = rule_of(comparing, bson_iter_key(source));
  snprintf(path, sizeof path, "%s", bson_iter_key(source));
  bool same = values_same(source, target, rule.rule, path);
  if (!same && comparing->rules == option_rules && strcmp(path, "size") == 0) {
    same = rounded(source) == rounded(target);
  }
  if (same) {
    return;
  }
  if (values_show(source, here, sizeof here) && values_show(target, there, sizeof there)) {
    text = memory_format("%s is %s on the source, and %s on the target", path, here, there);
  } else {
    text = memory_format("%s differs", path);
  }
  say(comparing, text);
  free(text);
}

static bool
is_left_out(const char *name, const char *const *left_out)
{
  for (; *left_out; left_out++) {
    if (strcmp(*left_out, name) == 0) {
      return true;
    }
  }
  return false;
}

/* All fields of two documents, but for those left out. */
static void
compare_fields(const struct comparing *comparing, const bson_t *source, const bson_t *target,
               const char *const *left_out)
{
  bson_iter_t iter;
  bson_iter_t other;
  for (bson_iter_init(&iter, source); bson_iter_next(&iter);) {
    if (is_left_out(bson_iter_key(&iter), left_out)) {
      continue;
    }
    if (bson_iter_init_find(&other, target, bson_iter_key(&iter))) {
      compare_both(comparing, &iter, &other);
    } else {
      compare_missing(comparing, &iter, true);
    }
  }
  for (bson_iter_init(&iter, target); bson_iter_next(&iter);) {
    if (!is_left_out(bson_iter_key(&iter), left_out) && !bson_has_field(source, bson_iter_key(&iter))) {
      compare_missing(comparing, &iter, false);
    }
  }
}

static void
say_ttl(struct texts *texts, const char *what, int64_t source_s, int64_t target_s)
{
  if (source_s < 0) {
    texts_add(texts, "%s: expireAfterSeconds %lld is on the target only", what, (long long)target_s);
  } else if (target_s < 0) {
    texts_add(texts, "%s: expireAfterSeconds %lld is on the source only", what, (long long)source_s);
  } else {
    texts_add(texts, "%s: expireAfterSeconds is %lld on the source, and %lld on the target", what, (long long)source_s,
              (long long)target_s);
  }
}

/* `deferred_s`: what the target's expiry is while it is deferred; `name` as in excuse_ttl. */
static void
compare_ttl(const struct definitions_rules *rules, const struct excuse *excuse, const char *what, const char *name,
            const int64_t ttl_s[2], int64_t deferred_s, struct definitions_findings *findings)
{
  if (!rules->ttl_deferred || ttl_s[0] < 0) {
    if (ttl_s[0] != ttl_s[1]) {
      say_ttl(&findings->differences, what, ttl_s[0], ttl_s[1]);
    }
    return;
  }
  if (ttl_s[1] != deferred_s) {
    texts_add(&findings->differences,
              "%s: expireAfterSeconds is %lld on the target already, and deferred until the end", what,
              (long long)ttl_s[1]);
    return;
  }
  int64_t later_s = excuse_ttl(excuse, name);
  if (later_s != ttl_s[0]) {
    texts_add(&findings->differences, "%s: expireAfterSeconds is %lld on the source, and will be %lld on the target",
              what, (long long)ttl_s[0], (long long)later_s);
  }
}

/* From 6.0 on switched off is the same as not there. */
static bool
records_images(const bson_t *options)
{
  bson_iter_t iter;
  bson_iter_t found;
  return bson_iter_init(&iter, options) &&
         bson_iter_find_descendant(&iter, "changeStreamPreAndPostImages.enabled", &found) && values_truth(&found);
}

static void
compare_options(const struct collection *source, const struct collection *target, const struct definitions_rules *rules,
                const struct excuse *excuse, struct definitions_findings *findings)
{
  static const char *const elsewhere[] = {"expireAfterSeconds", "changeStreamPreAndPostImages", NULL};
  struct definition expected;
  struct definition found;
  const char *refusal = excuse_for(excuse, NULL);
  struct comparing comparing = {option_rules, sizeof option_rules / sizeof *option_rules, "options",
                                refusal ? &findings->refused : &findings->differences, refusal};
  definition_make(source->options, rules->pages, rules->target_version, &expected);
  definition_make(target->options, false, rules->target_version, &found);
  compare_fields(&comparing, &expected.options, &found.options, elsewhere);
  if (records_images(&expected.options) != records_images(&found.options)) {
    say(&comparing, "changeStreamPreAndPostImages differs");
  }
  if (expected.notes[0]) {
    texts_add(&findings->translated, "options: %s", expected.notes);
  }
  compare_ttl(rules, excuse, "options", "", (int64_t[]){expected.ttl_s, found.ttl_s}, -1, findings);
  bson_destroy(&expected.options);
  bson_destroy(&found.options);
}

/* The index of this name among those of listIndexes. */
static bool
find_index(const bson_t *indexes, const char *name, bson_t *spec)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, indexes); bson_iter_next(&iter);) {
    if (message_item(&iter, spec) && strcmp(schema_index_name(spec), name) == 0) {
      return true;
    }
  }
  return false;
}

/* Both are what schema_index made, so both have what the target's version has. */
static void
compare_index(const struct schema_index *expected, const struct schema_index *found,
              const struct definitions_rules *rules, const struct excuse *excuse, struct definitions_findings *findings)
{
  static const char *const elsewhere[] = {"expireAfterSeconds", "originalSpec", NULL};
  const char *name = schema_index_name(&expected->spec);
  const char *refusal = excuse_for(excuse, name);
  char *what = memory_format("index %s", name);
  struct comparing comparing = {index_rules, sizeof index_rules / sizeof *index_rules, what,
                                refusal ? &findings->refused : &findings->differences, refusal};
  compare_fields(&comparing, &expected->spec, &found->spec, elsewhere);
  if (!refusal) {
    compare_ttl(rules, excuse, what, name, (int64_t[]){expected->ttl_s, found->ttl_s}, SCHEMA_TTL_DEFERRED, findings);
  }
  free(what);
}

/* `collated`: the collection has a default collation, on both sides if they are the same. */
static void
look_for_index(const bson_t *spec, const struct collection *target, bool collated,
               const struct definitions_rules *rules, const struct excuse *excuse,
               struct definitions_findings *findings)
{
  struct schema_index expected;
  struct schema_index found;
  bson_t other;
  const char *name = schema_index_name(spec);
  const char *refusal = excuse_for(excuse, name);
  enum schema_index_kind kind = schema_index(spec, collated, &expected);
  if (kind != SCHEMA_INDEX_ID && find_index(target->indexes, name, &other)) {
    schema_index(&other, bson_has_field(target->options, "collation"), &found);
    compare_index(&expected, &found, rules, excuse, findings);
    bson_destroy(&found.spec);
  } else if (kind != SCHEMA_INDEX_ID && refusal) {
    texts_add(&findings->refused, "index %s is not on the target, which refused it: %s", name, refusal);
  } else if (kind != SCHEMA_INDEX_ID) {
    texts_add(&findings->differences, "index %s is not on the target", name);
  }
  if (kind != SCHEMA_INDEX_ID && expected.notes[0]) {
    texts_add(&findings->translated, "index %s: %s", name, expected.notes);
  }
  bson_destroy(&expected.spec);
}

static void
compare_indexes(const struct collection *source, const struct collection *target, const struct definitions_rules *rules,
                const struct excuse *excuse, struct definitions_findings *findings)
{
  bson_iter_t iter;
  bson_t spec;
  bson_t ignored;
  bool collated = bson_has_field(source->options, "collation");
  for (bson_iter_init(&iter, source->indexes); bson_iter_next(&iter);) {
    if (message_item(&iter, &spec)) {
      look_for_index(&spec, target, collated, rules, excuse, findings);
    }
  }
  for (bson_iter_init(&iter, target->indexes); bson_iter_next(&iter);) {
    struct schema_index extra;
    if (!message_item(&iter, &spec) || find_index(source->indexes, schema_index_name(&spec), &ignored)) {
      continue;
    }
    if (schema_index(&spec, false, &extra) != SCHEMA_INDEX_ID) {
      texts_add(&findings->differences, "index %s is on the target only", schema_index_name(&spec));
    }
    bson_destroy(&extra.spec);
  }
}

static const char *
kind_of(const struct collection *collection)
{
  return bson_has_field(collection->options, "timeseries") ? "time series" : collection->view ? "view" : "collection";
}

static bool
compare_presence(const struct collection *source, const struct collection *target, const struct excuse *excuse,
                 struct definitions_findings *findings)
{
  const char *refusal = excuse_for(excuse, NULL);
  if (!target && refusal) {
    texts_add(&findings->refused, "it is not on the target, which refused it: %s", refusal);
  } else if (!target) {
    texts_add(&findings->differences, "it is not on the target");
  } else if (!source) {
    texts_add(&findings->differences, "it is on the target only");
  } else if (strcmp(kind_of(source), kind_of(target)) != 0) {
    texts_add(&findings->differences, "it is a %s on the source, and a %s on the target", kind_of(source),
              kind_of(target));
  } else {
    return true;
  }
  return false;
}

void
definitions_compare(const struct collection *source, const struct collection *target,
                    const struct definitions_rules *rules, const struct excuse *excuse,
                    struct definitions_findings *findings)
{
  if (!compare_presence(source, target, excuse, findings)) {
    return;
  }
  if (!series_of(source->name)) {
    compare_options(source, target, rules, excuse, findings);
  }
  bool has_uuids = source->has_uuid && target->has_uuid && !bson_has_field(source->options, "timeseries");
  if (rules->keep_uuids && has_uuids && memcmp(source->uuid, target->uuid, sizeof source->uuid) != 0) {
    texts_add(&findings->differences, "its UUID differs");
  }
  if (source->view) {
    return;
  }
  if (rules->no_indexes) {
    texts_add(&findings->not_compared, "indexes: %s", rules->no_indexes);
  } else {
    compare_indexes(source, target, rules, excuse, findings);
  }
}
