#include "applier/replay/replay_entry.h"

#include "applier/collections/reread.h"
#include "applier/replay/bookmark.h"
#include "base/fault.h"
#include "base/log.h"
#include "server/series.h"
#include "source/catalog/catalog.h"
#include "target/definition/naming.h"
#include "target/definition/schema.h"
#include "target/replay/delta.h"

#define VERSION_6_1 601

static bool
has_fields(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  bson_iter_t fields;
  return bson_iter_init_find(&iter, document, name) && bson_iter_recurse(&iter, &fields) && bson_iter_next(&fields);
}

static bool
removes_fields(const struct entry *entry)
{
  bson_t diff;
  struct error ignored;
  if (entry->kind == ENTRY_DIFF) {
    return message_document(&entry->o, "diff", &diff, &ignored) && has_fields(&diff, "removedFields");
  }
  return entry->write == APPLY_MODIFY && has_fields(&entry->o, "$unset");
}

/* Up to the consistency point: notes what must be read again. False: what was read already has the entry. */
static bool
is_to_replay(struct applier *applier, struct mapped_collection *mapped, const struct entry *entry)
{
  struct reread *reread = reread_find(mapped, &entry->id);
  if (reread && entry->ts <= reread->exact) {
    return false;
  }
  if (removes_fields(entry)) {
    if ((reread || !applier->rereading || mapped->start) && !mapped->capped) {
      reread_note(mapped, &entry->id);
    }
  } else if (reread && entry->kind == ENTRY_WRITE && entry->write != APPLY_MODIFY && entry->write != APPLY_DELTA) {
    reread_forget(mapped, reread); /* the whole document is as this entry says */
  }
  return true;
}

/* SecantusDB's form of an update. */
static bool
add_diff(struct batch *batch, const struct entry *entry, struct error *error)
{
  bson_t diff;
  bson_t truncations;
  bson_t modifiers;
  if (!message_document(&entry->o, "diff", &diff, error) ||
      !delta_to_modifiers(&diff, &truncations, &modifiers, error)) {
    return false;
  }
  if (!bson_empty(&truncations)) {
    batch_add(batch, APPLY_MODIFY, entry->ts, &entry->id, &truncations);
  }
  if (!bson_empty(&modifiers)) {
    batch_add(batch, APPLY_MODIFY, entry->ts, &entry->id, &modifiers);
  }
  bson_destroy(&truncations);
  bson_destroy(&modifiers);
  return true;
}

/* $v says how the update was written, not what to do. Targets from 6.1 on refuse it. */
static void
add_modifiers(struct batch *batch, const struct entry *entry)
{
  bson_t modifiers = BSON_INITIALIZER;
  bson_copy_to_excluding_noinit(&entry->o, &modifiers, "$v", NULL);
  if (bson_has_field(&entry->o, "$v")) {
    batch_add(batch, APPLY_MODIFY, entry->ts, &entry->id, &modifiers);
  } else {
    batch_add_paths(batch, entry->ts, &entry->id, &modifiers);
  }
  bson_destroy(&modifiers);
}

static bool
add_to(struct batch *batch, const struct entry *entry, struct error *error)
{
  if (entry->kind == ENTRY_DIFF) {
    if (!add_diff(batch, entry, error)) {
      return false;
    }
  } else if (entry->write == APPLY_MODIFY) {
    add_modifiers(batch, entry);
  } else {
    batch_add(batch, entry->write, entry->ts, &entry->id, entry->write == APPLY_DELETE ? NULL : &entry->o);
  }
  return true;
}

/* Whether the order between the collection's documents may show on the target. */
static enum apply_order
order_of(const struct applier *applier, const struct mapped_collection *mapped)
{
  if (mapped->capped) {
    return APPLY_CAPPED;
  }
  bool shows =
    mapped->collated || mapped->no_id_index || deferred_any_unique(&applier->deferred, mapped->db, mapped->coll);
  return shows ? APPLY_IN_ORDER : APPLY_DEALT;
}

