#include "coordinator/state/copy_state.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/memory.h"
#include "ipc/message.h"
#include "target/definition/uuid.h"

/* Lists are visited in the order of their names. */
#define KEY_SIZE 64
/* That a message may well have. Ranges that were read one after another often saw the same. */
#define SEEN_BYTES (16u << 20)

static void
number_key(char key[KEY_SIZE], size_t collection, size_t part)
{
  snprintf(key, KEY_SIZE, "%012zu.%012zu", collection, part);
}

static bool
check_set(struct checkpoint *checkpoint, const char *side, const char *set, struct error *error)
{
  bson_t kept;
  int got = checkpoint_get(checkpoint, side, &kept, error);
  if (got != 1) {
    return got == 0;
  }
  bool same = strcmp(message_text_or_none(&kept, "set"), set) == 0;
  if (!same) {
    error_set(
      error, ERROR_STATE,
      "the bookmark is of the %s '%s', not of '%s'; name another --bookmarkFile, or start over with --forceDump", side,
      message_text_or_none(&kept, "set"), set);
  }
  bson_destroy(&kept);
  return same;
}

/* Another set of the same name. */
static bool
check_source_id(struct checkpoint *checkpoint, const bson_oid_t *id, struct error *error)
{
  bson_t kept;
  bson_iter_t iter;
  int got = checkpoint_get(checkpoint, "source", &kept, error);
  if (got != 1) {
    return got == 0;
  }
  bool same = !id || !bson_iter_init_find(&iter, &kept, "id") || !BSON_ITER_HOLDS_OID(&iter) ||
              bson_oid_equal(bson_iter_oid(&iter), id);
  if (!same) {
    error_set(error, ERROR_STATE,
              "the source is another set '%s' than the one in the bookmark file (its replicaSetId differs); name the "
              "right source, or start over with --forceDump --drop",
              message_text_or_none(&kept, "set"));
  }
  bson_destroy(&kept);
  return same;
}

static bool
check_shape(struct checkpoint *checkpoint, const bson_t *shape, struct error *error)
{
  bson_t kept;
  int got = checkpoint_get(checkpoint, "shape", &kept, error);
  if (got != 1) {
    return got == 0;
  }
  const char *other = options_shape_other(shape, &kept);
  bool same =
    !other || error_set(error, ERROR_STATE,
                        "--%s differs from the one that the migration in the bookmark file began with; give the same "
                        "value, or start over with --forceDump --drop",
                        other);
  bson_destroy(&kept);
  return same;
}

static enum resume_step
read_step(struct checkpoint *checkpoint, struct error *error)
{
  bson_t document;
  int got = checkpoint_get(checkpoint, "bookmark", &document, error);
  if (got == 1) {
    bson_destroy(&document);
    return RESUME_BOOKMARK;
  }
  got = got == 0 ? checkpoint_get(checkpoint, "step", &document, error) : got;
  if (got <= 0) {
    return got == 0 ? RESUME_NOTHING : RESUME_FAILED;
  }
  enum resume_step step = (enum resume_step)message_number(&document, "step", RESUME_CATALOG);
  bson_destroy(&document);
  return step;
}

enum resume_step
copy_state_look(struct checkpoint *checkpoint, const struct options *options, const struct migration_identity *identity,
                struct error *error)
{
  enum resume_step step = options->force_dump ? RESUME_NOTHING : read_step(checkpoint, error);
  if (step > RESUME_NOTHING &&
      (!check_set(checkpoint, "source", identity->source->set_name, error) ||
       !check_set(checkpoint, "target", identity->target->set_name, error) ||
       !check_source_id(checkpoint, identity->source_id, error) || !check_shape(checkpoint, identity->shape, error))) {
    return RESUME_FAILED;
  }
  return step;
}

static bool
put_step(struct checkpoint *checkpoint, enum resume_step step, struct error *error)
{
  bson_t *document = BCON_NEW("step", BCON_INT32(step));
  bool ok = checkpoint_put(checkpoint, "step", document, error);
  bson_destroy(document);
  return ok;
}

static bool
put_set(struct checkpoint *checkpoint, const char *side, const struct server_hello *hello, const bson_oid_t *id,
        struct error *error)
{
  bson_t *document = BCON_NEW("set", BCON_UTF8(hello->set_name));
  if (id) {
    BSON_APPEND_OID(document, "id", id);
  }
  bool ok = checkpoint_put(checkpoint, side, document, error);
  bson_destroy(document);
  return ok;
}

bool
copy_state_put_mark(struct checkpoint *checkpoint, const struct mark *mark, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  mark_put(&document, mark);
  bool ok = checkpoint_put(checkpoint, "mark", &document, error);
  bson_destroy(&document);
  return ok;
}

