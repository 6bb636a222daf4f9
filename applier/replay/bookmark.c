#include "applier/replay/bookmark.h"

#include "applier/collections/reread.h"
#include "applier/replay/stop_request.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/memory.h"

#define PART_BYTES (1 << 20)
#define OVERFLOW_TAKES                                                                                                 \
  ((uint64_t)10 << 32) /* more than lies between a delete of an overflow and its insert: they are one write */

/* A STOP, DRAIN or PAUSE that comes meanwhile is obeyed after the batch. */
static bool
wait_until_confirmed(struct applier *applier, struct error *error)
{
  enum message_type type = MESSAGE_STOP;
  bson_t message;
  while (type != MESSAGE_CONFIRMED) {
    int got = channel_receive(&applier->channel, &type, &message, error);
    if (got <= 0) {
      return got == 0 ? error_set(error, ERROR_CHILD, "the coordinator is gone") : false;
    }
    stop_request_note(applier, type, &message);
  }
  return true;
}

typedef bool (*put_changed)(void *list, bson_t *item);

static bool
put_mapped(void *collection_map, bson_t *item)
{
  return collection_map_put_changed(collection_map, item);
}

static bool
put_counted(void *collection_map, bson_t *item)
{
  return collection_map_put_counted(collection_map, item);
}

static bool
put_deferred_list(void *deferred, bson_t *item)
{
  return deferred_put_changed(deferred, item);
}

/* Puts as many items into a part as make about PART_BYTES; false if there was none. */
static bool
put_part(bson_t *document, const char *name, put_changed put, void *from)
{
  bson_t list;
  uint32_t count = 0;
  bool more = true;
  BSON_APPEND_ARRAY_BEGIN(document, name, &list);
  while (more && list.len < PART_BYTES) {
    bson_t item = BSON_INITIALIZER;
    more = put(from, &item);
    if (more) {
      message_put_item(&list, count++, &item);
    }
    bson_destroy(&item);
  }
  bson_append_array_end(document, &list);
  return count > 0;
}

/* What the bookmark file has to know of the target's collections. */
static bool
report_changes(struct applier *applier, struct error *error)
{
  bool ok = true;
  for (bool any = true; ok && any;) {
    bson_t document = BSON_INITIALIZER;
    any = put_part(&document, "places", put_mapped, &applier->collection_map);
    any = put_part(&document, "sleeping", put_deferred_list, &applier->deferred) || any;
    any = put_part(&document, "traffic", put_counted, &applier->collection_map) || any;
    ok = !any || channel_send(&applier->channel, MESSAGE_CHANGED, &document, error);
    bson_destroy(&document);
  }
  return ok;
}

bool
bookmark_report(struct applier *applier, bool confirm, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  optime_put_as(&document, "bookmark", &applier->bookmark);
  optime_put_as(&document, "taken", &applier->taken);
  message_put_timestamp(&document, "reached", applier->consistent ? applier->position.ts : applier->end);
  message_put_timestamp(&document, "goal", applier->goal);
  BSON_APPEND_INT64(&document, "entries", applier->entries);
  BSON_APPEND_BOOL(&document, "consistent", applier->consistent);
  BSON_APPEND_INT64(&document, "repairs", applier->repair.done);
  BSON_APPEND_BOOL(&document, "waits", applier->waits);
  BSON_APPEND_BOOL(&document, "over", applier->over);
  BSON_APPEND_BOOL(&document, "confirm", confirm);
  mark_put(&document, &applier->mark);
  bool ok = report_changes(applier, error) && channel_send(&applier->channel, MESSAGE_APPLIED, &document, error);
  fault_point("bookmark-sent");
  ok = ok && (!confirm || wait_until_confirmed(applier, error));
  bson_destroy(&document);
  applier->report_ms = clock_ms();
  return ok;
}

bool
bookmark_same_election(struct applier *applier, struct error *error)
{
  struct server_hello hello;
  char election[25] = "";
  if (!server_ask_hello(&applier->target, false, &hello, error)) {
    return false;
  }
  if (hello.has_election) {
    bson_oid_to_string(&hello.election, election);
  }
  bool same = !applier->election[0] || strcmp(election, applier->election) == 0;
  snprintf(applier->election, sizeof applier->election, "%s", election);
  return same || error_set(error, ERROR_TARGET, "the target elected another primary");
}

/* Refused documents are recorded before the bookmark passes them. */
static bool
report_documents(struct applier *applier, struct error *error)
{
  bson_t list;
  bson_iter_t iter;
  bool ok = true;
  if (!apply_take_refused(&applier->apply, &list)) {
    return true;
  }
  for (bson_iter_init(&iter, &list); ok && bson_iter_next(&iter);) {
    bson_t document;
    ok = message_item(&iter, &document) && channel_send(&applier->channel, MESSAGE_REFUSED, &document, error);
  }
  bson_destroy(&list);
  return ok;
}

static bool
report_touched(struct applier *applier, struct error *error)
{
  bool ok = true;
  for (bool any = true; ok && any;) {
    bson_t document = BSON_INITIALIZER;
    any = touched_put(&applier->touched, &document);
    ok = !any || channel_send(&applier->channel, MESSAGE_TOUCHED, &document, error);
    bson_destroy(&document);
  }
  return ok;
}

