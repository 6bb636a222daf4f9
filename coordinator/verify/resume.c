#include "coordinator/verify/resume.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "ipc/message.h"

#define LIST_COLLECTIONS "collections"
#define LIST_DONE "done"

struct resume_collection {
  UT_hash_handle hh;
  char *ns; /* the key: "db.coll" on the source */
  uint64_t number;
  bson_t *document;
};

static struct resume_collection *
find(const struct resume *resume, const struct collection *collection)
{
  struct resume_collection *found = NULL;
  bson_iter_t uuid;
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  HASH_FIND_STR(resume->kept, ns, found);
  free(ns);
  if (!found) {
    return NULL;
  }
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  bool has = bson_iter_init_find(&uuid, found->document, "uuid") && BSON_ITER_HOLDS_BINARY(&uuid);
  if (has) {
    bson_iter_binary(&uuid, &subtype, &size, &bytes);
  }
  bool same = has == collection->has_uuid &&
              (!has || (size == sizeof collection->uuid && memcmp(bytes, collection->uuid, size) == 0));
  return same ? found : NULL; /* else another collection has the name now */
}

static bool
take_collection(void *context, uint64_t number, const bson_t *document, struct error *error)
{
  struct resume *resume = context;
  struct resume_collection *item = memory_new(sizeof *item);
  struct resume_collection *before = NULL;
  (void)error;
  item->ns = memory_format("%s.%s", message_text_or_none(document, "db"), message_text_or_none(document, "coll"));
  item->number = number;
  item->document = bson_copy(document);
  HASH_REPLACE(hh, resume->kept, ns[0], strlen(item->ns), item, before); /* the newer one has the name */
  if (before) {
    bson_destroy(before->document);
    free(before->ns);
    free(before);
  }
  resume->next_number = number + 1;
  return true;
}

bool
resume_open(struct resume *resume, const char *folder, struct error *error)
{
  if (!store_open(&resume->store, folder, error)) {
    return false;
  }
  resume->folder = memory_string(folder);
  return store_items(&resume->store, LIST_COLLECTIONS, take_collection, resume, error);
}

bool
resume_points(const struct resume *resume, const struct collection *collection, struct split_points *points)
{
  const struct resume_collection *item = find(resume, collection);
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  if (!item || !message_document(item->document, "points", &list, &absent)) {
    return false;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t point;
    bson_iter_t id;
    if (message_item(&iter, &point) && bson_iter_init_find(&id, &point, "_id")) {
      split_add(points, &id);
    }
  }
  points->method = "an earlier run";
  return true;
}

static const char *
name_of(const struct server_hello *hello)
{
  return hello->set_name[0] ? hello->set_name : hello->mongos ? "a mongos" : hello->primary;
}

static void
make_shape(const struct pairs *pairs, bson_t *shape)
{
  const struct options *options = pairs->options;
  options_shape(options, pairs->selection, shape);
  BSON_APPEND_BOOL(shape, "showValues", options->show_values);
  BSON_APPEND_UTF8(shape, "bookmarkFile", options->bookmark_file ? options->bookmark_file : "");
  BSON_APPEND_UTF8(shape, "host", name_of(&pairs->hellos[SOURCE_SIDE]));
  BSON_APPEND_UTF8(shape, "destination", name_of(&pairs->hellos[TARGET_SIDE]));
}

static bool
check_shape(const struct resume *resume, const bson_t *shape, const bson_t *kept, struct error *error)
{
  const char *other = options_shape_other(shape, kept);
  return !other ||
         error_set(
           error, ERROR_STATE,
           "--%s differs from the one that the verification in the folder '%s' began with; give the same, or remove "
           "the folder to start over",
           other, resume->folder);
}

/* 1: the folder is of the same verification; 0: it is new; -1 on error. */
static int
look(const struct resume *resume, const bson_t *shape, int64_t *began_unix_ms, struct error *error)
{
  bson_t kept;
  bson_t begun;
  int got = store_get((struct store *)&resume->store, "shape", &kept, error);
  if (got != 1) {
    return got;
  }
  bool same = check_shape(resume, shape, &kept, error);
  bson_destroy(&kept);
  got = same ? store_get((struct store *)&resume->store, "begun", &begun, error) : -1;
  if (got == 1) {
    *began_unix_ms = message_number(&begun, "at", *began_unix_ms);
    bson_destroy(&begun);
  }
  return got < 0 ? -1 : 1;
}

static bool
put_begin(struct resume *resume, const bson_t *shape, int64_t began_unix_ms, struct error *error)
{
  bson_t *begun = BCON_NEW("at", BCON_INT64(began_unix_ms));
  bool ok = store_put(&resume->store, "begun", begun, error) && store_put(&resume->store, "shape", shape, error);
  bson_destroy(begun);
  return ok;
}

