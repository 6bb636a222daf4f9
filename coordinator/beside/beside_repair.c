/*
 * --repair: the applier writes what differs anew, in step with the oplog. Then it is compared again.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "coordinator/beside/beside_parts.h"

#define KNOWN_MOST 100000 /* so many documents are repaired in a run; with more, a copy is the better way */
#define PART_MOST 1000    /* in one REPAIR */

struct repaired {
  UT_hash_handle hh;
  bson_t *key; /* {collection, id} */
};

void
beside_repairs_init(struct beside *beside)
{
  bson_init(&beside->repairs.wanted);
  bson_init(&beside->repairs.asked);
}

void
beside_repairs_clear(struct beside *beside)
{
  struct repaired *repaired;
  struct repaired *next;
  HASH_ITER (hh, beside->repairs.known, repaired, next) {
    HASH_DEL(beside->repairs.known, repaired);
    bson_destroy(repaired->key);
    free(repaired);
  }
  bson_destroy(&beside->repairs.wanted);
  bson_destroy(&beside->repairs.asked);
}

/* False if it was noted before, or there are too many. */
static bool
note_known(struct repairs *repairs, const struct verify_namespace *found, const bson_iter_t *id)
{
  struct repaired *known;
  bson_t *key = BCON_NEW("collection", BCON_INT64(found->number));
  bson_append_iter(key, "id", 2, id);
  HASH_FIND(hh, repairs->known, bson_get_data(key), key->len, known);
  if (known || HASH_COUNT(repairs->known) >= KNOWN_MOST) {
    bson_destroy(key);
    return false;
  }
  known = memory_new(sizeof *known);
  known->key = key;
  HASH_ADD_KEYPTR(hh, repairs->known, bson_get_data(key), key->len, known);
  return true;
}

void
beside_want_repair(struct beside *beside, const struct verify_namespace *found, const bson_t *item)
{
  struct repairs *repairs = &beside->repairs;
  bson_t part = BSON_INITIALIZER;
  bson_t ids;
  bson_iter_t id;
  if (bson_iter_init_find(&id, item, "id") && note_known(repairs, found, &id)) {
    BSON_APPEND_UTF8(&part, "db", found->db);
    BSON_APPEND_UTF8(&part, "coll", found->coll);
    BSON_APPEND_ARRAY_BEGIN(&part, "ids", &ids);
    bson_append_iter(&ids, "0", 1, &id);
    bson_append_array_end(&part, &ids);
    message_put_item(&repairs->wanted, repairs->wanted_count++, &part);
  }
  bson_destroy(&part);
}

static void
ask(struct beside *beside)
{
  struct repairs *repairs = &beside->repairs;
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_ARRAY(&message, "items", &repairs->asked);
  repairs->number = repairs->applier == beside->tail->appliers ? repairs->number + 1 : 1;
  repairs->applier = beside->tail->appliers;
  beside->repair(beside->context, &message);
  bson_destroy(&message);
}

/* The first PART_MOST of what is wanted. */
static void
take_wanted(struct repairs *repairs)
{
  bson_t rest = BSON_INITIALIZER;
  uint32_t rest_count = 0;
  bson_iter_t iter;
  for (bson_iter_init(&iter, &repairs->wanted); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      bool now = repairs->asked_count < PART_MOST;
      message_put_item(now ? &repairs->asked : &rest, now ? repairs->asked_count++ : rest_count++, &item);
    }
  }
  bson_reinit(&repairs->wanted);
  bson_concat(&repairs->wanted, &rest);
  repairs->wanted_count = rest_count;
  bson_destroy(&rest);
}

/* What is repaired is compared again. */
static bool
take_done(struct beside *beside, struct error *error)
{
  struct repairs *repairs = &beside->repairs;
  bson_iter_t iter;
  bool ok = true;
  for (bson_iter_init(&iter, &repairs->asked); ok && bson_iter_next(&iter);) {
    bson_t item;
    bson_t ids;
    if (message_item(&iter, &item) && message_document(&item, "ids", &ids, error)) {
      const struct verify_namespace *found =
        namespaces_find(&beside->namespaces, message_text_or_none(&item, "db"), message_text_or_none(&item, "coll"));
      ok = !found || store_add_all(&beside->store, STORE_CURRENT, found->number, &ids, error);
    }
  }
  repairs->done += repairs->asked_count;
  repairs->asked_count = 0;
  bson_reinit(&repairs->asked);
  return ok;
}

bool
beside_repair_if_due(struct beside *beside, struct error *error)
{
  struct repairs *repairs = &beside->repairs;
  bool asked = repairs->asked_count > 0;
  bool same = repairs->applier == beside->tail->appliers; /* one that died has forgotten it */
  if (asked && same && beside->tail->repairs >= repairs->number) {
    return take_done(beside, error);
  }
  if ((!asked || !same) && asked + repairs->wanted_count > 0 && beside_is_strict(beside) &&
      tail_caught_up(beside->tail)) {
    if (!asked) {
      take_wanted(repairs);
    }
    log_info("repairing documents=%u", repairs->asked_count);
    ask(beside);
  }
  return true;
}