bool
bookmark_settle(struct applier *applier, bool confirm, struct error *error)
{
  struct optime settled = feed_settled(applier->feed);
  uint64_t complete = applier->idle ? settled.ts : settled.ts > OVERFLOW_TAKES ? settled.ts - OVERFLOW_TAKES : 0;
  if (!reread_flush(&applier->collection_map, &applier->apply, true, complete, error) ||
      !bookmark_same_election(applier, error) || !report_documents(applier, error)) {
    return false;
  }
  fault_point("batch-settled");
  if (applier->consistent &&
      !reread_judge(&applier->collection_map, &applier->reader, &applier->target, settled.ts, error)) {
    return false;
  }
  /*
   * What is to be read again, or judged, is only in memory. After a crash it has to be found once more. Nor may the
   * bookmark pass what makes the replay lenient again, while it still says that it is consistent.
   */
  applier->waits =
    (applier->consistent ? reread_any(&applier->collection_map) : reread_any_due(&applier->collection_map)) ||
    applier->collection_map.relapse || apply_capped_waits(&applier->apply);
  bool moves = settled.ts > applier->bookmark.ts && !applier->waits;
  int64_t begun_us = clock_us();
  bool same =
    moves ? mark_move(&applier->target, &applier->mark, 0, error) : mark_look(&applier->target, &applier->mark, error);
  applier->measures.us[MEASURE_MAJORITY] += clock_us() - begun_us;
  if (!same) {
    return false;
  }
  applier->bookmark = moves ? settled : applier->bookmark;
  return report_touched(applier, error) && bookmark_report(applier, confirm, error);
}

bool
bookmark_confirm_collections(void *context, struct error *error)
{
  return bookmark_settle(context, true, error);
}

bool
bookmark_refuse_document(void *context, const struct writer_refusal *refusal, struct error *error)
{
  struct applier *applier = context;
  bson_t document = BSON_INITIALIZER;
  message_put_refused_document(&document, refusal->db, refusal->coll, refusal->selector, refusal->kept, refusal->why);
  bool ok = channel_send(&applier->channel, MESSAGE_REFUSED, &document, error);
  bson_destroy(&document);
  if (!refusal->kept) {
    char *ns = memory_format("%s.%s", refusal->db, refusal->coll);
    refused_put(&applier->apply.refused, ns, refusal->selector);
    free(ns);
  }
  return ok;
}

struct following {
  struct applier *applier;
  const char *ns;
  const char *to_db;
  const char *to_coll;
  bool ok;
  struct error *error;
};

static void
tell_new_name(void *context, const bson_t *selector)
{
  struct following *following = context;
  bson_t document = BSON_INITIALIZER;
  BSON_APPEND_UTF8(&document, "db", following->to_db);
  BSON_APPEND_UTF8(&document, "coll", following->to_coll);
  BSON_APPEND_DOCUMENT(&document, "id", selector);
  BSON_APPEND_BOOL(&document, "kept", false);
  BSON_APPEND_UTF8(&document, "was", following->ns);
  following->ok =
    following->ok && channel_send(&following->applier->channel, MESSAGE_REFUSED, &document, following->error);
  bson_destroy(&document);
}

bool
bookmark_follow_name(void *context, const char *ns, const char *to_db, const char *to_coll, struct error *error)
{
  struct applier *applier = context;
  struct following following = {applier, ns, to_db, to_coll, true, error};
  char *to = to_db ? memory_format("%s.%s", to_db, to_coll) : NULL;
  refused_rename(&applier->apply.refused, ns, to, tell_new_name, &following);
  free(to);
  return following.ok;
}

bool
bookmark_refuse_index(void *context, const char *db, const char *coll, const char *index, const struct error *why,
                      struct error *error)
{
  struct applier *applier = context;
  bson_t document = BSON_INITIALIZER;
  message_put_refused_definition(&document, db, coll, index, why);
  bool ok = channel_send(&applier->channel, MESSAGE_REFUSED, &document, error);
  bson_destroy(&document);
  return ok;
}

/* A unique index that the source's documents contradict (old servers could hold such) is reported with the key. */
static bool
refuse_of(struct applier *applier, struct deferred_list *deferred_list, struct error *error)
{
  bool ok = true;
  for (size_t i = deferred_list->count; ok && i-- > 0;) {
    const struct deferred_index *deferred_index = &deferred_list->items[i];
    if (deferred_index->refused) {
      ok = bookmark_refuse_index(applier, deferred_list->db, deferred_list->coll,
                                 deferred_index->name[0] ? deferred_index->name : NULL, deferred_index->refused, error);
      deferred_drop(&applier->deferred, deferred_list, i); /* the last one, at 0, takes the list with it */
    }
  }
  return ok;
}

bool
bookmark_refuse_deferred(struct applier *applier, struct error *error)
{
  struct deferred_list *deferred_list;
  struct deferred_list *next;
  bool ok = true;
  HASH_ITER (by_ns, applier->deferred.by_ns, deferred_list, next) {
    ok = ok && refuse_of(applier, deferred_list, error);
  }
  return ok;
}
