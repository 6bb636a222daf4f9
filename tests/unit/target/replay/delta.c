#include <criterion/criterion.h>
#include <inttypes.h>
#include <time.h>

#include "target/replay/delta.h"

static bson_t *
json(const char *text)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)text, -1, &cause);
  cr_assert_not_null(document, "%s: %s", text, cause.message);
  return document;
}

static void
applied(const char *before, const char *diff, const char *after)
{
  bson_t *document = json(before);
  bson_t *change = json(diff);
  bson_t *expected = json(after);
  bson_t result;
  struct error error;
  cr_assert(delta_apply(document, change, &result, &error), "%s", error.text);
  char *got = bson_as_canonical_extended_json(&result, NULL);
  cr_assert(bson_equal(&result, expected), "%s gave %s, not %s", diff, got, after);
  bson_free(got);
  bson_destroy(document);
  bson_destroy(change);
  bson_destroy(expected);
  bson_destroy(&result);
}

Test(delta, fields_in_the_servers_order)
{
  applied("{\"_id\": 1, \"x\": 1, \"n\": 2, \"k\": 3}", "{\"d\": {\"x\": false}, \"u\": {\"n\": 5}, \"i\": {\"z\": 1}}",
          "{\"_id\": 1, \"n\": 5, \"k\": 3, \"z\": 1}");
  applied("{\"_id\": 1, \"z\": 1, \"k\": 3}", "{\"i\": {\"z\": 2}}", "{\"_id\": 1, \"k\": 3, \"z\": 2}");
  applied("{\"_id\": 1}", "{\"d\": {\"gone\": false}, \"u\": {\"n\": 5}}", "{\"_id\": 1, \"n\": 5}");
}

Test(delta, names_are_literal)
{
  applied("{\"_id\": 1, \"a.b\": 1, \"a\": {\"b\": 2}}", "{\"u\": {\"a.b\": 5}}",
          "{\"_id\": 1, \"a.b\": 5, \"a\": {\"b\": 2}}");
  applied("{\"_id\": 1, \"\": {\"q\": 1}}", "{\"s\": {\"u\": {\"q\": 2}}}", "{\"_id\": 1, \"\": {\"q\": 2}}");
}

Test(delta, nested_documents_and_arrays)
{
  applied("{\"_id\": 1, \"addr\": {\"city\": \"B\"}}", "{\"saddr\": {\"u\": {\"city\": \"A\"}}}",
          "{\"_id\": 1, \"addr\": {\"city\": \"A\"}}");
  applied("{\"_id\": 1, \"arr\": [{\"k\": 0}, 2, 3, 4]}",
          "{\"sarr\": {\"a\": true, \"l\": 3, \"u2\": \"c\", \"s0\": {\"u\": {\"k\": 1}}}}",
          "{\"_id\": 1, \"arr\": [{\"k\": 1}, 2, \"c\"]}");
  applied("{\"_id\": 1, \"arr\": [1]}", "{\"sarr\": {\"a\": true, \"u3\": 9}}",
          "{\"_id\": 1, \"arr\": [1, null, null, 9]}");
}

Test(delta, what_does_not_fit_becomes_null)
{
  applied("{\"_id\": 1, \"a\": 5}", "{\"sa\": {\"u\": {\"b\": 1}}}", "{\"_id\": 1, \"a\": null}");
  applied("{\"_id\": 1}", "{\"sa\": {\"u\": {\"b\": 1}}}", "{\"_id\": 1}");
  applied("{\"_id\": 1, \"arr\": [1]}", "{\"sarr\": {\"a\": true, \"s2\": {\"u\": {\"k\": 1}}}}",
          "{\"_id\": 1, \"arr\": [1, null, null]}");
}

static void
refused(const char *before, const char *change)
{
  bson_t *document = json(before);
  bson_t *diff = json(change);
  bson_t result;
  struct error error;
  cr_assert_not(delta_apply(document, diff, &result, &error), "%s", change);
  cr_assert_eq(error.kind, ERROR_DIVERGED);
  bson_destroy(document);
  bson_destroy(diff);
}

Test(delta, another_form_is_refused)
{
  refused("{\"_id\": 1}", "{\"q\": {\"a\": 1}}");
}

/* Found by the fuzzer: it made millions of nulls of a hundred bytes. */
Test(delta, an_array_longer_than_any_document_is_refused)
{
  refused("{\"_id\": 1, \"a\": [1]}", "{\"sa\": {\"a\": true, \"u8000000\": 1}}");
  refused("{\"_id\": 1, \"a\": [1]}", "{\"sa\": {\"a\": true, \"l\": 8000000}}");
  refused("{\"_id\": 1, \"a\": [1]}", "{\"sa\": {\"a\": true, \"l\": -1}}");
  refused("{\"_id\": 1, \"a\": [1]}", "{\"sa\": {\"a\": true, \"l\": {\"$numberLong\": \"4294967297\"}}}");
}

