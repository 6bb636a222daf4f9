#include "server/write_errors.h"

#include <criterion/criterion.h>

static bson_t *
json(const char *text)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)text, -1, &cause);
  cr_assert_not_null(document, "%s: %s", text, cause.message);
  return document;
}

static void
first_is(const char *reply, int64_t index, int64_t code, const char *text)
{
  struct write_error said;
  bson_t *document = json(reply);
  cr_assert(write_errors_first(document, &said), "%s", reply);
  cr_assert_eq(said.index, index, "%s", reply);
  cr_assert_eq(said.code, code, "%s", reply);
  cr_assert_str_eq(said.text, text, "%s", reply);
  bson_destroy(document);
}

Test(write_errors, fields_of_other_types_count_as_missing)
{
  first_is("{\"writeErrors\": [{\"index\": 3, \"code\": 11000, \"errmsg\": \"twice\"}]}", 3, 11000, "twice");
  first_is("{\"writeErrors\": [{\"index\": 3, \"code\": 11000, \"errmsg\": 7}]}", 3, 11000, "no reason given");
  first_is("{\"writeErrors\": [{\"index\": \"3\", \"code\": \"x\"}]}", -1, 8, "no reason given");
  first_is("{\"writeErrors\": [{\"index\": -3, \"code\": 11000.0}]}", -3, 11000, "no reason given");
  first_is("{\"writeErrors\": [{\"index\": 3, \"code\": 0}]}", 3, 8, "no reason given");
  first_is("{\"writeErrors\": [5]}", -1, 8, "no reason given");
}

Test(write_errors, a_reply_without_any_has_none)
{
  static const char *const replies[] = {"{\"ok\": 1}", "{\"writeErrors\": []}", "{\"writeErrors\": 5}",
                                        "{\"writeErrors\": {\"0\": {\"index\": 0}}}"};
  for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
    struct write_error said;
    bson_t *document = json(replies[i]);
    cr_assert_not(write_errors_first(document, &said), "%s", replies[i]);
    bson_destroy(document);
  }
}

Test(write_errors, of_several_shards_one_that_passes_decides)
{
  first_is(
    "{\"writeErrors\": [{\"index\": 0, \"code\": 65, \"errmsg\": \"multiple errors\", \"errInfo\": {\"causedBy\": "
    "[{\"index\": 0, \"code\": 11000, \"errmsg\": \"twice\"}, {\"index\": 0, \"code\": 6, \"errmsg\": \"away\"}]}}]}",
    0, 6, "multiple errors");
  first_is(
    "{\"writeErrors\": [{\"index\": 0, \"code\": 65, \"errmsg\": \"multiple errors\", \"errInfo\": {\"causedBy\": "
    "[{\"index\": 0, \"code\": 11000}, {\"index\": 0, \"code\": 2}, 5]}}]}",
    0, 65, "multiple errors");
  first_is("{\"writeErrors\": [{\"index\": 0, \"code\": 65, \"errInfo\": {\"causedBy\": 5}}]}", 0, 65,
           "no reason given");
  first_is("{\"writeErrors\": [{\"index\": 0, \"code\": 65, \"errInfo\": 5}]}", 0, 65, "no reason given");
}
