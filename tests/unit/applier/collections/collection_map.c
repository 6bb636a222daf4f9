#include "applier/collections/collection_map.h"

#include <criterion/criterion.h>

#include "applier/ddl/ddl.h"
#include "ipc/message.h"

static const uint8_t first[16] = {1};
static const uint8_t second[16] = {2};

/* What would be reported: the list, and how many are in it. */
static uint32_t
put_all(struct collection_map *collection_map, bson_t *list)
{
  uint32_t count = 0;
  for (bool more = true; more;) {
    bson_t item = BSON_INITIALIZER;
    more = collection_map_put_changed(collection_map, &item);
    if (more) {
      message_put_item(list, count++, &item);
    }
    bson_destroy(&item);
  }
  return count;
}

Test(collection_map, come_back_from_the_bookmark_file_where_they_still_are)
{
  struct collection_map collection_map = {0};
  struct collection_map back = {0};
  bson_t list = BSON_INITIALIZER;
  bson_iter_t iter;
  bson_iter_t found_coll;
  struct mapped_collection *kept = collection_map_add(&collection_map, "db", "kept.with.dots");
  collection_map_set_uuid(&collection_map, kept, first);
  kept->since = (uint64_t)7 << 32 | 3;
  kept->start = (uint64_t)9 << 32;
  collection_map_set_uuid(&collection_map, collection_map_add(&collection_map, "db", "gone"), second);
  cr_assert_eq(put_all(&collection_map, &list), 2);
  collection_map_add(&back, "db", "kept.with.dots");
  namespace_set_clear(&back.changed);
  collection_map_get(&back, &list);
  struct mapped_collection *found = collection_map_find_uuid(&back, first);
  cr_assert_not_null(found);
  cr_assert_str_eq(found->ns, "db.kept.with.dots");
  cr_assert_eq(found->since, kept->since);
  cr_assert_eq(found->start, kept->start);
  cr_assert_null(collection_map_find_uuid(&back, second));
  bson_reinit(&list);
  cr_assert_eq(put_all(&back, &list), 1, "one that is gone must not wait for another collection to get its name");
  cr_assert(bson_iter_init(&iter, &list) && bson_iter_find_descendant(&iter, "0.coll", &found_coll));
  cr_assert_str_eq(bson_iter_utf8(&found_coll, NULL), "gone");
  collection_map_clear(&collection_map);
  collection_map_clear(&back);
  bson_destroy(&list);
}

Test(collection_map, only_what_changed_is_reported_and_each_once)
{
  struct collection_map collection_map = {0};
  bson_t list = BSON_INITIALIZER;
  for (int i = 0; i < 1000; i++) {
    char name[24];
    snprintf(name, sizeof name, "c%d", i);
    collection_map_add(&collection_map, "db", name);
  }
  cr_assert_eq(put_all(&collection_map, &list), 1000);
  cr_assert_eq(put_all(&collection_map, &list), 0);
  collection_map_set_uuid(&collection_map, collection_map_find(&collection_map, "db", "c7"), first);
  collection_map_set_uuid(&collection_map, collection_map_find(&collection_map, "db", "c8"), first);
  cr_assert_eq(put_all(&collection_map, &list), 2, "c8 has it now, and c7 does not");
  collection_map_rename(&collection_map, collection_map_find(&collection_map, "db", "c8"), "db", "c9");
  cr_assert_eq(put_all(&collection_map, &list), 2, "the old name and the new one");
  collection_map_remove(&collection_map, collection_map_find(&collection_map, "db", "c9"));
  cr_assert_eq(put_all(&collection_map, &list), 1);
  collection_map_clear(&collection_map);
  bson_destroy(&list);
}

/* Would take minutes if anything looked at them all. */
Test(collection_map, two_hundred_thousand)
{
  struct collection_map collection_map = {0};
  uint8_t uuid[16] = {0};
  bson_t item = BSON_INITIALIZER;
  uint32_t put = 0;
  for (uint32_t i = 0; i < 200000; i++) {
    char name[24];
    snprintf(name, sizeof name, "c%u", i);
    memcpy(uuid, &i, sizeof i);
    collection_map_set_uuid(&collection_map, collection_map_add(&collection_map, "db", name), uuid);
  }
  for (; collection_map_put_changed(&collection_map, &item); put++) {
    bson_reinit(&item);
  }
  cr_assert_eq(put, 200000);
  cr_assert_eq(collection_map_find_uuid(&collection_map, uuid), collection_map_find(&collection_map, "db", "c199999"));
  collection_map_clear(&collection_map);
  bson_destroy(&item);
}

