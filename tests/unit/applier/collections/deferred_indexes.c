#include "applier/collections/deferred_indexes.h"

#include <criterion/criterion.h>

#include "ipc/message.h"

static void
add(struct sleeping *sleeping, const char *coll, const char *name, bool unbuilt)
{
  bson_t *spec = BCON_NEW("key", "{", "a", BCON_INT32(1), "}", "name", BCON_UTF8(name), "unique", BCON_BOOL(true));
  sleeping_add(sleeping, "db", coll, spec, unbuilt, -1);
  bson_destroy(spec);
}

static uint32_t
put_all(struct sleeping *sleeping, bson_t *list)
{
  uint32_t count = 0;
  for (bool more = true; more;) {
    bson_t item = BSON_INITIALIZER;
    more = sleeping_put_changed(sleeping, &item);
    if (more) {
      message_put_item(list, count++, &item);
    }
    bson_destroy(&item);
  }
  return count;
}

Test(sleeping, comes_back_from_the_bookmark_file)
{
  struct sleeping sleeping = {0};
  struct sleeping back = {0};
  bson_t list = BSON_INITIALIZER;
  add(&sleeping, "c.d", "a_1", true);
  add(&sleeping, "c.d", "b_1", false);
  add(&sleeping, "e", "a_1", true);
  cr_assert_eq(put_all(&sleeping, &list), 2, "one item a collection");
  cr_assert_eq(put_all(&sleeping, &list), 0);
  sleeping_get(&back, &list);
  cr_assert_eq(sleeping_of(&back, "db", "c.d")->count, 2);
  cr_assert(sleeping_find(&back, "db", "c.d", "a_1")->unbuilt);
  cr_assert_not(sleeping_find(&back, "db", "c.d", "b_1")->unbuilt);
  cr_assert(sleeping_any_unique(&back, "db", "c.d"));
  cr_assert_not(sleeping_any_unique(&back, "db", "e"));
  sleeping_clear(&sleeping);
  sleeping_clear(&back);
  bson_destroy(&list);
}

Test(sleeping, goes_with_its_collection)
{
  struct sleeping sleeping = {0};
  bson_t list = BSON_INITIALIZER;
  add(&sleeping, "old", "a_1", true);
  add(&sleeping, "old", "a_1", false);
  add(&sleeping, "replaced", "b_1", true);
  cr_assert_eq(sleeping_of(&sleeping, "db", "old")->count, 1, "one of the same name");
  put_all(&sleeping, &list);
  sleeping_rename(&sleeping, "db", "old", "db", "replaced");
  cr_assert_null(sleeping_of(&sleeping, "db", "old"));
  cr_assert_null(sleeping_find(&sleeping, "db", "replaced", "b_1"));
  cr_assert_not_null(sleeping_find(&sleeping, "db", "replaced", "a_1"));
  cr_assert_eq(put_all(&sleeping, &list), 2, "both names");
  sleeping_remove(&sleeping, "db", "replaced", "a_1");
  cr_assert_null(sleeping_of(&sleeping, "db", "replaced"), "the last one takes the list with it");
  add(&sleeping, "x", "a_1", true);
  sleeping_remove_database(&sleeping, "other");
  cr_assert_not_null(sleeping_of(&sleeping, "db", "x"));
  sleeping_remove_database(&sleeping, "db");
  cr_assert_null(sleeping_of(&sleeping, "db", "x"));
  sleeping_clear(&sleeping);
  bson_destroy(&list);
}
