#include "compare/definitions.h"

#include <criterion/criterion.h>

#include "target/definition/schema_index.h"

static bson_t *
parse(const char *json)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert(document, "%s: %s", json, cause.message);
  return document;
}

/* One collection: its options, and an array of indexes. */
static struct collection
make(const char *options, const char *indexes)
{
  static char db[] = "d";
  static char coll[] = "c";
  struct collection collection = {.db = db, .name = coll, .to_db = db, .to_name = coll};
  collection.options = parse(options);
  collection.indexes = parse(indexes);
  collection.view = bson_has_field(collection.options, "viewOn");
  return collection;
}

static void
clear(struct collection *collection)
{
  bson_destroy(collection->options);
  bson_destroy(collection->indexes);
}

/* All texts of the list in one, "; " between them. */
static void
assert_texts(const struct texts *texts, const char *expected)
{
  char all[2000] = "";
  bson_iter_t iter;
  for (bool more = texts->list && bson_iter_init(&iter, texts->list); more && bson_iter_next(&iter);) {
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? "; " : "", bson_iter_utf8(&iter, NULL));
  }
  cr_assert_str_eq(all, expected);
}

struct sides {
  const char *source;
  const char *target;
};

static void
assert_options(struct sides options, const struct definitions_rules *rules, const char *differences,
               const char *translated)
{
  struct definitions_findings findings = {.differences = {.count = 0}};
  struct collection source = make(options.source, "{}");
  struct collection target = make(options.target, "{}");
  definitions_compare(&source, &target, rules, NULL, &findings);
  assert_texts(&findings.differences, differences);
  assert_texts(&findings.translated, translated);
  definitions_findings_clear(&findings);
  clear(&source);
  clear(&target);
}

static void
assert_indexes(struct sides indexes, const struct definitions_rules *rules, const struct excuse *excuse,
               const char *differences, const char *refused)
{
  struct definitions_findings findings = {.differences = {.count = 0}};
  struct collection source = make("{}", indexes.source);
  struct collection target = make("{}", indexes.target);
  definitions_compare(&source, &target, rules, excuse, &findings);
  assert_texts(&findings.differences, differences);
  assert_texts(&findings.refused, refused);
  definitions_findings_clear(&findings);
  clear(&source);
  clear(&target);
}

static const struct definitions_rules plain = {.target_version = 400};

Test(definitions, the_same_options_in_another_order_and_with_what_a_server_adds)
{
  assert_options(
    (struct sides){"{\"capped\": true, \"size\": 4096, \"max\": 5}",
                   "{\"max\": {\"$numberLong\": \"5\"}, \"capped\": true, \"size\": 4096.0, \"flags\": 1}"},
    &plain, "", "");
  assert_options((struct sides){"{\"validator\": {\"a\": 1}}",
                                "{\"validator\": {\"a\": 1}, \"validationLevel\": \"strict\", "
                                "\"validationAction\": \"error\"}"},
                 &plain, "", "");
  assert_options(
    (struct sides){"{\"collation\": {\"locale\": \"de\"}}", "{\"collation\": {\"locale\": \"de\", \"strength\": 3}}"},
    &plain, "", "");
}

Test(definitions, an_option_that_differs_is_named_by_its_path)
{
  assert_options((struct sides){"{\"validator\": {\"a\": {\"$gt\": 1}}}", "{\"validator\": {\"a\": {\"$gt\": 2}}}"},
                 &plain, "options: validator.a.$gt differs", "");
  assert_options(
    (struct sides){"{\"viewOn\": \"a\", \"pipeline\": [{\"$match\": {\"x\": {}}}]}",
                   "{\"viewOn\": \"b\", \"pipeline\": [{\"$match\": {\"y\": {}}}]}"},
    &plain, "options: viewOn is \"a\" on the source, and \"b\" on the target; options: pipeline.0.$match.x differs",
    "");
  assert_options((struct sides){"{\"validationLevel\": \"moderate\"}", "{}"}, &plain,
                 "options: validationLevel \"moderate\" is on the source only", "");
  assert_options((struct sides){"{}", "{\"capped\": true, \"size\": 256}"}, &plain,
                 "options: capped true is on the target only; options: size 256 is on the target only", "");
}

