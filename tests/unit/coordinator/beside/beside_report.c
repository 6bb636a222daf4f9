/* What a report names of many namespaces. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "coordinator/beside/beside.h"

#define NAMESPACES 300
#define MOST 50
#define EACH 10 /* differences of one that differs */

static char folder[64];
static struct beside beside;
static struct options options = {.collections_at_once = 4};
static struct error error;

static void
list(int number)
{
  char name[16];
  snprintf(name, sizeof name, "c%d", number);
  bson_t *listed =
    BCON_NEW("from_db", "d", "from_coll", BCON_UTF8(name), "db", "d", "coll", BCON_UTF8(name), "id_index",
             BCON_BOOL(true), "target", "{", "id_index", BCON_BOOL(true), "}", "points", "[", "]");
  cr_assert(namespaces_take_listed(&beside.namespaces, listed, &error), "%s", error.text);
  cr_assert(pairs_take(&beside.pairs, listed, &error), "%s", error.text);
  bson_destroy(listed);
}

static void
differ(int number, enum store_set set)
{
  for (int i = 0; i < EACH; i++) {
    bson_t *found = BCON_NEW("id", BCON_INT32(i), "kind", "value");
    bson_iter_t id;
    bson_iter_init_find(&id, found, "id");
    struct store_item item = {.set = set, .collection = (uint32_t)number, .id = &id};
    cr_assert(store_add(&beside.store, &item, found, &error), "%s", error.text);
    bson_destroy(found);
  }
}

static void
begin(void)
{
  snprintf(folder, sizeof folder, "/tmp/ferry-report-XXXXXX");
  cr_assert(mkdtemp(folder));
  beside = (struct beside){.wanted = true, .opened = true, .pairs = {.options = &options}};
  cr_assert(store_open(&beside.store, folder, &error), "%s", error.text);
  cr_assert(namespaces_init(&beside.namespaces, &beside.store, &error), "%s", error.text);
  beside.namespaces.plan = &beside.plan;
  for (int i = 0; i < NAMESPACES; i++) {
    list(i);
  }
  pairs_plan(&beside.pairs, &beside.plan);
  results_init(&beside.results, &beside.plan);
  for (size_t i = 0; i < beside.plan.collection_count; i++) {
    const struct collection *source = beside.plan.collections[i].source;
    struct verify_namespace *found = namespaces_find(&beside.namespaces, source->db, source->name);
    found->in_plan = i;
    found->planned = true;
  }
}

static void
end(void)
{
  namespaces_clear(&beside.namespaces);
  results_clear(&beside.results);
  plan_clear(&beside.plan);
  pairs_clear(&beside.pairs);
  store_close(&beside.store);
  cr_assert(store_remove(folder, &error), "%s", error.text);
}

TestSuite(beside_report, .init = begin, .fini = end);

/* How many namespaces it names, how many of these differ, and how many documents it names. */
static void
count(const bson_t *report, int counts[3])
{
  bson_t names;
  bson_iter_t iter;
  memset(counts, 0, 3 * sizeof *counts);
  cr_assert(message_document(report, "namespaces", &names, &error), "%s", error.text);
  for (bson_iter_init(&iter, &names); bson_iter_next(&iter);) {
    bson_t item;
    bson_t documents;
    cr_assert(message_item(&iter, &item));
    counts[0]++;
    counts[1] += message_number(&item, "different", 0) > 0;
    counts[2] += message_document(&item, "documents", &documents, &error) ? (int)bson_count_keys(&documents) : 0;
  }
}

Test(beside_report, names_all_for_a_cut_over)
{
  bson_t report;
  int counts[3];
  differ(200, STORE_DIFFERENCES);
  beside_report(&beside, UINT32_MAX, &report);
  count(&report, counts);
  cr_assert_eq(counts[0], NAMESPACES);
  cr_assert_eq(counts[1], 1);
  cr_assert_eq(counts[2], EACH);
  cr_assert_not(bson_has_field(&report, "namespacesLeftOut"));
  bson_destroy(&report);
}

Test(beside_report, names_those_that_differ_first_and_says_how_many_it_leaves_out)
{
  bson_t report;
  int counts[3];
  for (int i = 1; i <= 30; i++) {
    differ(i * 9, STORE_DIFFERENCES);
  }
  beside_report(&beside, MOST, &report);
  count(&report, counts);
  cr_assert_eq(counts[0], MOST);
  cr_assert_eq(counts[1], 30);
  cr_assert_eq(counts[2], 2 * MOST);
  cr_assert_eq(message_number(&report, "namespacesLeftOut", 0), NAMESPACES - MOST);
  bson_destroy(&report);
}
