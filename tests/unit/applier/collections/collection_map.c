#include "applier/collections/collection_map.h"

#include <criterion/criterion.h>

#include "applier/ddl/ddl.h"
#include "ipc/message.h"

static const uint8_t first[16] = {1};
static const uint8_t second[16] = {2};

/* What would be reported: the list, and how many are in it. */
static uint32_t
put_all(struct places *places, bson_t *list)
{
  uint32_t count = 0;
  for (bool more = true; more;) {
    bson_t item = BSON_INITIALIZER;
    more = places_put_changed(places, &item);
    if (more) {
      message_put_item(list, count++, &item);
    }
    bson_destroy(&item);
  }
  return count;
}

Test(places, come_back_from_the_bookmark_file_where_they_still_are)
{
  struct places places = {0};
  struct places back = {0};
  bson_t list = BSON_INITIALIZER;
  bson_iter_t iter;
  bson_iter_t found_coll;
  struct place *kept = places_add(&places, "db", "kept.with.dots");
  places_set_uuid(&places, kept, first);
  kept->since = (uint64_t)7 << 32 | 3;
  kept->start = (uint64_t)9 << 32;
  places_set_uuid(&places, places_add(&places, "db", "gone"), second);
  cr_assert_eq(put_all(&places, &list), 2);
  places_add(&back, "db", "kept.with.dots");
  names_clear(&back.changed);
  places_get(&back, &list);
  struct place *found = places_find_uuid(&back, first);
  cr_assert_not_null(found);
  cr_assert_str_eq(found->ns, "db.kept.with.dots");
  cr_assert_eq(found->since, kept->since);
  cr_assert_eq(found->start, kept->start);
  cr_assert_null(places_find_uuid(&back, second));
  bson_reinit(&list);
  cr_assert_eq(put_all(&back, &list), 1, "one that is gone must not wait for another collection to get its name");
  cr_assert(bson_iter_init(&iter, &list) && bson_iter_find_descendant(&iter, "0.coll", &found_coll));
  cr_assert_str_eq(bson_iter_utf8(&found_coll, NULL), "gone");
  places_clear(&places);
  places_clear(&back);
  bson_destroy(&list);
}

Test(places, only_what_changed_is_reported_and_each_once)
{
  struct places places = {0};
  bson_t list = BSON_INITIALIZER;
  for (int i = 0; i < 1000; i++) {
    char name[24];
    snprintf(name, sizeof name, "c%d", i);
    places_add(&places, "db", name);
  }
  cr_assert_eq(put_all(&places, &list), 1000);
  cr_assert_eq(put_all(&places, &list), 0);
  places_set_uuid(&places, places_find(&places, "db", "c7"), first);
  places_set_uuid(&places, places_find(&places, "db", "c8"), first);
  cr_assert_eq(put_all(&places, &list), 2, "c8 has it now, and c7 does not");
  places_rename(&places, places_find(&places, "db", "c8"), "db", "c9");
  cr_assert_eq(put_all(&places, &list), 2, "the old name and the new one");
  places_remove(&places, places_find(&places, "db", "c9"));
  cr_assert_eq(put_all(&places, &list), 1);
  places_clear(&places);
  bson_destroy(&list);
}

/* Would take minutes if anything looked at them all. */
Test(places, two_hundred_thousand)
{
  struct places places = {0};
  uint8_t uuid[16] = {0};
  bson_t item = BSON_INITIALIZER;
  uint32_t put = 0;
  for (uint32_t i = 0; i < 200000; i++) {
    char name[24];
    snprintf(name, sizeof name, "c%u", i);
    memcpy(uuid, &i, sizeof i);
    places_set_uuid(&places, places_add(&places, "db", name), uuid);
  }
  for (; places_put_changed(&places, &item); put++) {
    bson_reinit(&item);
  }
  cr_assert_eq(put, 200000);
  cr_assert_eq(places_find_uuid(&places, uuid), places_find(&places, "db", "c199999"));
  places_clear(&places);
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
Test(places, an_entry_of_a_replaced_collection_does_not_reach_its_successor)
{
  struct places places = {0};
  struct ddl ddl = {.places = &places, .lenient = true};
  struct place *place = places_add(&places, "db", "c");
  struct entry of_first = write_to("c", first, 10);
  struct entry of_second = write_to("c", second, 10);
  struct entry unnamed = write_to("c", NULL, 10);
  cr_assert_eq(ddl_place(&ddl, &of_first), place, "no UUID is known: the name tells");
  places_set_uuid(&places, place, second);
  cr_assert(ddl_is_gone(&ddl, &of_first), "copied as another one");
  cr_assert_eq(ddl_place(&ddl, &of_second), place);
  cr_assert_eq(ddl_place(&ddl, &unnamed), place, "a server without UUIDs");
  place->since = 11;
  cr_assert(ddl_is_gone(&ddl, &of_first), "before the replay gave the name");
  cr_assert(ddl_is_gone(&ddl, &unnamed));
  place->since = 9;
  cr_assert_eq(ddl_place(&ddl, &of_first), place, "after it, whatever the server does with UUIDs");
  ddl.lenient = false;
  place->since = 11;
  cr_assert_eq(ddl_place(&ddl, &unnamed), place, "strict: the order of entries is the truth");
  places_clear(&places);
}

Test(places, what_the_target_may_have_expired_is_known_after_a_restart)
{
  struct places places = {0};
  struct places back = {0};
  bson_t list = BSON_INITIALIZER;
  const uint64_t slept = (uint64_t)1000 << 32;
  places_add(&places, "db", "never");
  places_add(&places, "db", "awake")->expired = PLACE_AWAKE;
  places_add(&places, "db", "slept")->expired = slept;
  put_all(&places, &list);
  places_add(&back, "db", "never");
  places_add(&back, "db", "awake");
  places_add(&back, "db", "slept");
  places_get(&back, &list);
  cr_assert_not(place_may_have_expired(places_find(&back, "db", "never"), 1));
  cr_assert(place_may_have_expired(places_find(&back, "db", "awake"), UINT64_MAX));
  const struct place *place = places_rename(&back, places_find(&back, "db", "slept"), "db", "renamed");
  cr_assert(place_may_have_expired(place, slept + ((uint64_t)3600 << 32)), "a monitor may be late");
  cr_assert_not(place_may_have_expired(place, slept + ((uint64_t)3600 << 32) + 1));
  places_clear(&places);
  places_clear(&back);
  bson_destroy(&list);
}

Test(places, names_that_begin_alike_and_are_too_long_are_not_one)
{
  struct places places = {0};
  char name[2000];
  memset(name, 'x', sizeof name);
  name[sizeof name - 1] = 0;
  cr_assert_null(places_find(&places, "d", name));
  places_add(&places, "d", "x");
  cr_assert_null(places_find(&places, "d", name));
  name[600] = 0;
  struct place *place = places_add(&places, "d", name);
  name[599] = 0;
  cr_assert_neq(places_find(&places, "d", name), place);
  places_clear(&places);
}