/* The batch that the write belongs into; NULL on error. */
static struct batch *
gather(struct applier *applier, const struct mapped_collection *mapped, const struct entry *entry, struct error *error)
{
  enum apply_order order = order_of(applier, mapped);
  struct apply *apply = &applier->apply;
  struct batch *batch = apply_gather(apply, mapped->db, mapped->coll, &entry->id, order);
  bool expires = !mapped->capped && mapped_collection_may_have_expired(mapped, entry->ts);
  if (batch->current->count > 0 && batch->current->expires != expires) { /* the last one of that time is behind */
    if (!apply_send(apply, error)) {
      return NULL;
    }
    batch = apply_gather(apply, mapped->db, mapped->coll, &entry->id, order);
  }
  struct batch_run *run = batch->current;
  if (run->count == 0) {
    run->capped = mapped->capped;
    run->no_id_index = mapped->no_id_index;
    run->expires = expires;
    run->keep_order = order != APPLY_DEALT;
  }
  return batch;
}

static bool
add_write(struct applier *applier, struct entry *entry, struct error *error)
{
  if (strncmp(entry->coll, "system.", 7) == 0 && strcmp(entry->coll, "system.js") != 0 && !series_of(entry->coll)) {
    return reread_flush(&applier->collection_map, &applier->apply, false, UINT64_MAX, error) &&
           ddl_apply_write(&applier->ddl, entry, error);
  }
  if (!selection_wants(&applier->selection, entry->db, entry->coll)) {
    return true;
  }
  if (!entry_rename(entry, &applier->selection, error)) {
    return false;
  }
  struct mapped_collection *mapped = ddl_find(&applier->ddl, entry);
  if ((!mapped && ddl_is_gone(&applier->ddl, entry)) || ddl_was_gone(&applier->ddl, entry)) {
    return true;
  }
  bool upsert =
    entry->kind == ENTRY_WRITE && entry->write != APPLY_DELETE && applier->loose && (applier->upserts || entry->upsert);
  if (!mapped) { /* not every server logs the creation that an insert makes */
    if (entry->write != APPLY_INSERT && !upsert) {
      return applier->ddl.lenient || (applier->loose && entry->write == APPLY_DELETE) ||
             error_set(error, ERROR_DIVERGED, "the oplog entry at %u.%u changes %s.%s, which the target does not have",
                       OPTIME_SECONDS(entry->ts), OPTIME_INCREMENT(entry->ts), entry->db, entry->coll);
    }
    bson_t nothing = BSON_INITIALIZER; /* by the command, which makes way for a database of another case */
    if (!naming_check(entry->db, entry->coll, applier->ddl.target_version, error) ||
        !schema_create(&applier->target, entry->db, entry->coll, &nothing, error)) {
      return false;
    }
    mapped = collection_map_add(&applier->collection_map, entry->db, entry->coll);
    mapped->since = entry->ts;
    collection_map_set_source(&applier->collection_map, mapped, entry->from_db, entry->from_coll);
    if (entry->has_uuid) {
      collection_map_set_uuid(&applier->collection_map, mapped, entry->uuid);
    }
  }
  if (entry->ts <= mapped->start || (!applier->consistent && !is_to_replay(applier, mapped, entry))) {
    return true;
  }
  struct batch *batch = gather(applier, mapped, entry, error);
  if (!batch) {
    return false;
  }
  collection_map_count(&applier->collection_map, mapped);
  batch->loose = applier->loose;
  batch->upsert = upsert;
  bool ok = add_to(batch, entry, error);
  batch->loose = batch->upsert = false;
  return ok && apply_added(&applier->apply, error);
}

static bool take_entry(struct applier *applier, const bson_t *document, uint64_t ts, struct error *error);

/*
 * Up to 6.1, an applyOps command is logged as its user gave it. It is applied as a server does that. An insert
 * replaces what is there. An update makes what is missing unless `alwaysUpsert` is false. A delete may find nothing
 * (S:src/mongo/db/repl/oplog.cpp, applyOperation_inlock@r4.0.14). Later servers log what each operation did.
 */
