#include "coordinator/state/refusals.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include "ipc/message.h"

static struct checkpoint checkpoint;

static void
begin(void)
{
  char path[] = "/tmp/ferry-refusals-XXXXXX";
  struct error error;
  close(mkstemp(path));
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  unlink(path);
}

static void
end(void)
{
  checkpoint_close(&checkpoint);
}

static void
add(const char *json)
{
  struct error error;
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert(document, "%s", cause.message);
  cr_assert(refusals_add(&checkpoint, document, &error), "%s", error.text);
  bson_destroy(document);
}

static void
assert_list(const char *json)
{
  struct error error;
  bson_t list;
  cr_assert(refusals_list(&checkpoint, &list, &error), "%s", error.text);
  char *got = bson_as_relaxed_extended_json(&list, NULL);
  cr_assert_str_eq(got, json);
  bson_free(got);
  bson_destroy(&list);
}

TestSuite(refusals, .init = begin, .fini = end);

Test(refusals, what_is_refused_twice_is_kept_once)
{
  add("{\"db\": \"a\", \"coll\": \"c\", \"id\": {\"_id\": 1}, \"text\": \"no\"}");
  add("{\"db\": \"a\", \"coll\": \"c\", \"id\": {\"_id\": 1}, \"text\": \"no\"}");
  assert_list("{ \"0\" : { \"db\" : \"a\", \"coll\" : \"c\", \"id\" : { \"_id\" : 1 }, \"text\" : \"no\" } }");
}

/* Its first version was refused. A later one was not, and the one after that was again: now the target has one. */
Test(refusals, a_document_that_the_target_has_kept_since_is_known_as_kept)
{
  add("{\"db\": \"a\", \"coll\": \"c\", \"id\": {\"_id\": 1}, \"text\": \"no\"}");
  add("{\"db\": \"a\", \"coll\": \"c\", \"id\": {\"_id\": 2}, \"text\": \"no\"}");
  add("{\"db\": \"a\", \"coll\": \"c\", \"id\": {\"_id\": 1}, \"kept\": true, \"text\": \"again\"}");
  assert_list(
    "{ \"0\" : { \"db\" : \"a\", \"coll\" : \"c\", \"id\" : { \"_id\" : 1 }, \"kept\" : true, \"text\" : \"again\" }, "
    "\"1\" : { \"db\" : \"a\", \"coll\" : \"c\", \"id\" : { \"_id\" : 2 }, \"text\" : \"no\" } }");
}

Test(refusals, a_document_goes_along_when_its_collection_is_renamed)
{
  add("{\"db\": \"a\", \"coll\": \"c\", \"id\": {\"_id\": 1}, \"text\": \"no\"}");
  add("{\"db\": \"a\", \"coll\": \"d\", \"id\": {\"_id\": 1}, \"text\": \"no\"}");
  add("{\"db\": \"b\", \"coll\": \"e\", \"id\": {\"_id\": 1}, \"was\": \"a.c\"}");
  add("{\"db\": \"b\", \"coll\": \"f\", \"id\": {\"_id\": 2}, \"was\": \"a.d\"}"); /* of another document */
  assert_list("{ \"0\" : { \"db\" : \"b\", \"coll\" : \"e\", \"id\" : { \"_id\" : 1 }, \"text\" : \"no\" }, "
              "\"1\" : { \"db\" : \"a\", \"coll\" : \"d\", \"id\" : { \"_id\" : 1 }, \"text\" : \"no\" } }");
}
