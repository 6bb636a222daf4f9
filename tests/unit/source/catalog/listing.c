#include "source/catalog/listing.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"

/*
 * A source in a few lines: names of one database, each free, a collection's (its UUID's first byte) or a view's, and
 * what its oplog says of each change.
 */
#define NAMES 5
#define STEPS 24
#define VIEW 255
#define SEEDS 4000

struct model {
  uint32_t random;
  uint8_t owners[STEPS + 1][NAMES]; /* after so many changes; 0: free */
  bool views;
  bool drops_views[STEPS];
  uint8_t next;
  int count;
  bson_t *entries[STEPS];
};

static uint32_t
draw(struct model *model, uint32_t below)
{
  model->random = model->random * 1664525 + 1013904223;
  return (model->random >> 8) % below;
}

static const char *
name_of(int number)
{
  static const char *const names[NAMES] = {"c", "d", "tmp", "other", "old"};
  return names[number];
}

static bson_t *
entry_of(int change, const char *op, const char *coll, uint8_t uuid)
{
  uint8_t bytes[16] = {uuid};
  char *ns = memory_format("db.%s", coll);
  bson_t *entry = BCON_NEW("ts", BCON_TIMESTAMP(100, (uint32_t)change + 1), "op", BCON_UTF8(op), "ns", BCON_UTF8(ns));
  if (uuid) {
    BSON_APPEND_BINARY(entry, "ui", BSON_SUBTYPE_UUID, bytes, 16);
  }
  free(ns);
  return entry;
}

static void
command(struct model *model, const char *verb, int name, uint8_t uuid)
{
  bson_t *entry = entry_of(model->count, "c", "$cmd", uuid);
  bson_t *o = BCON_NEW(verb, BCON_UTF8(name_of(name)));
  BSON_APPEND_DOCUMENT(entry, "o", o);
  bson_destroy(o);
  model->entries[model->count] = entry;
}

static void
move(struct model *model, int from, int to, uint8_t uuid, uint8_t replaced)
{
  uint8_t bytes[16] = {replaced};
  char *old_name = memory_format("db.%s", name_of(from));
  char *new_name = memory_format("db.%s", name_of(to));
  bson_t *entry = entry_of(model->count, "c", "$cmd", uuid);
  bson_t *o = BCON_NEW("renameCollection", BCON_UTF8(old_name), "to", BCON_UTF8(new_name));
  if (replaced) {
    BSON_APPEND_BINARY(o, "dropTarget", BSON_SUBTYPE_UUID, bytes, 16);
  }
  BSON_APPEND_DOCUMENT(entry, "o", o);
  bson_destroy(o);
  free(old_name);
  free(new_name);
  model->entries[model->count] = entry;
}

static void
write_view(struct model *model, const char *op, int name)
{
  char *id = memory_format("db.%s", name_of(name));
  bson_t *entry = entry_of(model->count, op, "system.views", 77);
  bson_t *o = BCON_NEW("_id", BCON_UTF8(id), "viewOn", BCON_UTF8("x"));
  BSON_APPEND_DOCUMENT(entry, "o", o);
  bson_destroy(o);
  free(id);
  model->entries[model->count] = entry;
}

static void
drop_all_views(struct model *model, uint8_t *owners)
{
  bson_t *entry = entry_of(model->count, "c", "$cmd", 77);
  bson_t *o = BCON_NEW("drop", BCON_UTF8("system.views"));
  BSON_APPEND_DOCUMENT(entry, "o", o);
  bson_destroy(o);
  model->entries[model->count] = entry;
  model->drops_views[model->count] = true;
  for (int i = 0; i < NAMES; i++) {
    owners[i] = owners[i] == VIEW ? 0 : owners[i];
  }
}

/* One that a server would do: false if what was drawn cannot be. */
static bool
step(struct model *model)
{
  uint8_t *owners = model->owners[model->count + 1];
  int a = (int)draw(model, NAMES);
  int b = (int)draw(model, NAMES);
  memcpy(owners, model->owners[model->count], NAMES);
  switch (draw(model, model->views ? 9 : 6)) {
  case 0:
  case 1:
    if (owners[a]) {
      return false;
    }
    owners[a] = model->next++;
    command(model, "create", a, owners[a]);
    return true;
  case 2:
    if (!owners[a] || owners[a] == VIEW) {
      return false;
    }
    command(model, "drop", a, owners[a]);
    owners[a] = 0;
    return true;
  case 3:
  case 4:
  case 5:
    if (a == b || !owners[a] || owners[a] == VIEW || owners[b] == VIEW) {
      return false;
    }
    move(model, a, b, owners[a], owners[b]);
    owners[b] = owners[a];
    owners[a] = 0;
    return true;
  case 6:
    if (owners[a]) {
      return false;
    }
    owners[a] = VIEW;
    write_view(model, "i", a);
    return true;
  case 7:
    if (owners[a] != VIEW) {
      return false;
    }
    owners[a] = 0;
    write_view(model, "d", a);
    return true;
  default:
    if (draw(model, 4)) {
      return false;
    }
    drop_all_views(model, owners);
    return true;
  }
}

