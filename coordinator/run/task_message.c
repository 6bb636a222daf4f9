#include "coordinator/run/task_message.h"

#include "compare/stream.h"
#include "ipc/message.h"
#include "server/series.h"
#include "source/catalog/duplicate_ids.h"
#include "target/definition/uuid.h"

/*
 * Servers would send 16 MB at once. For buffers of that size the allocator asks the kernel for fresh pages each time, which
 * costs more than the reading (docs/performance.md). A larger answer is better where the way is long. A verification has
 * two readers in a worker.
 */
#define COPY_ANSWER_BYTES (4 << 20)
#define VERIFY_ANSWER_BYTES (1 << 20)
#define LARGE_BYTES (2 << 20)
#define SMALL_DOCUMENTS 1000
#define SMALL_BYTES (1 << 20)

/* About so many documents fit into an answer of that size; 0: not known. */
static int64_t
documents_an_answer(const struct collection *collection, int64_t bytes)
{
  int64_t size = collection->documents > 0 ? collection->bytes / collection->documents + 1 : 0;
  int64_t fit = size == 0 ? 0 : bytes / size;
  return size == 0 || fit > STREAM_FEW_DOCUMENTS ? fit
         : size > LARGE_BYTES                    ? STREAM_FEW_DOCUMENTS
                                                 : STREAM_FEW_DOCUMENTS + 1;
}

static bool
any_ttl(const struct collection *collection)
{
  bson_iter_t iter;
  bool any = false;
  for (bson_iter_init(&iter, collection->indexes); !any && bson_iter_next(&iter);) {
    bson_t spec;
    any = message_item(&iter, &spec) && bson_has_field(&spec, "expireAfterSeconds");
  }
  return any;
}

bool
task_may_create(const struct collection *collection)
{
  uint8_t uuid[16];
  return !collection->view && !series_of(collection->name) && !uuid_get(collection->options, uuid) &&
         !any_ttl(collection);
}

bool
task_is_small(const struct collection *collection)
{
  return !collection->capped && !duplicate_ids_possible(collection) && collection->documents <= SMALL_DOCUMENTS &&
         collection->bytes <= SMALL_BYTES;
}

static void
put_copy(const struct plan_collection *collection, const struct plan_task *task, bson_t *message)
{
  const struct collection *source = collection->source;
  if (task->min) {
    BSON_APPEND_DOCUMENT(message, "min", task->min);
  }
  if (task->max) {
    BSON_APPEND_DOCUMENT(message, "max", task->max);
  }
  if (source->has_uuid) {
    BSON_APPEND_BINARY(message, "uuid", BSON_SUBTYPE_UUID, source->uuid, sizeof source->uuid);
  }
  BSON_APPEND_BOOL(message, "natural", source->capped || !source->has_id_index);
  BSON_APPEND_BOOL(message, "last", task->min && !task->max);
  BSON_APPEND_BOOL(message, "capped", source->capped);
  BSON_APPEND_BOOL(message, "again", task->attempts > 0);
  BSON_APPEND_BOOL(message, "no_id_index", duplicate_ids_possible(source));
  BSON_APPEND_BOOL(message, "create", collection->create);
  if (collection->create && collection->has_index_task && task_is_small(source)) {
    BSON_APPEND_ARRAY(message, "indexes", &collection->indexes);
  }
  if (collection->create || source->capped || duplicate_ids_possible(source)) {
    BSON_APPEND_DOCUMENT(message, "options", source->options);
  }
}

/* How much the collection may hold; 0: not known. */
static int64_t
capped_bytes(const struct collection *collection)
{
  return collection->capped ? message_number(collection->options, "size", 0) : 0;
}

/* What the target has may be of another kind. What it does not have is read as on the source, and gives nothing. */
static void
put_verify(const struct plan_collection *collection, bool beside, bson_t *message)
{
  const struct collection *source = collection->source;
  const struct collection *target = collection->target ? collection->target : source;
  int64_t here = capped_bytes(source);
  int64_t there = capped_bytes(target);
  BSON_APPEND_BOOL(message, "target_natural", !collection->target || target->capped || !target->has_id_index);
  BSON_APPEND_BOOL(message, "id_index", source->has_id_index);
  BSON_APPEND_BOOL(message, "target_id_index", target->has_id_index);
  BSON_APPEND_BOOL(message, "both_capped", source->capped && target->capped);
  BSON_APPEND_INT64(message, "capped_bytes", here < there ? here : there);
  if (collection->refused) {
    BSON_APPEND_ARRAY(message, "refused", collection->refused);
  }
  BSON_APPEND_BOOL(message, "beside", beside);
}

void
task_message_put(const struct plan *plan, const struct plan_task *task, bson_t *message)
{
  const struct plan_collection *collection = &plan->collections[task->collection];
  BSON_APPEND_UTF8(message, "db", collection->source->to_db);
  BSON_APPEND_UTF8(message, "coll", collection->source->to_name);
  if (task->kind != PLAN_COPY) {
    BSON_APPEND_ARRAY(message, "indexes", &collection->indexes);
    return;
  }
  BSON_APPEND_UTF8(message, "from_db", collection->source->db);
  BSON_APPEND_UTF8(message, "from_coll", collection->source->name);
  BSON_APPEND_INT64(message, "batch",
                    documents_an_answer(collection->source, plan->verifies ? VERIFY_ANSWER_BYTES : COPY_ANSWER_BYTES));
  put_copy(collection, task, message);
  if (plan->repairs) {
    BSON_APPEND_BOOL(message, "repair", true);
  }
  if (plan->verifies) {
    put_verify(collection, plan->beside, message);
  }
}