Test(definitions, a_known_translation_is_no_difference_but_told)
{
  struct definitions_rules pages = {.target_version = 400, .pages = true};
  assert_options((struct sides){"{\"capped\": true, \"size\": 5000}", "{\"capped\": true, \"size\": 8192}"}, &pages, "",
                 "options: size becomes whole pages of 4096 bytes, which the source fills");
  assert_options((struct sides){"{\"capped\": true, \"size\": 5000}", "{\"capped\": true, \"size\": 5120}"}, &plain, "",
                 "");
  assert_options((struct sides){"{\"autoIndexId\": false}", "{}"}, &plain, "",
                 "options: autoIndexId is left out: the target gives it an _id index");
  struct definitions_rules modern = {.target_version = 600};
  assert_options(
    (struct sides){"{\"recordPreImages\": true}", "{\"changeStreamPreAndPostImages\": {\"enabled\": true}}"}, &modern,
    "", "options: recordPreImages becomes changeStreamPreAndPostImages");
  assert_options(
    (struct sides){"{\"recordPreImages\": true}", "{\"changeStreamPreAndPostImages\": {\"enabled\": false}}"}, &modern,
    "options: changeStreamPreAndPostImages differs", "options: recordPreImages becomes changeStreamPreAndPostImages");
}

Test(definitions, the_collections_own_expiry)
{
  struct definitions_rules later = {.target_version = 600, .ttl_deferred = true};
  const char *with = "{\"clusteredIndex\": true, \"expireAfterSeconds\": 60}";
  assert_options((struct sides){with, with}, &plain, "", "");
  assert_options((struct sides){with, "{\"clusteredIndex\": true}"}, &plain,
                 "options: expireAfterSeconds 60 is on the source only", "");
  assert_options((struct sides){with, with}, &later,
                 "options: expireAfterSeconds is 60 on the target already, and deferred until the end", "");
}

#define INDEX(more) "[{\"v\": 2, \"key\": {\"a\": 1}, \"name\": \"a\"" more "}]"

Test(definitions, the_same_index_as_different_versions_list_it)
{
  assert_indexes(
    (struct sides){"[{\"v\": 1, \"key\": {\"a\": 1.0}, \"name\": \"a\", \"ns\": \"d.c\", \"background\": true, "
                   "\"unique\": 1, \"sparse\": false}]",
                   INDEX(", \"unique\": true")},
    &plain, NULL, "", "");
  assert_indexes((struct sides){"[{\"key\": {\"_id\": 1}, \"name\": \"_id_\"}]", "[]"}, &plain, NULL, "", "");
  assert_indexes((struct sides){INDEX(""), INDEX(", \"2dsphereIndexVersion\": 3")}, &plain, NULL, "", "");
}

/* SecantusDB forgets a collection's collation when it is renamed, but not that of its indexes. */
Test(definitions, a_simple_collation_of_an_index_is_no_difference)
{
  assert_indexes((struct sides){INDEX(""), INDEX(", \"collation\": {\"locale\": \"simple\"}")}, &plain, NULL, "", "");
}

Test(definitions, an_index_that_differs_is_named)
{
  assert_indexes((struct sides){INDEX(""), "[]"}, &plain, NULL, "index a is not on the target", "");
  assert_indexes((struct sides){"[]", INDEX("")}, &plain, NULL, "index a is on the target only", "");
  assert_indexes((struct sides){INDEX(""), "[{\"key\": {\"a\": -1}, \"name\": \"a\"}]"}, &plain, NULL,
                 "index a: key.a differs", "");
  assert_indexes((struct sides){INDEX(", \"unique\": true"), INDEX("")}, &plain, NULL,
                 "index a: unique true is on the source only", "");
  assert_indexes((struct sides){INDEX(", \"partialFilterExpression\": {\"b\": 1}"),
                                INDEX(", \"partialFilterExpression\": {\"b\": 1.5}")},
                 &plain, NULL, "index a: partialFilterExpression.b differs", "");
  assert_indexes((struct sides){INDEX(", \"weights\": {\"b\": 1}"), INDEX(", \"weights\": {\"b\": 1, \"c\": 1}")},
                 &plain, NULL, "index a: weights.c differs", "");
}