static bool
put_collection(struct resume *resume, const struct plan_collection *planned, uint64_t number, struct error *error)
{
  const struct collection *source = planned->source;
  bson_t document = BSON_INITIALIZER;
  bson_t list = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&document, "db", source->db);
  BSON_APPEND_UTF8(&document, "coll", source->name);
  if (source->has_uuid) {
    BSON_APPEND_BINARY(&document, "uuid", BSON_SUBTYPE_UUID, source->uuid, sizeof source->uuid);
  }
  for (size_t i = 0; i < planned->points.count; i++) {
    message_put_item(&list, (uint32_t)i, planned->points.points[i]);
  }
  BSON_APPEND_ARRAY(&document, "points", &list);
  bool ok = store_put_item(&resume->store, LIST_COLLECTIONS, number, &document, error);
  bson_destroy(&list);
  bson_destroy(&document);
  return ok;
}

/* Each collection gets its number; those that are not known yet are kept. */
static bool
number_all(struct resume *resume, const struct plan *plan, struct error *error)
{
  bool ok = true;
  resume->numbers = memory_new((plan->collection_count + 1) * sizeof *resume->numbers);
  for (size_t i = 0; ok && i < plan->collection_count; i++) {
    const struct resume_collection *item = find(resume, plan->collections[i].source);
    resume->numbers[i] = item ? item->number : resume->next_number++;
    ok = item || put_collection(resume, &plan->collections[i], resume->numbers[i], error);
  }
  return ok;
}

static uint64_t
key_of(const struct resume *resume, const struct plan *plan, int64_t number)
{
  const struct plan_task *task = &plan->tasks[number];
  return resume->numbers[task->collection] << 32 | ((uint64_t)number - plan->collections[task->collection].first_task);
}

static bool
take_done(struct resume *resume, struct plan *plan, struct results *results, struct error *error)
{
  for (size_t i = 0; i < plan->task_count; i++) {
    bson_t done;
    struct plan_task *task = &plan->tasks[i];
    int got = store_get_item(&resume->store, LIST_DONE, key_of(resume, plan, (int64_t)i), &done, error);
    if (got < 0) {
      return false;
    }
    if (got == 1) {
      task->documents = message_number(&done, "documents", 0);
      task->bytes = message_number(&done, "bytes", 0);
      results_take_range(results, task->collection, &done);
      plan_task_was_done(plan, (int64_t)i);
      resume->done++;
      bson_destroy(&done);
    }
  }
  return true;
}

bool
resume_begin(struct resume *resume, const struct pairs *pairs, struct plan *plan, struct results *results,
             int64_t *began_unix_ms, struct error *error)
{
  bson_t shape;
  if (!resume->folder) {
    return true;
  }
  make_shape(pairs, &shape);
  int known = look(resume, &shape, began_unix_ms, error);
  resume->whole = known != 0; /* also what is refused here is kept */
  bool ok = known >= 0 && (known == 1 || put_begin(resume, &shape, *began_unix_ms, error)) &&
            number_all(resume, plan, error) && store_sync(&resume->store, error);
  bson_destroy(&shape);
  resume->whole = resume->whole || ok;
  if (!ok || !take_done(resume, plan, results, error)) {
    return false;
  }
  if (known == 1) {
    log_info("going on ranges=%zu/%zu folder=%s", resume->done, plan->task_count, log_value("%s", resume->folder));
  }
  return true;
}

bool
resume_keep(struct resume *resume, const struct plan *plan, int64_t task, const bson_t *done, struct error *error)
{
  if (!resume->folder) {
    return true;
  }
  fault_point("verify-range");
  resume->changed = true;
  return store_put_item(&resume->store, LIST_DONE, key_of(resume, plan, task), done, error);
}

bool
resume_sync(struct resume *resume, struct error *error)
{
  if (!resume->changed) {
    return true;
  }
  resume->changed = false;
  bool ok = store_sync(&resume->store, error);
  fault_point("verify-kept");
  return ok;
}

bool
resume_remove(struct resume *resume, struct error *error)
{
  if (!resume->folder) {
    return true;
  }
  fault_point("verify-reported");
  resume->whole = false;
  store_close(&resume->store);
  return store_remove(resume->folder, error);
}

void
resume_close(struct resume *resume)
{
  struct resume_collection *item;
  struct resume_collection *next;
  struct error ignored;
  store_close(&resume->store);
  if (resume->folder && !resume->whole) {
    store_remove(resume->folder, &ignored);
  }
  HASH_ITER (hh, resume->kept, item, next) {
    HASH_DEL(resume->kept, item); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    bson_destroy(item->document);
    free(item->ns);
    free(item);
  }
  free(resume->numbers);
  free(resume->folder);
}