static bool
take_group(struct applier *applier, const struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t item;
  bool ok = true;
  bool loose = applier->loose;
  bool upserts = applier->upserts;
  if (!bson_iter_init_find(&iter, &entry->o, "applyOps") || !bson_iter_recurse(&iter, &item)) {
    return error_set(error, ERROR_DIVERGED, "the applyOps at %u.%u has no operations", OPTIME_SECONDS(entry->ts),
                     OPTIME_INCREMENT(entry->ts));
  }
  applier->loose = applier->by_hand && applier->reader.version <= VERSION_6_1;
  applier->upserts = !bson_has_field(&entry->o, "alwaysUpsert") || message_flag(&entry->o, "alwaysUpsert");
  while (ok && bson_iter_next(&item)) {
    bson_t inner;
    if (BSON_ITER_HOLDS_DOCUMENT(&item)) {
      ok = message_item(&item, &inner) && take_entry(applier, &inner, entry->ts, error);
    }
  }
  applier->loose = loose;
  applier->upserts = upserts;
  return ok;
}

static bool
take_entry(struct applier *applier, const bson_t *document, uint64_t ts, struct error *error)
{
  struct entry entry;
  struct touched_command command;
  bool ok = entry_read(&entry, document, ts, error);
  if (!ok) {
    entry_clear(&entry);
    return false;
  }
  touched_take(&applier->touched, &entry, &command);
  if (entry.kind != ENTRY_NOTHING && fault_skips(entry.db, entry.coll)) {
    log_warn("fault: an entry of ns=%s is left out ts=%u.%u", log_value("%s.%s", entry.db, entry.coll),
             OPTIME_SECONDS(ts), OPTIME_INCREMENT(ts));
  } else if (entry.kind == ENTRY_GROUP) {
    ok = take_group(applier, &entry, error);
  } else if (entry.kind == ENTRY_COMMAND) {
    ok = reread_flush(&applier->collection_map, &applier->apply, false, UINT64_MAX, error) &&
         mark_look_after_rest(&applier->target, &applier->mark, &applier->looked_ms, error) &&
         ddl_apply(&applier->ddl, &entry, error);
  } else if (entry.kind != ENTRY_NOTHING) {
    ok = add_write(applier, &entry, error);
  }
  touched_done(&applier->touched, &command);
  entry_clear(&entry);
  return ok;
}

/*
 * What a part did was done when the transaction was committed. A transaction may be larger than what is kept of what
 * it touched. One that is to be one transaction on the target is not cut for that.
 */
static bool
take_part(void *context, const bson_t *part, struct error *error)
{
  struct applier *applier = context;
  bool whole = applier->atomic && applier->apply.sent == applier->sent_before;
  return take_entry(applier, part, applier->committing, error) &&
         (whole || !touched_full(&applier->touched) || bookmark_settle(applier, false, error));
}

static bool
is_new_primary(const bson_t *document)
{
  bson_iter_t iter;
  bson_iter_t found;
  return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "o.msg", &found) &&
         BSON_ITER_HOLDS_UTF8(&found) && strcmp(bson_iter_utf8(&found, NULL), "new primary") == 0;
}

/* Applies it as one transaction on the target, too, unless it is too large or has commands in it. */
static bool
take_transaction(struct applier *applier, const bson_t *document, bool parts, struct error *error)
{
  struct apply *apply = &applier->apply;
  if (applier->atomic && !apply_begin_transaction(apply, error)) {
    return false;
  }
  applier->sent_before = apply->sent;
  bool ok = parts ? transactions_take(&applier->transactions, document, take_part, applier, error)
                  : take_entry(applier, document, applier->committing, error);
  return ok && (!applier->atomic || apply_end_transaction(apply, applier->sent_before, error));
}

bool
replay_entry(struct applier *applier, const bson_t *document, uint64_t ts, struct error *error)
{
  enum transaction_role role = transaction_role_of(document);
  applier->by_hand = role == TRANSACTION_NONE;
  if (role == TRANSACTION_NONE) {
    if (is_new_primary(document)) {
      transactions_forget_unprepared(&applier->transactions);
    }
    return take_entry(applier, document, ts, error);
  }
  applier->committing = ts;
  return take_transaction(applier, document, role != TRANSACTION_WHOLE, error);
}
