#include "coordinator/verify/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ipc/message.h"

static int
compare_names(const void *left, const void *right)
{
  const struct collection *a = (*(const struct plan_collection *const *)left)->source;
  const struct collection *b = (*(const struct plan_collection *const *)right)->source;
  int db = strcmp(a->db, b->db);
  return db ? db : strcmp(a->name, b->name);
}

static void
init_item(struct results_item *item)
{
  *item = (struct results_item){.listed = 0};
  bson_init(&item->list);
  bson_init(&item->excused_list);
}

static void
clear_item(struct results_item *item)
{
  bson_destroy(&item->list);
  bson_destroy(&item->excused_list);
}

void
results_init(struct results *results, const struct plan *plan)
{
  *results = (struct results){.plan = plan, .count = plan->collection_count};
  results->items = memory_new((results->count + 1) * sizeof *results->items);
  results->by_name = memory_new((results->count + 1) * sizeof(struct plan_collection *));
  for (size_t i = 0; i < results->count; i++) {
    init_item(&results->items[i]);
    results->by_name[i] = &plan->collections[i];
  }
  qsort(results->by_name, results->count, sizeof(struct plan_collection *), compare_names);
  bson_init(&results->definitions);
  bson_init(&results->notes);
}

void
results_clear(struct results *results)
{
  if (!results->plan) {
    return;
  }
  for (size_t i = 0; i < results->count; i++) {
    clear_item(&results->items[i]);
  }
  free(results->items);
  free(results->by_name);
  bson_destroy(&results->definitions);
  bson_destroy(&results->notes);
}

static void
add_side(struct documents_side *side, const bson_t *done, const char *documents, const char *bytes, const char *digest)
{
  struct digest more = digest_get(done, digest);
  side->documents += message_number(done, documents, 0);
  side->bytes += message_number(done, bytes, 0);
  digest_add(&side->digest, &more);
}

/* Appends up to `most` of the documents in the message's array. */
static void
add_list(bson_t *to, uint32_t *count, const bson_t *message, const char *name, uint32_t most)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  if (!message_document(message, name, &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); *count < most && bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      message_put_item(to, (*count)++, &item);
    }
  }
}

static void
take_times(struct results *results, int side, uint64_t from, uint64_t to)
{
  if (from && (!results->from[side] || from < results->from[side])) {
    results->from[side] = from;
  }
  results->to[side] = to > results->to[side] ? to : results->to[side];
}

void
results_forget_documents(struct results *results, size_t collection)
{
  struct results_item *item = &results->items[collection];
  int64_t repaired = item->repaired;
  bson_destroy(&item->list);
  bson_destroy(&item->excused_list);
  memset(item, 0, sizeof *item);
  bson_init(&item->list);
  bson_init(&item->excused_list);
  item->repaired = repaired;
}

void
results_take_range(struct results *results, size_t collection, const bson_t *done)
{
  struct results_item *item = &results->items[collection];
  add_side(&item->sides[SOURCE_SIDE], done, "documents", "bytes", "source_digest");
  add_side(&item->sides[TARGET_SIDE], done, "target_documents", "target_bytes", "target_digest");
  bson_t counts;
  struct error absent;
  for (int kind = 0; message_document(done, "kinds", &counts, &absent) && kind < DIFFERENCE_KINDS; kind++) {
    item->kinds[kind] += message_number(&counts, difference_name((enum difference_kind)kind), 0);
  }
  for (int excuse = 0; message_document(done, "excused", &counts, &absent) && excuse < DOCUMENTS_EXCUSES; excuse++) {
    item->excused[excuse] += message_number(&counts, documents_excuse_name((enum documents_excuse)excuse), 0);
  }
  item->settled += message_number(done, "settled", 0);
  item->repaired += message_number(done, "repaired", 0);
  item->order_unknown = item->order_unknown || message_flag(done, "order_unknown");
  add_list(&item->list, &item->listed, done, "differences", RESULTS_LISTED);
  add_list(&item->excused_list, &item->excused_listed, done, "excused_documents", RESULTS_LISTED);
  take_times(results, SOURCE_SIDE, message_timestamp(done, "source_from"), message_timestamp(done, "source_to"));
  take_times(results, TARGET_SIDE, message_timestamp(done, "target_from"), message_timestamp(done, "target_to"));
}

void
results_take_unread(struct results *results, size_t collection, const char *why)
{
  struct results_item *item = &results->items[collection];
  snprintf(item->unread, sizeof item->unread, "%s", why);
}

void
results_forget_ranges(struct results *results, size_t collection)
{
  struct results_item *item = &results->items[collection];
  clear_item(item);
  init_item(item);
}

void
results_take_definitions(struct results *results, const bson_t *compared)
{
  add_list(&results->definitions, &results->namespaces, compared, "namespaces", UINT32_MAX);
}

void
results_take_compared(struct results *results, const bson_t *done)
{
  bson_t notes;
  struct error absent;
  if (message_document(done, "notes", &notes, &absent)) {
    bson_destroy(&results->notes);
    bson_copy_to(&notes, &results->notes);
  }
}

void
results_forget_definitions(struct results *results)
{
  bson_reinit(&results->definitions);
  results->namespaces = 0;
}

int64_t
results_item_differences(const struct results_item *item)
{
  int64_t differences = 0;
  for (int kind = 0; kind < DIFFERENCE_KINDS; kind++) {
    differences += item->kinds[kind];
  }
  return differences;
}

int64_t
results_differences(const struct results *results)
{
  int64_t differences = 0;
  for (size_t i = 0; i < results->count; i++) {
    differences += results_item_differences(&results->items[i]);
  }
  return differences;
}

const struct results_item *
results_of(const struct results *results, const char *db, const char *coll)
{
  struct collection named = {.db = (char *)db, .name = (char *)coll};
  struct plan_collection wanted = {.source = &named};
  const struct plan_collection *key = &wanted;
  const struct plan_collection **found =
    bsearch(&key, results->by_name, results->count, sizeof(struct plan_collection *), compare_names);
  return found && (*found)->copies > 0 ? &results->items[*found - results->plan->collections] : NULL;
}