static void
run(struct model *model, uint32_t seed)
{
  memset(model, 0, sizeof *model);
  model->random = seed;
  model->views = seed % 2;
  model->next = 1;
  for (int i = 0; i < NAMES; i++) { /* of before T0 */
    model->owners[0][i] = draw(model, 2) ? model->next++ : model->views && draw(model, 3) == 0 ? VIEW : 0;
  }
  for (int tries = 0; model->count < STEPS && tries < 200; tries++) {
    model->count += step(model);
  }
}

static void
clear(struct model *model)
{
  for (int i = 0; i < model->count; i++) {
    bson_destroy(model->entries[i]);
  }
}

static void
list(struct catalog *catalog, const uint8_t *owners, int first, int last)
{
  for (int i = first; i < last; i++) {
    if (!owners[i]) {
      continue;
    }
    catalog->collections =
      memory_grow(catalog->collections, catalog->count, &catalog->capacity, sizeof *catalog->collections);
    struct collection *made = &catalog->collections[catalog->count++];
    *made = (struct collection){.db = memory_string("db"), .name = memory_string(name_of(i)), .options = bson_new()};
    made->indexes = bson_new();
    made->view = owners[i] == VIEW;
    made->has_uuid = !made->view;
    made->uuid[0] = owners[i];
  }
}

/* The changes up to which the list goes, by listing_judge; -1: it fits nowhere. */
static int
judge(const struct model *model, const struct catalog *catalog)
{
  struct listing *listing = listing_new();
  bson_t listed = BSON_INITIALIZER;
  bson_iter_t iter;
  bson_iter_t found;
  for (int i = 0; i < model->count; i++) {
    listing_note(listing, model->entries[i]);
  }
  int at = listing_judge(listing, catalog, catalog_any, NULL, &listed) ? 0 : -1;
  if (at == 0 && bson_iter_init(&iter, &listed) && bson_iter_find_descendant(&iter, "0.ts", &found)) {
    uint32_t seconds;
    uint32_t increment;
    bson_iter_timestamp(&found, &seconds, &increment);
    at = (int)increment;
  }
  bson_destroy(&listed);
  listing_free(listing);
  return at;
}

/*
 * Of views, the drop of all views tells nothing of the time before it. Where it lies between the place found and the
 * true one it is repeated, with what made views after it: which does no harm.
 */
static void
assert_same(const struct model *model, int at, int moment, uint32_t seed)
{
  bool dropped = false;
  for (int i = at; i < moment; i++) {
    dropped = dropped || model->drops_views[i];
  }
  for (int i = 0; i < NAMES; i++) {
    uint8_t found = model->owners[at][i];
    uint8_t truly = model->owners[moment][i];
    bool of_view = dropped && (found == VIEW || found == 0) && (truly == VIEW || truly == 0);
    cr_assert(of_view || found == truly, "seed %u: %s at %d, truly %d", seed, name_of(i), at, moment);
  }
}

/*
 * Whatever happened before the list was made and after it, the names at the place that is found are those of the list.
 */
Test(listing, a_list_of_any_moment_is_found_in_the_oplog)
{
  for (uint32_t seed = 0; seed < SEEDS; seed++) {
    struct model model;
    struct catalog catalog = {0};
    run(&model, seed);
    int moment = (int)draw(&model, (uint32_t)model.count + 1);
    list(&catalog, model.owners[moment], 0, NAMES);
    int at = judge(&model, &catalog);
    cr_assert(at >= 0 && at <= moment, "seed %u: at %d of %d", seed, at, moment);
    assert_same(&model, at, moment, seed);
    catalog_clear(&catalog);
    clear(&model);
  }
}

