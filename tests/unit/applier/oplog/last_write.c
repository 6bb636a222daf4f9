#include "applier/oplog/last_write.h"

#include <criterion/criterion.h>

#include "source/catalog/selection.h"

static int64_t
at(const struct selection *selection, const char *json)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert_not_null(document, "%s", cause.message);
  int64_t wall_ms = last_write_at(selection, document);
  bson_destroy(document);
  return wall_ms;
}

Test(last_write_at, tells_when)
{
  struct selection all = {0};
  cr_expect_eq(
    at(&all,
       "{\"op\": \"i\", \"ns\": \"d.c\", \"o\": {\"_id\": 1}, \"wall\": {\"$date\": {\"$numberLong\": \"7000\"}}}"),
    7000);
  cr_expect_eq(at(&all, "{\"op\": \"d\", \"ns\": \"d.c\", \"o\": {\"_id\": 1}}"), 0);
}

Test(last_write_at, a_source_that_nobody_uses_writes_nothing)
{
  struct selection all = {0};
  cr_expect_eq(at(&all, "{\"op\": \"n\", \"ns\": \"\", \"o\": {\"msg\": \"periodic noop\"}}"), -1);
  cr_expect_eq(at(&all, "{\"op\": \"u\", \"ns\": \"config.system.sessions\", \"o\": {}}"), -1);
  cr_expect_eq(at(&all, "{\"op\": \"i\", \"ns\": \"admin.system.users\", \"o\": {}}"), -1);
  cr_expect_eq(at(&all, "{\"op\": \"c\", \"ns\": \"config.$cmd\", \"o\": {\"create\": \"transactions\"}}"), -1);
}

Test(last_write_at, definitions_and_commands_are_writes)
{
  struct selection all = {0};
  cr_expect_eq(at(&all, "{\"op\": \"c\", \"ns\": \"d.$cmd\", \"o\": {\"drop\": \"c\"}}"), 0);
  cr_expect_eq(at(&all, "{\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"renameCollection\": \"d.c\"}}"), 0);
  cr_expect_eq(at(&all, "{\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"commitTransaction\": 1}}"), 0);
  cr_expect_eq(at(&all, "{\"op\": \"i\", \"ns\": \"d.system.indexes\", \"o\": {}}"), 0);
  cr_expect_eq(at(&all, "{\"op\": \"?\"}"), 0);
}

Test(last_write_at, what_is_not_selected_does_not_count)
{
  struct error error;
  struct selection some = {0};
  cr_assert(selection_add(&some, INCLUDE_DB, "d", &error));
  cr_expect_eq(at(&some, "{\"op\": \"i\", \"ns\": \"e.c\", \"o\": {}}"), -1);
  cr_expect_eq(at(&some, "{\"op\": \"i\", \"ns\": \"d.c\", \"o\": {}}"), 0);
  selection_clear(&some);
}

#define GROUP(operations) "{\"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": {\"applyOps\": [" operations "]}}"
#define OTHERS "{\"op\": \"i\", \"ns\": \"e.c\", \"o\": {}}"

Test(last_write_at, a_transaction_counts_if_one_of_its_operations_does)
{
  struct error error;
  struct selection some = {0};
  cr_assert(selection_add(&some, INCLUDE_DB, "d", &error));
  cr_expect_eq(at(&some, GROUP(OTHERS)), -1);
  cr_expect_eq(at(&some, GROUP(OTHERS ", {\"op\": \"u\", \"ns\": \"d.c\", \"o\": {}}")), 0);
  cr_expect_eq(at(&some, GROUP(GROUP(OTHERS))), -1);
  cr_expect_eq(at(&some, GROUP(GROUP("{\"op\": \"u\", \"ns\": \"d.c\", \"o\": {}}"))), 0);
  selection_clear(&some);
}
