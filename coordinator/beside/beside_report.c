#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/beside/beside.h"
#include "coordinator/verify/report.h"

/* In a report that does not name all namespaces: so many documents are named, for each that it names. */
#define DOCUMENTS_EACH 2

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

/* The namespaces of a report. */
struct naming {
  struct beside *beside;
  bson_t list;
  uint32_t count;
  uint32_t most;
  uint64_t documents; /* that may still be named */
  bool *named;        /* by the number of a namespace */
};

/* The first ones: of the store, or of the comparison of the whole collection. */
static bool
put_differences(struct naming *naming, const struct verify_namespace *of, bson_t *document, struct error *error)
{
  struct beside *beside = naming->beside;
  uint64_t most = naming->documents < RESULTS_LISTED ? naming->documents : RESULTS_LISTED;
  struct store_batch batch = {.most_ids = (uint32_t)most, .most_bytes = 1 << 20};
  if (most == 0) {
    return true;
  }
  if (of->whole) {
    uint32_t listed = report_put_documents(&beside->results.items[of->in_plan].list, true, "documents", document);
    naming->documents -= listed < most ? listed : most;
    return true;
  }
  bson_t *cursor = BCON_NEW("collection", BCON_INT64(of->number));
  bool ok = store_next(&beside->store, STORE_DIFFERENCES, cursor, &batch, error);
  if (ok && batch.count > 0 && batch.collection == of->number) {
    naming->documents -= report_put_documents(batch.documents, false, "documents", document);
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
put_namespace(struct naming *naming, const struct verify_namespace *found, bson_t *document, struct error *error)
{
  struct beside *beside = naming->beside;
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
  return put_differences(naming, found, document, error);
}

static bool
may_name(const struct naming *naming, const struct verify_namespace *found)
{
  return found && found->planned && !naming->named[found->number] &&
         !naming->beside->plan.collections[found->in_plan].source->view;
}

static bool
name_one(struct naming *naming, const struct verify_namespace *found, struct error *error)
{
  bson_t item = BSON_INITIALIZER;
  if (!may_name(naming, found) || naming->count == naming->most) {
    return true;
  }
  bool ok = put_namespace(naming, found, &item, error);
  message_put_item(&naming->list, naming->count++, &item);
  naming->named[found->number] = true;
  bson_destroy(&item);
  return ok;
}

/* Those of which the set has documents: they stand by their numbers. */
static bool
name_those_in(struct naming *naming, enum store_set set, struct error *error)
{
  bool ok = true;
  struct store_batch batch = {.most_ids = 1, .most_bytes = 1};
  for (int64_t next = 0; ok && naming->count < naming->most;) {
    bson_t *cursor = BCON_NEW("collection", BCON_INT64(next));
    ok = store_next(&naming->beside->store, set, cursor, &batch, error);
    bson_destroy(cursor);
    if (!ok || batch.count == 0) {
      break;
    }
    next = (int64_t)batch.collection + 1;
    ok = name_one(naming, namespaces_numbered(&naming->beside->namespaces, batch.collection), error);
  }
  store_batch_clear(&batch);
  return ok;
}

static bool
name_all(struct naming *naming, bool whole_only, struct error *error)
{
  bool ok = true;
  const struct verify_namespace *found = naming->beside->namespaces.by_ns;
  for (; ok && found && naming->count < naming->most; found = found->hh.next) {
    bool wanted = !whole_only || (found->planned && found->whole &&
                                  results_item_differences(&naming->beside->results.items[found->in_plan]) > 0);
    ok = !wanted || name_one(naming, found, error);
  }
  return ok;
}

static int64_t
count_left_out(const struct naming *naming)
{
  int64_t left_out = 0;
  for (const struct verify_namespace *found = naming->beside->namespaces.by_ns; found; found = found->hh.next) {
    left_out += may_name(naming, found);
  }
  return left_out;
}

/* All of them, in the order in which they were listed; or the first ones, those that differ before the others. */
static bool
put_namespaces(struct beside *beside, uint32_t most, bson_t *document, struct error *error)
{
  struct naming naming = {.beside = beside, .list = BSON_INITIALIZER, .most = most};
  naming.named = memory_new(beside->namespaces.numbers + 1);
  naming.documents = most == UINT32_MAX ? UINT64_MAX : (uint64_t)most * DOCUMENTS_EACH;
  bool all = most >= HASH_COUNT(beside->namespaces.by_ns);
  bool ok = store_sync(&beside->store, error) &&
            (all || (name_those_in(&naming, STORE_DIFFERENCES, error) && name_all(&naming, true, error) &&
                     name_those_in(&naming, STORE_EXCUSED, error))) &&
            name_all(&naming, false, error);
  BSON_APPEND_ARRAY(document, "namespaces", &naming.list);
  int64_t left_out = count_left_out(&naming);
  if (left_out > 0) {
    BSON_APPEND_INT64(document, "namespacesLeftOut", left_out);
  }
  bson_destroy(&naming.list);
  free(naming.named);
  return ok;
}

void
beside_report(struct beside *beside, uint32_t most, bson_t *document)
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
  if (view->state != VERIFY_FAILED && beside->opened && !put_namespaces(beside, most, document, &error)) {
    BSON_APPEND_UTF8(document, "errorMessage", error.text);
  }
}
