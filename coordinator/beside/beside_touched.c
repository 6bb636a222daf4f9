/*
 * What is on the disk for a verification beside a migration: the store, and what the oplog wrote, which goes into it
 * before the bookmark passes it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "coordinator/beside/beside_parts.h"

/* The store is of this migration, and has all that was written up to the bookmark. */
static bool
is_ours(struct beside *beside, struct error *error, bool *ours)
{
  bson_t kept;
  bson_t start;
  bson_t bookmark;
  *ours = false;
  int got = store_get(&beside->store, "migration", &kept, error);
  if (got <= 0) {
    return got == 0;
  }
  int begun = checkpoint_get(beside->checkpoint, "start", &start, error);
  int moved = begun < 0 ? -1 : checkpoint_get(beside->checkpoint, "bookmark", &bookmark, error);
  if (begun == 1 && moved == 1) {
    *ours = message_timestamp(&kept, "start") == message_timestamp(&start, "ts") &&
            message_timestamp(&kept, "reached") >= message_timestamp(&bookmark, "ts");
  }
  if (begun == 1) {
    bson_destroy(&start);
  }
  if (moved == 1) {
    bson_destroy(&bookmark);
  }
  bson_destroy(&kept);
  return begun >= 0 && moved >= 0;
}

bool
beside_open_store(struct beside *beside, struct error *error)
{
  bool ours;
  if (!store_open(&beside->store, beside->folder, error) || !is_ours(beside, error, &ours)) {
    return false;
  }
  if (ours || beside->store.made) {
    return true;
  }
  log_info("the verification begins at the beginning: what is kept of one is of another migration, or the replay went "
           "on without it");
  store_close(&beside->store);
  return store_remove(beside->folder, error) && store_open(&beside->store, beside->folder, error);
}

/* What was written to one collection. */
static bool
take_writes(struct beside *beside, const bson_t *item, struct error *error)
{
  const char *db = message_text_or_none(item, "db");
  const char *coll = message_text_or_none(item, "coll");
  bson_t ids;
  struct verify_namespace *found = namespaces_find(&beside->namespaces, db, coll);
  if (!found) { /* not every server logs the creation that an insert makes */
    return !selection_wants(beside->selection, db, coll) || namespaces_put_back(&beside->namespaces, db, coll, error);
  }
  if (!namespaces_has_begun(&beside->namespaces, found)) {
    return true;
  }
  if (found->whole && !found->written && !namespaces_forget_ranges(&beside->namespaces, found, error)) {
    return false;
  }
  found->written = true;
  found->written_ms = clock_ms();
  if (!message_document(item, "ids", &ids, error)) {
    return false;
  }
  found->writes += bson_count_keys(&ids);
  return found->whole || store_add_all(&beside->store, STORE_CURRENT, found->number, &ids, error);
}

/* What a command was about. */
static bool
take_command(struct beside *beside, const bson_t *item, struct error *error)
{
  const char *db = message_text_or_none(item, "db");
  const char *coll = message_text_or_none(item, "coll");
  beside_failures_forget(beside, db, coll);
  return (*coll && !selection_wants(beside->selection, db, coll)) ||
         (namespaces_put_back(&beside->namespaces, db, coll, error) && due_recount(&beside->due, error));
}

static bool
take_each(struct beside *beside, const bson_t *message, const char *list,
          bool (*take)(struct beside *, const bson_t *, struct error *), struct error *error)
{
  bson_t items;
  bson_iter_t iter;
  struct error absent;
  bool ok = true;
  if (!message_document(message, list, &items, &absent)) {
    return true;
  }
  for (bson_iter_init(&iter, &items); ok && bson_iter_next(&iter);) {
    bson_t item;
    ok = !message_item(&iter, &item) || take(beside, &item, error);
  }
  return ok;
}

void
beside_take_touched(struct beside *beside, const bson_t *message)
{
  struct error error;
  if (beside_is_alive(beside) && (!take_each(beside, message, "items", take_writes, &error) ||
                                  !take_each(beside, message, "commands", take_command, &error))) {
    beside_fail(beside, &error);
  }
}

void
beside_keep(struct beside *beside, uint64_t bookmark)
{
  struct error error;
  bson_t start;
  if (!beside_is_alive(beside)) {
    return;
  }
  bson_t document = BSON_INITIALIZER;
  bool ok = checkpoint_need(beside->checkpoint, "start", &start, &error);
  if (ok) {
    message_put_timestamp(&document, "start", message_timestamp(&start, "ts"));
    message_put_timestamp(&document, "reached", bookmark);
    ok = store_put(&beside->store, "migration", &document, &error) && store_sync(&beside->store, &error);
    bson_destroy(&start);
  }
  bson_destroy(&document);
  fault_point("beside-touched");
  if (!ok) {
    beside_fail(beside, &error);
  }
}
