#include "compare/excused_documents.h"

#include <criterion/criterion.h>

static struct excused_documents *documents;
static bson_t *refused;

static void
begin(void)
{
  static const char json[] = "[{\"id\": {\"_id\": 1}, \"text\": \"too large\"}, "
                             "{\"id\": {\"_id\": 2}, \"text\": \"a key\", \"kept\": true}]";
  bson_error_t cause;
  refused = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert(refused, "%s", cause.message);
  documents = excused_documents_new(refused);
}

static void
end(void)
{
  excused_documents_free(documents);
  bson_destroy(refused);
}

static const char *
why(int32_t id, enum difference_kind kind)
{
  bson_t selector = BSON_INITIALIZER;
  BSON_APPEND_INT32(&selector, "_id", id);
  const char *text = excused_documents_why(documents, &selector, kind);
  bson_destroy(&selector);
  return text;
}

TestSuite(excused_documents, .init = begin, .fini = end);

Test(excused_documents, a_refused_document_may_be_missing_and_nothing_else)
{
  cr_assert_str_eq(why(1, DIFFERENCE_MISSING), "too large");
  for (int kind = DIFFERENCE_EXTRA; kind < DIFFERENCE_KINDS; kind++) {
    cr_assert_null(why(1, (enum difference_kind)kind), "%s", difference_name((enum difference_kind)kind));
  }
}

Test(excused_documents, a_kept_document_may_differ_but_not_be_missing_or_extra)
{
  cr_assert_str_eq(why(2, DIFFERENCE_VALUE), "a key");
  cr_assert_str_eq(why(2, DIFFERENCE_ORDER), "a key");
  cr_assert_str_eq(why(2, DIFFERENCE_NUMBERS), "a key");
  cr_assert_null(why(2, DIFFERENCE_MISSING));
  cr_assert_null(why(2, DIFFERENCE_EXTRA));
  cr_assert_null(why(2, DIFFERENCE_POSITION));
}

Test(excused_documents, another_document_has_no_excuse)
{
  cr_assert_null(why(3, DIFFERENCE_MISSING));
  documents = (excused_documents_free(documents), NULL);
  cr_assert_null(why(1, DIFFERENCE_MISSING));
}
