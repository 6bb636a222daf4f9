#include "applier/collections/deferred_indexes.h"

#include <criterion/criterion.h>

#include "ipc/message.h"

static void
add(struct deferred *deferred, const char *coll, const char *name, bool unbuilt)
{
  bson_t *spec = BCON_NEW("key", "{", "a", BCON_INT32(1), "}", "name", BCON_UTF8(name), "unique", BCON_BOOL(true));
  deferred_add(deferred, "db", coll, spec, unbuilt, -1);
  bson_destroy(spec);
}

static uint32_t
put_all(struct deferred *deferred, bson_t *list)
{
  uint32_t count = 0;
  for (bool more = true; more;) {
    bson_t item = BSON_INITIALIZER;
    more = deferred_put_changed(deferred, &item);
    if (more) {
      message_put_item(list, count++, &item);
    }
    bson_destroy(&item);
  }
  return count;
}

Test(deferred, comes_back_from_the_bookmark_file)
{
  struct deferred deferred = {0};
  struct deferred back = {0};
  bson_t list = BSON_INITIALIZER;
  add(&deferred, "c.d", "a_1", true);
  add(&deferred, "c.d", "b_1", false);
  add(&deferred, "e", "a_1", true);
  deferred_of(&deferred, "db", "c.d")->bytes = 1000;
  cr_assert_eq(put_all(&deferred, &list), 2, "one item a collection");
  cr_assert_eq(put_all(&deferred, &list), 0);
  deferred_get(&back, &list);
  cr_assert_eq(deferred_of(&back, "db", "c.d")->bytes, 1000);
  cr_assert_eq(deferred_of(&back, "db", "e")->bytes, 0);
  cr_assert_eq(deferred_of(&back, "db", "c.d")->count, 2);
  cr_assert(deferred_find(&back, "db", "c.d", "a_1")->unbuilt);
  cr_assert_not(deferred_find(&back, "db", "c.d", "b_1")->unbuilt);
  cr_assert(deferred_any_unique(&back, "db", "c.d"));
  cr_assert_not(deferred_any_unique(&back, "db", "e"));
  deferred_clear(&deferred);
  deferred_clear(&back);
  bson_destroy(&list);
}

Test(deferred, goes_with_its_collection)
{
  struct deferred deferred = {0};
  bson_t list = BSON_INITIALIZER;
  add(&deferred, "old", "a_1", true);
  add(&deferred, "old", "a_1", false);
  add(&deferred, "replaced", "b_1", true);
  deferred_of(&deferred, "db", "old")->bytes = 1000;
  cr_assert_eq(deferred_of(&deferred, "db", "old")->count, 1, "one of the same name");
  put_all(&deferred, &list);
  deferred_rename(&deferred, "db", "old", "db", "replaced");
  cr_assert_null(deferred_of(&deferred, "db", "old"));
  cr_assert_null(deferred_find(&deferred, "db", "replaced", "b_1"));
  cr_assert_not_null(deferred_find(&deferred, "db", "replaced", "a_1"));
  cr_assert_eq(deferred_of(&deferred, "db", "replaced")->bytes, 1000, "the size goes with it");
  cr_assert_eq(put_all(&deferred, &list), 2, "both names");
  deferred_remove(&deferred, "db", "replaced", "a_1");
  cr_assert_null(deferred_of(&deferred, "db", "replaced"), "the last one takes the list with it");
  add(&deferred, "x", "a_1", true);
  deferred_remove_database(&deferred, "other");
  cr_assert_not_null(deferred_of(&deferred, "db", "x"));
  deferred_remove_database(&deferred, "db");
  cr_assert_null(deferred_of(&deferred, "db", "x"));
  deferred_clear(&deferred);
  bson_destroy(&list);
}
