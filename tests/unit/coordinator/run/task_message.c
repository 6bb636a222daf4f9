#include "coordinator/run/task_message.h"

#include <criterion/criterion.h>

static bool
is_small(int64_t documents, int64_t bytes, bool capped)
{
  struct collection collection = {
    .documents = documents, .bytes = bytes, .capped = capped, .has_id_index = true, .options = bson_new()};
  bool small = task_is_small(&collection);
  bson_destroy(collection.options);
  return small;
}

Test(task_message, a_collection_is_small_by_its_documents_and_its_bytes)
{
  cr_assert(is_small(0, 0, false));
  cr_assert(is_small(1000, 100000, false));
  cr_assert_not(is_small(1001, 100000, false));
  cr_assert_not(is_small(2, 3 << 20, false));
  cr_assert_not(is_small(10, 1000, true), "a capped one is copied in its order");
}

/* The message of a collection's only range has its indexes if they are to be built first, and only then. */
Test(task_message, a_small_collections_indexes_come_with_its_copy)
{
  static char name[] = "c";
  bson_t options = BSON_INITIALIZER;
  bson_t *spec = BCON_NEW("name", "a_1");
  struct collection source = {
    .db = name, .name = name, .to_db = name, .to_name = name, .options = &options, .has_id_index = true};
  struct catalog catalog = {.collections = &source, .count = 1};
  for (int first = 0; first < 2; first++) {
    struct plan plan;
    bson_t message = BSON_INITIALIZER;
    plan_init(&plan, &catalog, 1);
    plan_add_index(&plan, 0, spec);
    plan_close(&plan);
    plan.collections[0].create = first > 0;
    task_message_put(&plan, &plan.tasks[0], &message);
    cr_assert_eq(bson_has_field(&message, "indexes"), first > 0);
    cr_assert_eq(bson_has_field(&message, "indexes.0.name"), first > 0);
    bson_destroy(&message);
    plan_clear(&plan);
  }
  bson_destroy(spec);
}