static struct entry
write_to(const char *coll, const uint8_t *uuid, uint64_t ts)
{
  struct entry entry = {.kind = ENTRY_WRITE, .ts = ts};
  snprintf(entry.db, sizeof entry.db, "db");
  snprintf(entry.coll, sizeof entry.coll, "%s", coll);
  entry.has_uuid = uuid != NULL;
  if (uuid) {
    memcpy(entry.uuid, uuid, sizeof entry.uuid);
  }
  return entry;
}

/* Each line: what is known of the name, and whether an entry of it is of a collection that is gone. */
Test(collection_map, an_entry_of_a_replaced_collection_does_not_reach_its_successor)
{
  struct collection_map collection_map = {0};
  struct ddl ddl = {.collection_map = &collection_map, .lenient = true};
  struct mapped_collection *mapped = collection_map_add(&collection_map, "db", "c");
  struct entry of_first = write_to("c", first, 10);
  struct entry of_second = write_to("c", second, 10);
  struct entry unnamed = write_to("c", NULL, 10);
  cr_assert_eq(ddl_find(&ddl, &of_first), mapped, "no UUID is known: the name tells");
  collection_map_set_uuid(&collection_map, mapped, second);
  cr_assert(ddl_is_gone(&ddl, &of_first), "copied as another one");
  cr_assert_eq(ddl_find(&ddl, &of_second), mapped);
  cr_assert_eq(ddl_find(&ddl, &unnamed), mapped, "a server without UUIDs");
  mapped->since = 11;
  cr_assert(ddl_is_gone(&ddl, &of_first), "before the replay gave the name");
  cr_assert(ddl_is_gone(&ddl, &unnamed));
  mapped->since = 9;
  cr_assert_eq(ddl_find(&ddl, &of_first), mapped, "after it, whatever the server does with UUIDs");
  ddl.lenient = false;
  mapped->since = 11;
  cr_assert_eq(ddl_find(&ddl, &unnamed), mapped, "strict: the order of entries is the truth");
  collection_map_clear(&collection_map);
}

Test(collection_map, what_the_target_may_have_expired_is_known_after_a_restart)
{
  struct collection_map collection_map = {0};
  struct collection_map back = {0};
  bson_t list = BSON_INITIALIZER;
  const uint64_t slept = (uint64_t)1000 << 32;
  collection_map_add(&collection_map, "db", "never");
  collection_map_add(&collection_map, "db", "active")->expired = EXPIRY_ACTIVE;
  collection_map_add(&collection_map, "db", "slept")->expired = slept;
  put_all(&collection_map, &list);
  collection_map_add(&back, "db", "never");
  collection_map_add(&back, "db", "active");
  collection_map_add(&back, "db", "slept");
  collection_map_get(&back, &list);
  cr_assert_not(mapped_collection_may_have_expired(collection_map_find(&back, "db", "never"), 1));
  cr_assert(mapped_collection_may_have_expired(collection_map_find(&back, "db", "active"), UINT64_MAX));
  const struct mapped_collection *mapped =
    collection_map_rename(&back, collection_map_find(&back, "db", "slept"), "db", "renamed");
  cr_assert(mapped_collection_may_have_expired(mapped, slept + ((uint64_t)3600 << 32)), "a monitor may be late");
  cr_assert_not(mapped_collection_may_have_expired(mapped, slept + ((uint64_t)3600 << 32) + 1));
  collection_map_clear(&collection_map);
  collection_map_clear(&back);
  bson_destroy(&list);
}

Test(collection_map, names_that_begin_alike_and_are_too_long_are_not_one)
{
  struct collection_map collection_map = {0};
  char name[2000];
  memset(name, 'x', sizeof name);
  name[sizeof name - 1] = 0;
  cr_assert_null(collection_map_find(&collection_map, "d", name));
  collection_map_add(&collection_map, "d", "x");
  cr_assert_null(collection_map_find(&collection_map, "d", name));
  name[600] = 0;
  struct mapped_collection *mapped = collection_map_add(&collection_map, "d", name);
  name[599] = 0;
  cr_assert_neq(collection_map_find(&collection_map, "d", name), mapped);
  collection_map_clear(&collection_map);
}
