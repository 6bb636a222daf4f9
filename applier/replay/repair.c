#include "applier/replay/repair.h"

#include "applier/collections/reread.h"
#include "applier/replay/state.h"
#include "base/log.h"

#define ROUNDS_MOST 5

void
repair_note(struct repair *repair, const bson_t *message)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  repair->asked++;
  if (!message_document(message, "items", &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      repair->items = memory_grow(repair->items, repair->count, &repair->capacity, sizeof *repair->items);
      repair->items[repair->count++] = (struct repair_item){.item = bson_copy(&item)};
    }
  }
}

/* By its name on the source. */
static struct mapped_collection *
find_mapped(struct applier *applier, const bson_t *item)
{
  const char *db = message_text_or_none(item, "db");
  const char *coll = message_text_or_none(item, "coll");
  for (struct mapped_collection *mapped = applier->collection_map.by_ns; mapped; mapped = mapped->by_ns.next) {
    if (strcmp(mapped->from_coll, coll) == 0 && strcmp(mapped->from_db, db) == 0 && !mapped->view) {
      return mapped;
    }
  }
  return NULL;
}

bool
repair_is_final(struct repair *repair)
{
  return repair->begun == 0 || ++repair->rounds >= ROUNDS_MOST;
}

typedef void (*repair_visit)(struct applier *applier, struct mapped_collection *mapped, const bson_t *id);

static void
visit_ids(struct applier *applier, struct mapped_collection *mapped, const bson_t *item, repair_visit visit)
{
  bson_iter_t iter;
  bson_t ids;
  struct error absent;
  if (!message_document(item, "ids", &ids, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &ids); bson_iter_next(&iter);) {
    bson_t id = BSON_INITIALIZER;
    bson_append_iter(&id, "_id", 3, &iter);
    visit(applier, mapped, &id);
    bson_destroy(&id);
  }
}

static void
note_due(struct applier *applier, struct mapped_collection *mapped, const bson_t *id)
{
  (void)applier;
  reread_note(mapped, id);
}

static void
begin_item(struct applier *applier, struct repair_item *item)
{
  struct mapped_collection *mapped = find_mapped(applier, item->item);
  item->whole = mapped && (mapped->capped || mapped->no_id_index);
  if (!mapped) {
    log_warn("cannot repair documents of ns=%s: the target has no such collection",
             log_value("%s.%s", message_text_or_none(item->item, "db"), message_text_or_none(item->item, "coll")));
  } else if (item->whole) {
    ddl_copy_again(&applier->ddl, mapped);
  } else {
    visit_ids(applier, mapped, item->item, note_due);
    applier->collection_map.relapse = true;
  }
}

void
repair_begin(struct applier *applier)
{
  struct repair *repair = &applier->repair;
  if (repair->caught == repair->asked && repair->begun == repair->count) {
    return;
  }
  for (; repair->begun < repair->count; repair->begun++) {
    begin_item(applier, &repair->items[repair->begun]);
  }
  repair->caught = repair->asked;
  applier->collection_map.relapse = true; /* even if nothing is due, so that it is said to be done */
}

static void
log_repaired(struct applier *applier, struct mapped_collection *mapped, const bson_t *id)
{
  const struct reread *reread = reread_find(mapped, id);
  char *shown = server_show_id(id);
  if (refused_has(&applier->apply.refused, mapped->ns, id)) {
    log_warn("not repaired ns=%s _id=%s: the target refuses the document", log_value("%s", mapped->ns),
             log_value("%s", shown));
  } else if (reread && reread->exact) {
    log_info("repaired ns=%s _id=%s", log_value("%s", mapped->ns), log_value("%s", shown));
  } else {
    log_info("not to be repaired any more ns=%s _id=%s: the oplog wrote or dropped it meanwhile",
             log_value("%s", mapped->ns), log_value("%s", shown));
  }
  free(shown);
}

static void
end_item(struct applier *applier, const struct repair_item *item)
{
  struct mapped_collection *mapped = find_mapped(applier, item->item);
  if (mapped && item->whole) {
    log_info("repaired ns=%s: all of it was copied again", log_value("%s", mapped->ns));
  } else if (mapped) {
    visit_ids(applier, mapped, item->item, log_repaired);
  }
}

void
repair_end(struct applier *applier)
{
  struct repair *repair = &applier->repair;
  size_t kept = 0;
  for (size_t i = 0; i < repair->count; i++) {
    if (i < repair->begun) {
      end_item(applier, &repair->items[i]);
      bson_destroy(repair->items[i].item);
    } else {
      repair->items[kept++] = repair->items[i];
    }
  }
  repair->count = kept;
  repair->begun = 0;
  repair->rounds = 0;
  repair->done = repair->caught;
}

void
repair_again(struct repair *repair)
{
  repair->begun = 0;
}

void
repair_clear(struct repair *repair)
{
  for (size_t i = 0; i < repair->count; i++) {
    bson_destroy(repair->items[i].item);
  }
  free(repair->items);
  *repair = (struct repair){0};
}
