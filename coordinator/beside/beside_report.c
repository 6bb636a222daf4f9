#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/beside/beside.h"
#include "coordinator/verify/report.h"

static void
put_digests(const struct results_item *item, bson_t *document)
{
  static const char *const names[] = {"source", "target"};
  bson_t digests;
  char text[DIGEST_TEXT_SIZE];
  BSON_APPEND_DOCUMENT_BEGIN(document, "digest", &digests);
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    digest_text(&item->sides[side].digest, text);
    bson_append_utf8(&digests, names[side], -1, text, -1);
  }
  bson_append_document_end(document, &digests);
}

/* The first ones: of the store, or of the comparison of the whole collection. */
static bool
put_differences(struct beside *beside, const struct verify_namespace *of, bson_t *document, struct error *error)
{
  struct store_batch batch = {.most_ids = RESULTS_LISTED, .most_bytes = 1 << 20};
  if (of->whole) {
    report_put_documents(&beside->results.items[of->in_plan].list, true, "documents", document);
    return true;
  }
  bson_t *cursor = BCON_NEW("collection", BCON_INT64(of->number));
  bool ok = store_next(&beside->store, STORE_DIFFERENCES, cursor, &batch, error);
  if (ok && batch.count > 0 && batch.collection == of->number) {
    report_put_documents(batch.documents, false, "documents", document);
  }
  bson_destroy(cursor);
  store_batch_clear(&batch);
  return ok;
}

static bool
count_of(struct beside *beside, enum store_set set, const struct verify_namespace *found, int64_t *count,
         struct error *error)
{
  uint64_t stored = 0;
  bool ok = store_count_of(&beside->store, set, found->number, &stored, error);
  *count = (int64_t)stored;
  return ok;
}

/*
 * One namespace. The digests are those of what was read. They are left out when it was written to since: then they are
 * of no one moment.
 */
static bool
put_namespace(struct beside *beside, const struct verify_namespace *found, bson_t *document, struct error *error)
{
  const struct plan_collection *collection = &beside->plan.collections[found->in_plan];
  const struct results_item *item = &beside->results.items[found->in_plan];
  int64_t different;
  int64_t excused;
  char *ns = memory_format("%s.%s", collection->source->to_db, collection->source->to_name);
  BSON_APPEND_UTF8(document, "ns", ns);
  BSON_APPEND_UTF8(document, "sourceNs", found->ns);
  BSON_APPEND_BOOL(document, "complete", plan_is_complete(collection) && !found->written && !found->found);
  BSON_APPEND_INT64(document, "documentsCompared", item->sides[SOURCE_SIDE].documents);
  BSON_APPEND_INT64(document, "bytesCompared", item->sides[SOURCE_SIDE].bytes);
  BSON_APPEND_INT64(document, "writtenSince", found->writes);
  free(ns);
  if (!count_of(beside, STORE_DIFFERENCES, found, &different, error) ||
      !count_of(beside, STORE_EXCUSED, found, &excused, error)) {
    return false;
  }
  if (found->writes == 0 && plan_is_complete(collection)) {
    put_digests(item, document);
  }
  BSON_APPEND_INT64(document, "different", different + results_item_differences(item));
  BSON_APPEND_INT64(document, "excused", excused);
  return put_differences(beside, found, document, error);
}

static bool
put_namespaces(struct beside *beside, bson_t *document, struct error *error)
{
  bson_t list = BSON_INITIALIZER;
  uint32_t count = 0;
  bool ok = store_sync(&beside->store, error);
  for (const struct verify_namespace *found = beside->namespaces.by_ns; ok && found; found = found->hh.next) {
    bson_t item = BSON_INITIALIZER;
    if (found->planned && !beside->plan.collections[found->in_plan].source->view) {
      ok = put_namespace(beside, found, &item, error);
      message_put_item(&list, count++, &item);
    }
    bson_destroy(&item);
  }
  BSON_APPEND_ARRAY(document, "namespaces", &list);
  bson_destroy(&list);
  return ok;
}

void
beside_report(struct beside *beside, bson_t *document)
{
  struct error error;
  const struct verify_view *view = &beside->view;
  bson_init(document);
  BSON_APPEND_BOOL(document, "asked", beside->wanted);
  BSON_APPEND_BOOL(document, "done", beside->wanted && view->through);
  if (!beside->wanted) {
    return;
  }
  BSON_APPEND_UTF8(document, "state", verify_state_text(view->state));
  if (view->error) {
    BSON_APPEND_UTF8(document, "errorMessage", view->error);
  }
  if (beside->due.reached) {
    message_put_timestamp(document, "upTo", beside->due.reached);
  }
  BSON_APPEND_INT64(document, "documents", view->documents);
  BSON_APPEND_INT64(document, "bytes", view->bytes);
  BSON_APPEND_INT64(document, "comparedAgain", view->compared_again);
  BSON_APPEND_INT64(document, "left", view->left);
  BSON_APPEND_INT64(document, "different", view->different);
  BSON_APPEND_INT64(document, "excused", view->excused);
  BSON_APPEND_INT64(document, "repaired", view->repaired);
  if (view->state != VERIFY_FAILED && beside->opened && !put_namespaces(beside, document, &error)) {
    BSON_APPEND_UTF8(document, "errorMessage", error.text);
  }
}