/* One that was read while names changed: what it says was true at some moment, or it is read again. */
Test(listing, a_list_that_was_never_true_is_read_again)
{
  int torn = 0;
  for (uint32_t seed = 0; seed < SEEDS; seed++) {
    struct model model;
    struct catalog catalog = {0};
    run(&model, seed * 2); /* a view's entry tells less */
    int first = (int)draw(&model, (uint32_t)model.count + 1);
    int later = first + (int)draw(&model, (uint32_t)(model.count - first) + 1);
    int cut = (int)draw(&model, NAMES);
    list(&catalog, model.owners[first], 0, cut);
    list(&catalog, model.owners[later], cut, NAMES);
    int at = judge(&model, &catalog);
    bool same = at >= 0 && memcmp(model.owners[at], model.owners[first], (size_t)cut) == 0 &&
                memcmp(model.owners[at] + cut, model.owners[later] + cut, (size_t)(NAMES - cut)) == 0;
    cr_assert(same || at < 0, "seed %u: at %d, read at %d and %d", seed, at, first, later);
    torn += at < 0;
    catalog_clear(&catalog);
    clear(&model);
  }
  cr_assert_gt(torn, SEEDS / 20);
}

static bool
all_but_c(const void *context, const char *db, const char *coll)
{
  (void)context;
  (void)db;
  return strcmp(coll, "c") != 0;
}

Test(listing, what_is_not_selected_is_not_missed)
{
  struct model model = {.next = 3, .owners = {{1, 2}}};
  struct catalog catalog = {0};
  bson_t listed = BSON_INITIALIZER;
  struct listing *listing = listing_new();
  move(&model, 0, 3, 1, 0); /* c becomes other, which is selected */
  listing_note(listing, model.entries[model.count++]);
  move(&model, 1, 0, 2, 0); /* d becomes c */
  listing_note(listing, model.entries[model.count++]);
  list(&catalog, (const uint8_t[NAMES]){0, 0, 0, 1, 0}, 0, NAMES);
  cr_assert(listing_judge(listing, &catalog, all_but_c, NULL, &listed));
  cr_assert_eq(bson_count_keys(&listed), 1);
  bson_destroy(&listed);
  listing_free(listing);
  catalog_clear(&catalog);
  clear(&model);
}

/* FCV 3.4 on 3.6: the replay decides by names, as it does for older servers. */
Test(listing, changes_without_uuids_are_not_judged)
{
  struct model model = {.next = 2, .owners = {{1}}};
  struct catalog catalog = {0};
  bson_t listed = BSON_INITIALIZER;
  struct listing *listing = listing_new();
  move(&model, 0, 1, 0, 0);
  listing_note(listing, model.entries[model.count++]);
  list(&catalog, (const uint8_t[NAMES]){1}, 0, NAMES);
  cr_assert(listing_judge(listing, &catalog, catalog_any, NULL, &listed));
  cr_assert(bson_empty(&listed));
  bson_destroy(&listed);
  listing_free(listing);
  catalog_clear(&catalog);
  clear(&model);
}

/* A transaction makes collections from 4.4 on: all at once. */
Test(listing, creations_of_a_transaction)
{
  uint8_t first[16] = {1};
  uint8_t second[16] = {2};
  struct catalog catalog = {0};
  bson_t listed = BSON_INITIALIZER;
  struct listing *listing = listing_new();
  bson_t *entry =
    BCON_NEW("ts", BCON_TIMESTAMP(100, 1), "op", BCON_UTF8("c"), "ns", BCON_UTF8("admin.$cmd"), "o", "{", "applyOps",
             "[", "{", "op", BCON_UTF8("c"), "ns", BCON_UTF8("db.$cmd"), "ui", BCON_BIN(BSON_SUBTYPE_UUID, first, 16),
             "o", "{", "create", BCON_UTF8("c"), "}", "}", "{", "op", BCON_UTF8("i"), "ns", BCON_UTF8("db.c"), "o", "{",
             "_id", BCON_INT32(1), "}", "}", "{", "op", BCON_UTF8("c"), "ns", BCON_UTF8("db.$cmd"), "ui",
             BCON_BIN(BSON_SUBTYPE_UUID, second, 16), "o", "{", "create", BCON_UTF8("d"), "}", "}", "]", "}");
  listing_note(listing, entry);
  list(&catalog, (const uint8_t[NAMES]){1, 2}, 0, NAMES);
  cr_assert(listing_judge(listing, &catalog, catalog_any, NULL, &listed));
  cr_assert_eq(bson_count_keys(&listed), 1);
  catalog_clear(&catalog);
  bson_reinit(&listed);
  list(&catalog, (const uint8_t[NAMES]){1}, 0, NAMES);
  cr_assert_not(listing_judge(listing, &catalog, catalog_any, NULL, &listed), "one without the other");
  bson_destroy(&listed);
  bson_destroy(entry);
  listing_free(listing);
  catalog_clear(&catalog);
}
