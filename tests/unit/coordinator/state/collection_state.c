#include "coordinator/state/collection_state.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define COUNT 50000

static bool
count_item(void *context, const bson_t *item, struct error *error)
{
  (void)item;
  (void)error;
  ++*(int *)context;
  return true;
}

static int
count_items(struct checkpoint *checkpoint, const char *list)
{
  struct error error;
  int count = 0;
  cr_assert(checkpoint_items(checkpoint, list, count_item, &count, &error), "%s", error.text);
  return count;
}

static void
open_new(struct checkpoint *checkpoint)
{
  char path[] = "/tmp/ferry-known-XXXXXX";
  struct error error;
  close(mkstemp(path));
  cr_assert(checkpoint_open(checkpoint, path, &error), "%s", error.text);
  unlink(path);
}

Test(known, a_plan_of_many_collections_is_kept_at_once)
{
  struct catalog catalog = {.count = COUNT, .collections = calloc(COUNT, sizeof *catalog.collections)};
  struct checkpoint checkpoint;
  struct plan plan;
  struct error error;
  for (size_t i = 0; i < COUNT; i++) {
    char name[24];
    snprintf(name, sizeof name, "c%zu", i);
    catalog.collections[i] = (struct collection){.db = strdup("db"), .name = strdup(name), .has_id_index = true};
    catalog_rename(&catalog.collections[i], "db", name);
  }
  open_new(&checkpoint);
  plan_init(&plan, &catalog, 4);
  cr_assert(checkpoint_begin(&checkpoint, &error));
  cr_assert(collection_state_put_plan(&checkpoint, &plan, &error));
  cr_assert(checkpoint_commit(&checkpoint, &error));
  cr_assert_eq(count_items(&checkpoint, "places"), COUNT);
  checkpoint_close(&checkpoint);
  plan_clear(&plan);
}

/* As CHANGED has it. */
static void
take(struct checkpoint *checkpoint, const char *json)
{
  bson_error_t cause;
  struct error error;
  bson_t *message = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert_not_null(message, "%s", cause.message);
  cr_assert(collection_state_take(checkpoint, message, &error), "%s", error.text);
  bson_destroy(message);
}

Test(known, a_change_is_kept_with_its_bookmark_only)
{
  struct checkpoint checkpoint;
  struct error error;
  open_new(&checkpoint);
  take(&checkpoint,
       "{\"places\": [{\"db\": \"d\", \"coll\": \"a\", \"from_db\": \"d\"}, {\"db\": \"d\", \"coll\": \"b\", "
       "\"from_db\": \"d\"}], \"sleeping\": [{\"db\": \"d\", \"coll\": \"a\", \"indexes\": []}]}");
  cr_assert(checkpoint_commit(&checkpoint, &error));
  take(&checkpoint,
       "{\"places\": [{\"db\": \"d\", \"coll\": \"a\"}], \"sleeping\": [{\"db\": \"d\", \"coll\": \"a\"}]}");
  checkpoint_forget(&checkpoint);
  cr_assert_eq(count_items(&checkpoint, "places"), 2);
  take(&checkpoint,
       "{\"places\": [{\"db\": \"d\", \"coll\": \"a\"}], \"sleeping\": [{\"db\": \"d\", \"coll\": \"a\"}]}");
  cr_assert(checkpoint_commit(&checkpoint, &error));
  cr_assert_eq(count_items(&checkpoint, "places"), 1);
  cr_assert_eq(count_items(&checkpoint, "sleeping"), 0);
  checkpoint_close(&checkpoint);
}
