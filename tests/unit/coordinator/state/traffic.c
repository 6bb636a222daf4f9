#include "coordinator/state/traffic.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "ipc/message.h"

static void
expect(struct checkpoint *checkpoint, const char *coll, int64_t entries)
{
  bson_t item;
  struct error error;
  cr_assert_eq(traffic_get(checkpoint, "shop", coll, &item, &error), 1);
  cr_assert_eq(message_number(&item, "entries", -1), entries);
  bson_destroy(&item);
}

static bool
count(struct checkpoint *checkpoint, const char *coll, int64_t entries)
{
  struct error error;
  bson_t *message = BCON_NEW("traffic", "[", "{", "db", BCON_UTF8("shop"), "coll", BCON_UTF8(coll), "entries",
                             BCON_INT64(entries), "}", "]");
  bool ok = checkpoint_begin(checkpoint, &error) && traffic_take(checkpoint, message, &error);
  bson_destroy(message);
  return ok;
}

Test(traffic, entries_are_added_up_and_forgotten_with_the_transaction)
{
  char path[] = "/tmp/traffic.XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  bson_t item;
  close(mkstemp(path));
  unlink(path);
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  cr_assert_eq(traffic_get(&checkpoint, "shop", "orders", &item, &error), 0);
  cr_assert(count(&checkpoint, "orders", 3));
  cr_assert(count(&checkpoint, "orders.old", 1));
  cr_assert(checkpoint_commit(&checkpoint, &error));
  cr_assert(count(&checkpoint, "orders", 4));
  checkpoint_forget(&checkpoint); /* the APPLIED never came */
  expect(&checkpoint, "orders", 3);
  cr_assert(count(&checkpoint, "orders", 4));
  cr_assert(checkpoint_commit(&checkpoint, &error));
  expect(&checkpoint, "orders", 7);
  expect(&checkpoint, "orders.old", 1);
  checkpoint_close(&checkpoint);
  unlink(path);
}