bool
copy_state_get_mark(struct checkpoint *checkpoint, struct mark *mark, struct error *error)
{
  bson_t document;
  int got = checkpoint_get(checkpoint, "mark", &document, error);
  *mark = (struct mark){0};
  if (got == 1) {
    mark_get(&document, mark);
    bson_destroy(&document);
  }
  return got >= 0;
}

bool
copy_state_take_mark(struct checkpoint *checkpoint, const bson_t *message, struct error *error)
{
  struct mark mark;
  return !mark_get(message, &mark) || copy_state_put_mark(checkpoint, &mark, error);
}

bool
copy_state_send_mark(struct checkpoint *checkpoint, bson_t *message, struct error *error)
{
  struct mark mark;
  if (!copy_state_get_mark(checkpoint, &mark, error)) {
    return false;
  }
  mark_put(message, &mark);
  return true;
}

bool
copy_state_send_listed(struct checkpoint *checkpoint, bson_t *message, struct error *error)
{
  bson_t kept;
  bson_t list;
  int got = checkpoint_get(checkpoint, "listed", &kept, error);
  if (got != 1) {
    return got == 0;
  }
  bool ok = message_document(&kept, "list", &list, error);
  if (ok) {
    BSON_APPEND_ARRAY(message, "listed", &list);
  }
  bson_destroy(&kept);
  return ok;
}

static bool
put_collection(struct checkpoint *checkpoint, const struct collection *collection, size_t number, struct error *error)
{
  char key[KEY_SIZE];
  bson_t item = BSON_INITIALIZER;
  number_key(key, number, 0);
  BSON_APPEND_UTF8(&item, "db", collection->db);
  BSON_APPEND_UTF8(&item, "name", collection->name);
  BSON_APPEND_UTF8(&item, "to_db", collection->to_db);
  BSON_APPEND_UTF8(&item, "to_name", collection->to_name);
  BSON_APPEND_DOCUMENT(&item, "options", collection->options);
  BSON_APPEND_ARRAY(&item, "indexes", collection->indexes);
  BSON_APPEND_INT64(&item, "ttl_s", collection->ttl_s);
  if (collection->has_uuid) {
    BSON_APPEND_BINARY(&item, "uuid", BSON_SUBTYPE_UUID, collection->uuid, sizeof collection->uuid);
  }
  BSON_APPEND_BOOL(&item, "view", collection->view);
  BSON_APPEND_BOOL(&item, "capped", collection->capped);
  BSON_APPEND_BOOL(&item, "has_id_index", collection->has_id_index);
  BSON_APPEND_INT64(&item, "documents", collection->documents);
  BSON_APPEND_INT64(&item, "bytes", collection->bytes);
  bool ok = checkpoint_put_item(checkpoint, "collections", key, &item, error);
  bson_destroy(&item);
  return ok;
}

bool
copy_state_begin(struct checkpoint *checkpoint, const bson_t *start, const struct migration_identity *identity,
                 const struct catalog *catalog, struct error *error)
{
  bool ok = checkpoint_begin(checkpoint, error) && checkpoint_reset(checkpoint, error) &&
            checkpoint_put(checkpoint, "start", start, error) &&
            checkpoint_put(checkpoint, "shape", identity->shape, error) &&
            put_set(checkpoint, "source", identity->source, identity->source_id, error) &&
            put_set(checkpoint, "target", identity->target, NULL, error) &&
            copy_state_put_mark(checkpoint, identity->mark, error) && put_step(checkpoint, RESUME_CATALOG, error);
  if (ok && catalog->listed) {
    bson_t *listed = BCON_NEW("list", BCON_ARRAY(catalog->listed));
    ok = checkpoint_put(checkpoint, "listed", listed, error);
    bson_destroy(listed);
  }
  for (size_t i = 0; ok && i < catalog->count; i++) {
    ok = put_collection(checkpoint, &catalog->collections[i], i, error);
  }
  ok = ok && checkpoint_commit(checkpoint, error);
  fault_point("catalog-kept");
  return ok;
}

bool
copy_state_put_points(struct checkpoint *checkpoint, const struct plan *plan, struct error *error)
{
  bool ok = put_step(checkpoint, RESUME_PLAN, error);
  for (size_t i = 0; ok && i < plan->collection_count; i++) {
    const struct split_points *points = &plan->collections[i].points;
    for (size_t k = 0; ok && k < points->count; k++) {
      char key[KEY_SIZE];
      bson_t item = BSON_INITIALIZER;
      number_key(key, i, k);
      BSON_APPEND_INT64(&item, "collection", (int64_t)i);
      BSON_APPEND_DOCUMENT(&item, "point", points->points[k]);
      ok = checkpoint_put_item(checkpoint, "points", key, &item, error);
      bson_destroy(&item);
    }
  }
  return ok;
}

