#include "coordinator/beside/namespaces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ipc/message.h"

#define COLLECTIONS "collections"
#define RANGES "ranges"
#define AGAIN "again"

/* Those that have the same number stand together. */
static uint64_t
range_key(uint32_t number, uint32_t range)
{
  return (uint64_t)number << 32 | range;
}

static void
give_number(struct namespaces *namespaces, struct verify_namespace *found, uint32_t number)
{
  size_t capacity = namespaces->capacity;
  while (number >= capacity) {
    namespaces->by_number = memory_grow(namespaces->by_number, capacity, &capacity, sizeof(struct verify_namespace *));
  }
  for (size_t i = namespaces->capacity; i < capacity; i++) {
    namespaces->by_number[i] = NULL;
  }
  namespaces->capacity = (uint32_t)capacity;
  namespaces->by_number[number] = found;
  namespaces->numbers = number >= namespaces->numbers ? number + 1 : namespaces->numbers;
  found->number = number;
}

/* No `_id` can be asked for on both sides. A worker has the same rule (worker/verify.c). */
static bool
is_whole(const bson_t *listed)
{
  bson_t target;
  struct error absent;
  return message_flag(listed, "capped") || !message_flag(listed, "id_index") ||
         !message_document(listed, "target", &target, &absent) || message_flag(&target, "capped") ||
         !message_flag(&target, "id_index");
}

static void
add(struct namespaces *namespaces, uint32_t number, const bson_t *listed)
{
  struct verify_namespace *found = memory_new(sizeof *found);
  found->db = memory_string(message_text_or_none(listed, "from_db"));
  found->coll = memory_string(message_text_or_none(listed, "from_coll"));
  found->ns = memory_format("%s.%s", found->db, found->coll);
  found->whole = is_whole(listed);
  give_number(namespaces, found, number);
  HASH_ADD_KEYPTR(hh, namespaces->by_ns, found->ns, strlen(found->ns), found);
}

static void
free_one(struct verify_namespace *found)
{
  free(found->ns);
  free(found->db);
  free(found->coll);
  if (found->found) {
    bson_destroy(found->found);
  }
  free(found);
}

static bool
take_kept(void *context, uint64_t number, const bson_t *listed, struct error *error)
{
  (void)error;
  add(context, (uint32_t)number, listed);
  return true;
}

/* {all, list} */
static bool
read_again(struct namespaces *namespaces, struct error *error)
{
  bson_t document;
  bson_t list;
  struct error absent;
  int got = store_get(namespaces->store, AGAIN, &document, error);
  namespaces->all_again = got == 0 || (got == 1 && message_flag(&document, "all"));
  if (got == 1) {
    if (message_document(&document, "list", &list, &absent)) {
      bson_concat(&namespaces->again, &list);
    }
    bson_destroy(&document);
  }
  return got >= 0;
}

/* Numbers are never given twice: `_id`s of those that are gone may still be in the store. */
static bool
read_numbers(struct namespaces *namespaces, struct error *error)
{
  bson_t document;
  int got = store_get(namespaces->store, "numbers", &document, error);
  if (got == 1) {
    namespaces->numbers = (uint32_t)message_number(&document, "given", 0);
    bson_destroy(&document);
  }
  return got >= 0;
}

bool
namespaces_init(struct namespaces *namespaces, struct store *store, struct error *error)
{
  *namespaces = (struct namespaces){.store = store, .selection = namespaces->selection};
  bson_init(&namespaces->again);
  bson_init(&namespaces->asked);
  return store_items(store, COLLECTIONS, take_kept, namespaces, error) && read_again(namespaces, error) &&
         read_numbers(namespaces, error);
}

void
namespaces_clear(struct namespaces *namespaces)
{
  struct verify_namespace *found;
  struct verify_namespace *next;
  if (!namespaces->store) {
    return;
  }
  HASH_ITER (hh, namespaces->by_ns, found, next) {
    HASH_DEL(namespaces->by_ns, found);
    free_one(found);
  }
  free(namespaces->by_number);
  bson_destroy(&namespaces->again);
  bson_destroy(&namespaces->asked);
  *namespaces = (struct namespaces){0};
}

struct verify_namespace *
namespaces_find(const struct namespaces *namespaces, const char *db, const char *coll)
{
  struct verify_namespace *found;
  char *ns = memory_format("%s.%s", db, coll);
  HASH_FIND_STR(namespaces->by_ns, ns, found);
  free(ns);
  return found;
}

struct verify_namespace *
namespaces_numbered(const struct namespaces *namespaces, uint32_t number)
{
  return number < namespaces->capacity ? namespaces->by_number[number] : NULL;
}

static bool
is_in(const bson_t *list, const char *db, const char *coll)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item) && strcmp(message_text_or_none(&item, "db"), db) == 0) {
      const char *named = message_text_or_none(&item, "coll");
      if (!*named || strcmp(named, coll) == 0) {
        return true;
      }
    }
  }
  return false;
}

static void
append_all(bson_t *to, const bson_t *list)
{
  bson_iter_t iter;
  uint32_t count = bson_count_keys(to);
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      message_put_item(to, count++, &item);
    }
  }
}

/* What is being listed is to be listed until all of it was. */
static bool
keep_again(struct namespaces *namespaces, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  bson_t list = BSON_INITIALIZER;
  append_all(&list, &namespaces->again);
  append_all(&list, &namespaces->asked);
  BSON_APPEND_BOOL(&document, "all", namespaces->all_again || namespaces->all_asked);
  BSON_APPEND_ARRAY(&document, "list", &list);
  bool ok = store_put(namespaces->store, AGAIN, &document, error);
  bson_destroy(&list);
  bson_destroy(&document);
  return ok;
}