Test(definitions, an_index_without_collation_in_a_collated_collection_is_simple)
{
  struct definitions_findings findings = {.differences = {.count = 0}};
  struct collection source = make("{\"collation\": {\"locale\": \"de\"}}", INDEX(""));
  struct collection target =
    make("{\"collation\": {\"locale\": \"de\"}}", INDEX(", \"collation\": {\"locale\": \"de\"}"));
  definitions_compare(&source, &target, &plain, NULL, &findings);
  assert_texts(&findings.differences, "index a: collation.locale differs");
  definitions_findings_clear(&findings);
  clear(&source);
  clear(&target);
}

Test(definitions, deferred_expiry_is_held_against_what_it_will_be)
{
  struct excuses excuses = {.by_ns = NULL};
  bson_t *message =
    parse("{\"sleeping\": [{\"db\": \"d\", \"coll\": \"c\", \"indexes\": [{\"spec\": {\"name\": \"a\"}, "
          "\"unbuilt\": false, \"ttl_s\": 60}]}]}");
  struct definitions_rules later = {.target_version = 400, .ttl_deferred = true};
  excuses_take(&excuses, message);
  const struct excuse *excuse = excuses_of(&excuses, "d", "c");
  assert_indexes((struct sides){INDEX(", \"expireAfterSeconds\": 60"), INDEX(", \"expireAfterSeconds\": 2147483647")},
                 &later, excuse, "", "");
  assert_indexes((struct sides){INDEX(", \"expireAfterSeconds\": 61"), INDEX(", \"expireAfterSeconds\": 2147483647")},
                 &later, excuse, "index a: expireAfterSeconds is 61 on the source, and will be 60 on the target", "");
  assert_indexes((struct sides){INDEX(""), INDEX(", \"expireAfterSeconds\": 5")}, &later, excuse,
                 "index a: expireAfterSeconds 5 is on the target only", "");
  excuses_clear(&excuses);
  bson_destroy(message);
}

Test(definitions, what_the_target_refused_is_no_difference)
{
  struct excuses excuses = {.by_ns = NULL};
  bson_t *message = parse("{\"refused\": [{\"db\": \"d\", \"coll\": \"c\", \"index\": \"a\", \"text\": \"no\"}], "
                          "\"places\": [{\"db\": \"d\", \"coll\": \"c\", \"from_db\": \"d\", \"from_coll\": \"c\"}, "
                          "{\"db\": \"d\", \"coll\": \"gone\"}]}");
  excuses_take(&excuses, message);
  const struct excuse *excuse = excuses_of(&excuses, "d", "c");
  cr_assert(excuse->ours && excuses.places && !excuses_of(&excuses, "d", "gone"));
  assert_indexes((struct sides){INDEX(""), "[]"}, &plain, excuse, "",
                 "index a is not on the target, which refused it: no");
  assert_indexes((struct sides){INDEX(", \"unique\": true"), INDEX("")}, &plain, excuse, "",
                 "index a: unique true is on the source only; the target refused it: no");
  assert_indexes((struct sides){"[{\"key\": {\"b\": 1}, \"name\": \"b\"}]", "[]"}, &plain, excuse,
                 "index b is not on the target", "");
  excuses_clear(&excuses);
  bson_destroy(message);
}

Test(definitions, a_kind_that_differs)
{
  assert_options((struct sides){"{\"viewOn\": \"x\", \"pipeline\": []}", "{}"}, &plain,
                 "it is a view on the source, and a collection on the target", "");
}

Test(definitions, uuids_count_where_they_were_to_be_kept)
{
  struct definitions_rules keep = {.target_version = 400, .keep_uuids = true};
  struct definitions_findings findings = {.differences = {.count = 0}};
  struct collection source = make("{}", "[]");
  struct collection target = make("{}", "[]");
  source.has_uuid = target.has_uuid = true;
  definitions_compare(&source, &target, &keep, NULL, &findings);
  target.uuid[3] = 1;
  definitions_compare(&source, &target, &plain, NULL, &findings);
  cr_assert_eq(findings.differences.count, 0);
  definitions_compare(&source, &target, &keep, NULL, &findings);
  assert_texts(&findings.differences, "its UUID differs");
  definitions_findings_clear(&findings);
  clear(&source);
  clear(&target);
}
