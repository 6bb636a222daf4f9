#include "coordinator/verify/migration_excuses.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/state/copy_state.h"
#include "coordinator/state/excuse_parts.h"
#include "coordinator/state/refusals.h"
#include "target/guard/mark.h"

static void
keep_part(void *context, const bson_t *part)
{
  struct migration_excuses *excuses = context;
  excuses->parts = memory_grow(excuses->parts, excuses->count, &excuses->capacity, sizeof *excuses->parts);
  excuses->parts[excuses->count++] = bson_copy(part);
}

static bool
check_set(struct checkpoint *checkpoint, const char *side, const struct server_hello *hello, struct error *error)
{
  bson_t kept;
  int got = checkpoint_get(checkpoint, side, &kept, error);
  if (got != 1) {
    return got == 0 ? error_set(error, ERROR_STATE,
                                "the bookmark file '%s' does not know its %s yet: no migration began with it",
                                checkpoint->path, side)
                    : false;
  }
  bool same = strcmp(message_text_or_none(&kept, "set"), hello->set_name) == 0 ||
              error_set(error, ERROR_STATE,
                        "the bookmark file '%s' is of a migration with the %s '%s', not with '%s'; name the right one, "
                        "or leave --bookmarkFile out",
                        checkpoint->path, side, message_text_or_none(&kept, "set"), hello->set_name);
  bson_destroy(&kept);
  return same;
}

/* A set's name says little. */
static bool
check_mark(struct checkpoint *checkpoint, const char *uri, struct error *error)
{
  struct mark mark;
  struct server target = {0};
  if (!copy_state_get_mark(checkpoint, &mark, error)) {
    return false;
  }
  bool ok = !mark.kept || (server_open(&target, ERROR_TARGET, uri, true, error) && mark_look(&target, &mark, error));
  server_close(&target);
  if (!ok && error->kind == ERROR_STATE) {
    error_set(
      error, ERROR_STATE,
      "the target is not the one that the migration of the bookmark file '%s' wrote to, or was restored since: its "
      "mark (%s.%s) is another one; name the right one, or leave --bookmarkFile out",
      checkpoint->path, MARK_DB, MARK_COLL);
  }
  return ok;
}

static bool
read_end(struct migration_excuses *excuses, struct checkpoint *checkpoint, struct error *error)
{
  bson_t bookmark;
  int got = checkpoint_get(checkpoint, "bookmark", &bookmark, error);
  if (got == 1) {
    excuses->ttl_deferred = !message_flag(&bookmark, "clean");
    bson_destroy(&bookmark);
  }
  return got == 1 ||
         (got == 0 &&
          error_set(error, ERROR_STATE,
                    "the migration of the bookmark file '%s' has not copied everything yet; let it go on first",
                    checkpoint->path));
}

static bool
is_of(const struct collection *collection, const bson_t *item)
{
  return strcmp(message_text_or_none(item, "db"), collection->to_db) == 0 &&
         strcmp(message_text_or_none(item, "coll"), collection->to_name) == 0;
}

static void
clear_refused(struct migration_excuses *excuses)
{
  for (size_t i = 0; i < excuses->collections; i++) {
    bson_destroy(excuses->refused[i]);
    excused_documents_free(excuses->documents[i]);
  }
  free(excuses->refused);
  free(excuses->documents);
  excuses->refused = NULL;
  excuses->documents = NULL;
  excuses->collections = 0;
}

/* There are a thousand at most. */
void
migration_excuses_share(struct migration_excuses *excuses, const bson_t *refused, struct plan *plan)
{
  clear_refused(excuses);
  excuses->collections = plan->collection_count;
  excuses->refused = memory_new((plan->collection_count + 1) * sizeof *excuses->refused);
  excuses->documents = memory_new((plan->collection_count + 1) * sizeof *excuses->documents);
  for (size_t i = 0; i < plan->collection_count && !bson_empty(refused); i++) {
    bson_iter_t iter;
    uint32_t count = 0;
    for (bson_iter_init(&iter, refused); bson_iter_next(&iter);) {
      bson_t item;
      if (!message_item(&iter, &item) || !bson_has_field(&item, "id") || !is_of(plan->collections[i].source, &item)) {
        continue;
      }
      excuses->refused[i] = excuses->refused[i] ? excuses->refused[i] : bson_new();
      message_put_item(excuses->refused[i], count++, &item);
    }
    plan->collections[i].refused = excuses->refused[i];
    excuses->documents[i] = excused_documents_new(excuses->refused[i]);
  }
}

bool
migration_excuses_has(const struct migration_excuses *excuses, size_t collection, const bson_t *found)
{
  bson_t selector = BSON_INITIALIZER;
  bson_iter_t id;
  if (bson_iter_init_find(&id, found, "id")) {
    bson_append_iter(&selector, "_id", 3, &id);
  }
  bool has =
    collection < excuses->collections && excused_documents_why(excuses->documents[collection], &selector,
                                                               difference_named(message_text_or_none(found, "kind")));
  bson_destroy(&selector);
  return has;
}

static bool
read_all(struct migration_excuses *excuses, struct checkpoint *checkpoint, const struct pairs *pairs, struct plan *plan,
         struct error *error)
{
  bson_t refused;
  bool ok = check_set(checkpoint, "source", &pairs->hellos[SOURCE_SIDE], error) &&
            check_set(checkpoint, "target", &pairs->hellos[TARGET_SIDE], error) &&
            read_end(excuses, checkpoint, error) && check_mark(checkpoint, pairs->uris[TARGET_SIDE], error) &&
            excuse_parts_send(checkpoint, keep_part, excuses, error);
  if (ok && (ok = refusals_list(checkpoint, &refused, error))) {
    migration_excuses_share(excuses, &refused, plan);
  }
  if (ok) {
    bson_destroy(&refused);
  }
  return ok;
}

bool
migration_excuses_read(struct migration_excuses *excuses, const char *file, const struct pairs *pairs,
                       struct plan *plan, struct error *error)
{
  struct checkpoint checkpoint;
  int there = checkpoint_peek(&checkpoint, file, error);
  bool ok = there == 1 ? read_all(excuses, &checkpoint, pairs, plan, error)
                       : there == 0 && error_set(error, ERROR_STATE,
                                                 "there is no bookmark file '%s'; name the migration's, or leave "
                                                 "--bookmarkFile out if there was no migration",
                                                 file);
  checkpoint_close(&checkpoint);
  return ok;
}

void
migration_excuses_send(const struct migration_excuses *excuses, struct pool *pool)
{
  for (size_t i = 0; i < excuses->count; i++) {
    pool_ask_helper(pool, MESSAGE_EXCUSES, excuses->parts[i]);
  }
}

void
migration_excuses_clear(struct migration_excuses *excuses)
{
  for (size_t i = 0; i < excuses->count; i++) {
    bson_destroy(excuses->parts[i]);
  }
  free(excuses->parts);
  clear_refused(excuses);
}