Test(delta, the_change_streams_form_keeps_truncation_apart)
{
  bson_t *diff = json("{\"updatedFields\": {\"a.0\": 1}, \"removedFields\": [\"b\"], \"truncatedArrays\": [{\"field\": "
                      "\"a\", \"newSize\": 2}]}");
  bson_t *cut = json("{\"$push\": {\"a\": {\"$each\": [], \"$slice\": {\"$numberLong\": \"2\"}}}}");
  bson_t *rest = json("{\"$set\": {\"a.0\": 1}, \"$unset\": {\"b\": true}}");
  bson_t truncations;
  bson_t modifiers;
  struct error error;
  cr_assert(delta_to_modifiers(diff, &truncations, &modifiers, &error));
  cr_assert(bson_equal(&truncations, cut));
  cr_assert(bson_equal(&modifiers, rest));
  bson_destroy(diff);
  bson_destroy(cut);
  bson_destroy(rest);
  bson_destroy(&truncations);
  bson_destroy(&modifiers);
}

/* {a0: 0, a1: 1, ...} */
static void
put_fields(bson_t *document, const char *prefix, int count)
{
  for (int i = 0; i < count; i++) {
    char key[24];
    snprintf(key, sizeof key, "%s%d", prefix, i);
    BSON_APPEND_INT32(document, key, i);
  }
}

/* The CPU time, in ns, of a diff that names each of so many fields and elements; the least of some runs. */
static int64_t
cost_of(int count)
{
  bson_t document = BSON_INITIALIZER;
  bson_t diff = BSON_INITIALIZER;
  bson_t inner;
  bson_t result;
  struct error error;
  int64_t least = INT64_MAX;
  put_fields(&document, "f", count);
  BSON_APPEND_ARRAY_BEGIN(&document, "list", &inner);
  put_fields(&inner, "", count);
  bson_append_array_end(&document, &inner);
  BSON_APPEND_DOCUMENT_BEGIN(&diff, "u", &inner);
  put_fields(&inner, "f", count);
  put_fields(&inner, "new", count);
  bson_append_document_end(&diff, &inner);
  BSON_APPEND_DOCUMENT_BEGIN(&diff, "slist", &inner);
  BSON_APPEND_BOOL(&inner, "a", true);
  put_fields(&inner, "u", count);
  bson_append_document_end(&diff, &inner);
  for (int run = 0; run < 3; run++) {
    struct timespec begun;
    struct timespec ended;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    cr_assert(delta_apply(&document, &diff, &result, &error), "%s", error.text);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    cr_assert_eq(bson_count_keys(&result), (uint32_t)(2 * count + 1));
    bson_destroy(&result);
    int64_t cost = (int64_t)(ended.tv_sec - begun.tv_sec) * 1000000000 + ended.tv_nsec - begun.tv_nsec;
    least = cost < least ? cost : least;
  }
  bson_destroy(&document);
  bson_destroy(&diff);
  return least;
}

Test(delta, ten_times_as_many_fields_take_about_ten_times_as_long)
{
  int64_t few = cost_of(2000);
  int64_t many = cost_of(20000);
  cr_assert_lt(many, few * 40, "2,000 fields took %" PRId64 " ns, 20,000 took %" PRId64, few, many);
}

Test(delta, of_several_changes_of_one_field_the_first_counts)
{
  applied("{\"_id\": 1, \"x\": 1, \"y\": 2}",
          "{\"u\": {\"x\": 5, \"y\": 6}, \"d\": {\"x\": false}, \"sy\": {\"u\": {\"q\": 1}}}",
          "{\"_id\": 1, \"y\": 6}");
  applied("{\"_id\": 1, \"l\": [1, 2]}", "{\"sl\": {\"a\": true, \"s1\": {\"u\": {\"q\": 1}}, \"u1\": 9, \"u01\": 7}}",
          "{\"_id\": 1, \"l\": [1, null]}");
}

Test(delta, a_short_diff_does_not_make_a_document_of_gigabytes)
{
  bson_t document = BSON_INITIALIZER;
  bson_t diff = BSON_INITIALIZER;
  bson_t result;
  struct error error;
  for (int i = 0; i < 50; i++) {
    char key[24];
    bson_t none;
    bson_t change;
    snprintf(key, sizeof key, "s%d", i);
    BSON_APPEND_ARRAY_BEGIN(&document, key + 1, &none);
    bson_append_array_end(&document, &none);
    BSON_APPEND_DOCUMENT_BEGIN(&diff, key, &change);
    BSON_APPEND_BOOL(&change, "a", true);
    BSON_APPEND_INT32(&change, "u2000000", 1);
    bson_append_document_end(&diff, &change);
  }
  cr_assert_not(delta_apply(&document, &diff, &result, &error));
  cr_assert_eq(error.kind, ERROR_DIVERGED);
  bson_destroy(&document);
  bson_destroy(&diff);
}