bool
copy_state_put_task(struct checkpoint *checkpoint, const struct plan *plan, const struct finished_task *done,
                    struct error *error)
{
  char key[KEY_SIZE];
  bson_t item = BSON_INITIALIZER;
  size_t number = done->task;
  const struct plan_task *task = &plan->tasks[number];
  const struct plan_collection *collection = &plan->collections[task->collection];
  number_key(key, task->collection, number - collection->first_task);
  BSON_APPEND_INT64(&item, "collection", (int64_t)task->collection);
  BSON_APPEND_INT64(&item, "part", (int64_t)(number - collection->first_task));
  BSON_APPEND_INT64(&item, "documents", task->documents);
  BSON_APPEND_INT64(&item, "bytes", task->bytes);
  BSON_APPEND_BOOL(&item, "lost", collection->lost);
  message_put_timestamp(&item, "start", collection->start);
  if (done->seen.ts) {
    optime_put_as(&item, "seen", &done->seen);
  }
  bool ok = checkpoint_put_item(checkpoint, "done", key, &item, error);
  bson_destroy(&item);
  return ok;
}

static bool
get_collection(void *context, const bson_t *item, struct error *error)
{
  struct catalog *catalog = context;
  bson_t options;
  bson_t indexes;
  if (!message_document(item, "options", &options, error) || !message_document(item, "indexes", &indexes, error)) {
    return false;
  }
  catalog->collections =
    memory_grow(catalog->collections, catalog->count, &catalog->capacity, sizeof *catalog->collections);
  struct collection *made = &catalog->collections[catalog->count++];
  *made = (struct collection){.db = memory_string(message_text_or_none(item, "db")),
                              .name = memory_string(message_text_or_none(item, "name")),
                              .options = bson_copy(&options),
                              .indexes = bson_copy(&indexes),
                              .ttl_s = message_number(item, "ttl_s", -1),
                              .view = message_flag(item, "view"),
                              .capped = message_flag(item, "capped"),
                              .has_id_index = message_flag(item, "has_id_index"),
                              .documents = message_number(item, "documents", 0),
                              .bytes = message_number(item, "bytes", 0)};
  catalog_rename(made, message_text_or_none(item, "to_db"), message_text_or_none(item, "to_name"));
  made->has_uuid = uuid_get(item, made->uuid);
  return true;
}

bool
copy_state_get_catalog(struct checkpoint *checkpoint, struct catalog *catalog, struct error *error)
{
  return checkpoint_items(checkpoint, "collections", get_collection, catalog, error);
}

static bool
damaged(struct error *error)
{
  return error_set(error, ERROR_STATE, "the bookmark file contradicts itself; start over with --forceDump --drop");
}

static bool
get_point(void *context, const bson_t *item, struct error *error)
{
  struct plan *plan = context;
  size_t number = (size_t)message_number(item, "collection", INT64_MAX);
  bson_t point;
  bson_iter_t id;
  if (number >= plan->collection_count || !message_document(item, "point", &point, error) ||
      !bson_iter_init_find(&id, &point, "_id")) {
    return damaged(error);
  }
  split_add(&plan->collections[number].points, &id);
  return true;
}

bool
copy_state_get_points(struct checkpoint *checkpoint, struct plan *plan, struct error *error)
{
  return checkpoint_items(checkpoint, "points", get_point, plan, error);
}

static bool
get_task(void *context, const bson_t *item, struct error *error)
{
  struct plan *plan = context;
  size_t number = (size_t)message_number(item, "collection", INT64_MAX);
  size_t part = (size_t)message_number(item, "part", INT64_MAX);
  if (number >= plan->collection_count) {
    return damaged(error);
  }
  struct plan_collection *collection = &plan->collections[number];
  if (part >= collection->copies + collection->has_index_task) {
    return damaged(error);
  }
  collection->lost = message_flag(item, "lost");
  collection->start = message_timestamp(item, "start");
  struct plan_task *task = &plan->tasks[collection->first_task + part];
  task->documents = message_number(item, "documents", 0);
  task->bytes = message_number(item, "bytes", 0);
  plan_task_was_done(plan, (int64_t)(collection->first_task + part));
  return true;
}

bool
copy_state_get_tasks(struct checkpoint *checkpoint, struct plan *plan, struct error *error)
{
  return checkpoint_items(checkpoint, "done", get_task, plan, error);
}

struct seen_list {
  bson_t *array;
  uint32_t count;
  struct optime before;
};

static bool
list_seen(void *context, const bson_t *item, struct error *error)
{
  struct seen_list *list = context;
  bson_t document;
  struct error absent;
  (void)error;
  if (!message_document(item, "seen", &document, &absent)) {
    return true;
  }
  struct optime seen = optime_of(&document);
  if (!optime_equal(&seen, &list->before) && list->array->len < SEEN_BYTES) {
    message_put_item(list->array, list->count++, &document);
  }
  list->before = seen;
  return true;
}

bool
copy_state_seen(struct checkpoint *checkpoint, bson_t *seen, struct error *error)
{
  struct seen_list list = {.array = seen};
  bson_init(seen);
  return checkpoint_items(checkpoint, "done", list_seen, &list, error);
}