bool
namespaces_forget_ranges(struct namespaces *namespaces, const struct verify_namespace *found, struct error *error)
{
  bool ok = true;
  uint32_t ranges = found->planned ? (uint32_t)namespaces->plan->collections[found->in_plan].copies : 0;
  for (uint32_t range = 0; ok && range < ranges; range++) {
    ok = store_put_item(namespaces->store, RANGES, range_key(found->number, range), NULL, error);
  }
  return ok;
}

/* A set that has nothing of it is left alone, as each drop waits for the disk. */
static bool
drop_from(struct store *store, enum store_set set, uint32_t number, struct error *error)
{
  uint64_t count;
  return store_count_of(store, set, number, &count, error) &&
         (count == 0 || store_drop_collection(store, set, number, error));
}

/* The collection is compared no more, as it is now. Its `_id`s in the generations go with these. */
static bool
forget(struct namespaces *namespaces, struct verify_namespace *found, struct error *error)
{
  struct store *store = namespaces->store;
  uint32_t number = found->number;
  bool ok = namespaces_forget_ranges(namespaces, found, error) &&
            store_put_item(store, COLLECTIONS, number, NULL, error) &&
            drop_from(store, STORE_DIFFERENCES, number, error) && drop_from(store, STORE_EXCUSED, number, error);
  namespaces->by_number[number] = NULL;
  HASH_DEL(namespaces->by_ns, found);
  free_one(found);
  return ok;
}

static bool
forget_database(struct namespaces *namespaces, const char *db, struct error *error)
{
  struct verify_namespace *found;
  struct verify_namespace *next;
  bool ok = true;
  HASH_ITER (hh, namespaces->by_ns, found, next) {
    if (ok && strcmp(found->db, db) == 0) {
      ok = forget(namespaces, found, error);
    }
  }
  return ok;
}

bool
namespaces_put_back(struct namespaces *namespaces, const char *db, const char *coll, struct error *error)
{
  bson_t item = BSON_INITIALIZER;
  struct verify_namespace *found = *coll ? namespaces_find(namespaces, db, coll) : NULL;
  bool ok = store_sync(namespaces->store, error) && /* the counts are exact then */
            (*coll ? !found || forget(namespaces, found, error) : forget_database(namespaces, db, error));
  if (ok && !namespaces->all_again && !is_in(&namespaces->again, db, coll)) {
    BSON_APPEND_UTF8(&item, "db", db);
    if (*coll) {
      BSON_APPEND_UTF8(&item, "coll", coll);
    }
    message_put_item(&namespaces->again, bson_count_keys(&namespaces->again), &item);
    ok = keep_again(namespaces, error);
  }
  bson_destroy(&item);
  return ok;
}

uint32_t
namespaces_to_list(const struct namespaces *namespaces)
{
  return bson_count_keys(&namespaces->again) + bson_count_keys(&namespaces->asked) + namespaces->all_again +
         namespaces->all_asked;
}

void
namespaces_ask(struct namespaces *namespaces, bson_t *message)
{
  append_all(&namespaces->asked, &namespaces->again);
  bson_reinit(&namespaces->again);
  namespaces->all_asked = namespaces->all_asked || namespaces->all_again;
  namespaces->all_again = false;
  if (!namespaces->all_asked) {
    BSON_APPEND_ARRAY(message, "only", &namespaces->asked);
  }
}

static bool
keep_numbers(struct namespaces *namespaces, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_INT64(&document, "given", namespaces->numbers);
  bool ok = store_put(namespaces->store, "numbers", &document, error);
  bson_destroy(&document);
  return ok;
}

bool
namespaces_take_listed(struct namespaces *namespaces, const bson_t *listed, struct error *error)
{
  const char *db = message_text_or_none(listed, "from_db");
  const char *coll = message_text_or_none(listed, "from_coll");
  struct verify_namespace *found = namespaces_find(namespaces, db, coll);
  if (is_in(&namespaces->again, db, coll)) {
    return true;
  }
  if (found && !forget(namespaces, found, error)) { /* of a listing that failed halfway */
    return false;
  }
  uint32_t number = namespaces->numbers;
  add(namespaces, number, listed);
  return store_put_item(namespaces->store, COLLECTIONS, number, listed, error) && keep_numbers(namespaces, error);
}

bool
namespaces_listed(struct namespaces *namespaces, bool failed, struct error *error)
{
  if (failed) {
    append_all(&namespaces->again, &namespaces->asked);
    namespaces->all_again = namespaces->all_again || namespaces->all_asked;
  }
  bson_reinit(&namespaces->asked);
  namespaces->all_asked = false;
  return keep_again(namespaces, error);
}

bool
namespaces_has_begun(const struct namespaces *namespaces, const struct verify_namespace *found)
{
  if (!found->planned) {
    return false;
  }
  const struct plan_collection *collection = &namespaces->plan->collections[found->in_plan];
  for (size_t k = 0; k < collection->copies; k++) {
    if (namespaces->plan->tasks[collection->first_task + k].state != PLAN_PENDING) {
      return true;
    }
  }
  return false;
}

bool
namespaces_keep_range(struct namespaces *namespaces, const struct verify_namespace *found, uint32_t range,
                      const bson_t *done, struct error *error)
{
  return store_put_item(namespaces->store, RANGES, range_key(found->number, range), done, error);
}
