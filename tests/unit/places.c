#include "applier/places.h"

#include <criterion/criterion.h>

#include "applier/ddl.h"

static const uint8_t first[16] = {1};
static const uint8_t second[16] = {2};

Test(places, come_back_from_the_bookmark_file_where_they_still_are)
{
  struct places places = {0};
  struct places back = {0};
  bson_t list = BSON_INITIALIZER;
  struct place *kept = places_add(&places, "db", "kept.with.dots");
  places_set_uuid(&places, kept, first);
  kept->since = (uint64_t)7 << 32 | 3;
  kept->start = (uint64_t)9 << 32;
  places_set_uuid(&places, places_add(&places, "db", "gone"), second);
  places_put(&places, &list);
  places_add(&back, "db", "kept.with.dots");
  places_get(&back, &list);
  struct place *found = places_find_uuid(&back, first);
  cr_assert_not_null(found);
  cr_assert_str_eq(found->ns, "db.kept.with.dots");
  cr_assert_eq(found->since, kept->since);
  cr_assert_eq(found->start, kept->start);
  cr_assert_null(places_find_uuid(&back, second));
  places_clear(&places);
  places_clear(&back);
  bson_destroy(&list);
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
