#include "applier/applier.h"

#include <stdlib.h>
#include <unistd.h>

#include "applier/collections/indexes.h"
#include "applier/replay/bookmark.h"
#include "applier/replay/follow.h"
#include "applier/replay/oplog_watch.h"
#include "applier/replay/retry.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "server/parallel.h"
#include "source/catalog/catalog.h"
#include "target/definition/schema.h"

#define TRANSACTIONS_BYTES (64 << 20)
#define VERSION_3_2 302
#define LARGE_BYTES (2u << 20)

static bool
send_error(struct applier *applier, const struct error *cause)
{
  struct error ignored;
  bson_t document = BSON_INITIALIZER;
  message_put_error(&document, cause);
  bool sent = channel_send(&applier->channel, MESSAGE_FAILED, &document, &ignored);
  bson_destroy(&document);
  return sent;
}

static bool
connect_both(struct applier *applier, const char *source, const char *target, struct error *error)
{
  struct server_hello hello;
  if (!reader_open(&applier->reader, source, true, error) ||
      !server_open(&applier->target, ERROR_TARGET, target, true, error) ||
      !server_ask_hello(&applier->target, true, &hello, error) ||
      !apply_init(&applier->apply, target, &applier->mark, error)) {
    apply_clear(&applier->apply);
    server_close(&applier->target);
    reader_close(&applier->reader);
    return false;
  }
  applier->ddl.target_version = server_version(&hello);
  return true;
}

static bool
setup(struct applier *applier, const bson_t *message, struct error *error)
{
  const char *source = NULL;
  const char *target = NULL;
  const char *folder = NULL;
  const char *oplog_path = NULL;
  struct error absent;
  bson_t settings;
  bson_t ready = BSON_INITIALIZER;
  if (!message_text(message, "source", &source, error) || !message_text(message, "target", &target, error) ||
      !message_document(message, "settings", &settings, error) || !message_text(&settings, "folder", &folder, error)) {
    return false;
  }
  selection_get(&applier->selection, &settings);
  selection_get(&applier->watched, &settings);
  applier->atomic = message_flag(&settings, "atomicTransactions");
  mark_get(&settings, &applier->mark);
  applier->touched.wanted = message_flag(&settings, "verifies");
  applier->batch_entries = message_number(&settings, "oplogBatchSize", 10000);
  applier->connections = (int)message_number(&settings, "replayConnections", 0);
  applier->ddl = (struct ddl){.target = &applier->target,
                              .collection_map = &applier->collection_map,
                              .deferred = &applier->deferred,
                              .selection = &applier->selection,
                              .listed = &applier->listed,
                              .lenient = true,
                              .confirm = bookmark_confirm_collections,
                              .refuse = bookmark_refuse_index,
                              .refuse_document = bookmark_refuse_document,
                              .follow_name = bookmark_follow_name,
                              .context = applier,
                              .keep_uuids = message_flag(&settings, "preserveUUIDs"),
                              .no_indexes = message_flag(&settings, "noIndexRestore")};
  /* This applier may have to replace one that died while a server was away. */
  while (!connect_both(applier, source, target, error)) {
    if (!retry_wait(applier, error)) {
      return false;
    }
  }
  applier->folder = memory_string(folder);
  applier->oplog_path = message_text(&settings, "oplogPath", &oplog_path, &absent) ? memory_string(oplog_path) : NULL;
  applier->source_uri = memory_string(source);
  applier->target_uri = memory_string(target);
  applier->transactions =
    (struct transactions){.reader = &applier->reader, .folder = applier->folder, .memory_most = TRANSACTIONS_BYTES};
  applier->ddl.by_name = !applier->reader.by_uuid;
  applier->ddl.source_version = applier->reader.version;
  applier->ddl.pages = applier->reader.moves;
  /*
   * Up to 3.0 a command is logged after its lock is gone. So a drop may stand before the rename whose outcome it
   * dropped. A later insert then finds what the server had dropped (seen in a recording of 2.6.12).
   */
  applier->apply.bulk.upsert = applier->reader.version < VERSION_3_2;
  applier->apply.bulk.missed = applier->reader.moves;
  applier->apply.part_entries = applier->batch_entries;
  bool ok = channel_send(&applier->channel, MESSAGE_READY, &ready, error);
  bson_destroy(&ready);
  return ok;
}

static void
adopt_indexes(struct applier *applier, const struct collection *collection)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, collection->indexes); bson_iter_next(&iter);) {
    bson_t spec;
    if (message_item(&iter, &spec) && schema_index_unique(&spec)) {
      deferred_adopt(&applier->deferred, collection->db, collection->name, &spec,
                     bson_has_field(collection->options, "collation"));
    }
  }
}

/* The target's own list decides what exists. The coordinator knows which collection of the source each one is. */
static bool
list_collections(struct applier *applier, struct catalog *catalog, struct error *error)
{
  struct reader view = reader_view(&applier->target); /* read through the catalog's eyes */
  if (!catalog_list(catalog, &view, catalog_any, NULL, error)) {
    return error_wrap(error, "cannot list the target's collections");
  }
  collection_map_clear(&applier->collection_map);
  deferred_clear(&applier->deferred);
  for (size_t i = 0; i < catalog->count; i++) {
    struct mapped_collection *mapped =
      collection_map_add(&applier->collection_map, catalog->collections[i].db, catalog->collections[i].name);
    mapped->capped = catalog->collections[i].capped;
    mapped->collated = bson_has_field(catalog->collections[i].options, "collation");
    mapped->view = bson_has_field(catalog->collections[i].options, "viewOn");
  }
  namespace_set_clear(&applier->collection_map.changed);
  return true;
}

static void
take_collections(struct applier *applier, const bson_t *message)
{
  bson_t list;
  struct error absent;
  if (message_document(message, "places", &list, &absent)) {
    collection_map_get(&applier->collection_map, &list);
  }
  if (message_document(message, "sleeping", &list, &absent)) {
    deferred_get(&applier->deferred, &list);
  }
  namespace_set_clear(&applier->deferred.changed); /* it is from the bookmark file */
}

static bool
read_indexes(void *context, size_t number, struct server *target, struct error *error)
{
  struct reader view = reader_view(target);
  return catalog_read_indexes(&((struct catalog *)context)->collections[number], &view, error);
}

/* Unique indexes may have been built after the bookmark, so the target itself is asked. */
static bool
learn_indexes(struct applier *applier, struct catalog *catalog, struct error *error)
{
  struct parallel parallel = {.kind = ERROR_TARGET,
                              .uri = applier->target_uri,
                              .patient = true,
                              .threads = PARALLEL_MOST,
                              .work = read_indexes,
                              .context = catalog};
  if (!parallel_run(&parallel, catalog->count, error)) {
    return false;
  }
  for (size_t i = 0; i < catalog->count; i++) {
    adopt_indexes(applier, &catalog->collections[i]);
  }
  return true;
}

static bool
read_optime(const bson_t *message, const char *name, struct optime *optime, struct error *error)
{
  bson_t document;
  if (!message_document(message, name, &document, error)) {
    return false;
  }
  *optime = optime_of(&document);
  return true;
}

static int
earlier_first(const void *left, const void *right)
{
  const struct optime *a = left;
  const struct optime *b = right;
  return a->ts < b->ts ? -1 : a->ts > b->ts;
}

static void
take_seen(struct applier *applier, const bson_t *message)
{
  bson_t list;
  bson_t item;
  bson_iter_t iter;
  size_t capacity = 0;
  struct error absent;
  if (!message_document(message, "seen", &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    if (!message_item(&iter, &item)) {
      continue;
    }
    struct optime seen = optime_of(&item);
    if (seen.ts > applier->start.ts) { /* what is before was there when the replay began, or has passed */
      applier->seen = memory_grow(applier->seen, applier->seen_count, &capacity, sizeof *applier->seen);
      applier->seen[applier->seen_count++] = seen;
    }
  }
  if (applier->seen_count > 0) {
    qsort(applier->seen, applier->seen_count, sizeof *applier->seen, earlier_first);
  }
}

/* Documents that the copy, or an earlier replay, could not bring over. Their changes are not missed. */
static void
take_refused(struct applier *applier, const bson_t *message)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  if (!message_document(message, "refused", &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    const char *db = NULL;
    const char *coll = NULL;
    bson_t item;
    bson_t id;
    if (message_item(&iter, &item) && message_text(&item, "db", &db, &absent) &&
        message_text(&item, "coll", &coll, &absent) && message_document(&item, "id", &id, &absent)) {
      char *ns = memory_format("%s.%s", db, coll);
      if (!message_flag(&item, "kept")) {
        refused_put(&applier->apply.refused, ns, &id);
      }
      free(ns);
    }
  }
}

/* The end of the moving copy: the oplog has every write up to there by now. */
static bool
find_end(struct applier *applier, struct error *error)
{
  uint64_t oldest = 0;
  return oplog_window(&applier->reader, &oldest, &applier->end, error) && follow_expect(applier, error);
}

/*
 * Notes which collections may lack documents that the target expired by itself, up to what the source has written by
 * now.
 */
static bool
note_expiry_stopped(struct applier *applier, struct error *error)
{
  struct optime now;
  if (!oplog_last(&applier->reader, &now, error)) {
    return false;
  }
  for (struct mapped_collection *mapped = applier->collection_map.by_ns; mapped; mapped = mapped->by_ns.next) {
    if (mapped->expired == EXPIRY_ACTIVE) {
      mapped->expired = now.ts;
      collection_map_changed(&applier->collection_map, mapped);
    }
  }
  return true;
}

/* From here on the target is changed. */
static bool
prepare_indexes(struct applier *applier, struct catalog *catalog, struct error *error)
{
  return mark_look(&applier->target, &applier->mark, error) && learn_indexes(applier, catalog, error) &&
         indexes_set_ttl(&applier->deferred, applier->target_uri, true, error) && note_expiry_stopped(applier, error);
}

static void
note_expiry_active(struct applier *applier, const char *db, const char *coll)
{
  struct mapped_collection *mapped = collection_map_find(&applier->collection_map, db, coll);
  if (mapped) {
    mapped->expired = EXPIRY_ACTIVE;
    collection_map_changed(&applier->collection_map, mapped);
  }
}

/*
 * The migration may go on later. So the bookmark file first gets what the target expires from now on. A time series
 * stands for its buckets.
 */
static bool
restore_expiry(struct applier *applier, struct error *error)
{
  for (const struct deferred_list *deferred_list = applier->deferred.by_ns; deferred_list;
       deferred_list = deferred_list->by_ns.next) {
    if (indexes_any_ttl(deferred_list)) {
      char *buckets = memory_format("system.buckets.%s", deferred_list->coll);
      note_expiry_active(applier, deferred_list->db, deferred_list->coll);
      note_expiry_active(applier, deferred_list->db, buckets);
      free(buckets);
    }
  }
  bool awake =
    bookmark_report(applier, true, error) && indexes_set_ttl(&applier->deferred, applier->target_uri, false, error);
  fault_point("awake");
  applier->over = true;
  return awake && bookmark_refuse_deferred(applier, error) && mark_move(&applier->target, &applier->mark, 0, error) &&
         bookmark_report(applier, true, error);
}

/* An older version's bookmark does not say it. */
static void
take_taken(struct applier *applier, const bson_t *message)
{
  bson_t start;
  struct error absent;
  applier->taken = applier->start;
  if (message_document(message, "start", &start, &absent)) {
    read_optime(&start, "taken", &applier->taken, &absent);
  }
}

static bool
take_hand_off(struct applier *applier, struct catalog *catalog, const bson_t *message, struct error *error)
{
  if (!read_optime(message, "copied_from", &applier->copied_from, error) ||
      !read_optime(message, "start", &applier->start, error)) {
    return false;
  }
  mark_get(message, &applier->mark);
  applier->end = message_timestamp(message, "end");
  while (applier->end == 0 && !find_end(applier, error)) {
    applier->end = 0;
    if (!retry_wait(applier, error)) {
      return false;
    }
  }
  applier->bookmark = applier->start;
  take_seen(applier, message);
  take_taken(applier, message);
  take_refused(applier, message);
  listed_get(&applier->listed, message);
  /* The copy has no unique indexes, and its TTL indexes expire nothing. */
  while (!message_flag(message, "fresh") && !prepare_indexes(applier, catalog, error)) {
    if (!retry_wait(applier, error)) {
      return false;
    }
  }
  return true;
}

/* Takes the parts of the collections' state, and the hand-off itself. 1; 0 if a STOP came instead; -1 on error. */
static int
take_over(struct applier *applier, enum message_type type, bson_t *message, struct error *error)
{
  struct catalog catalog;
  int got = 1;
  while (got == 1 && !list_collections(applier, &catalog, error)) {
    got = retry_wait(applier, error) ? 1 : -1;
  }
  while (got == 1 && type == MESSAGE_COLLECTIONS) {
    take_collections(applier, message);
    got = channel_receive(&applier->channel, &type, message, error);
  }
  if (got == 1 && type == MESSAGE_STOP) {
    got = 0;
  } else if (got == 1 && type != MESSAGE_HAND_OFF) {
    error_set(error, ERROR_CHILD, "%s is no hand-off", message_name(type));
    got = -1;
  } else if (got == 1) {
    got = take_hand_off(applier, &catalog, message, error) ? 1 : -1;
  }
  catalog_clear(&catalog);
  return got;
}

/*
 * A replay that is paused before it begins. People still see what the source writes. The replay opens a feed of its
 * own.
 */
static int
watch_paused(struct applier *applier, const struct optime *start, enum message_type *type, bson_t *message,
             struct error *error)
{
  int got = heartbeat_ask(&applier->heartbeat, applier->source_uri, error)
              ? oplog_watch_until_message(applier, start, type, message, error)
              : -1;
  state_close_feed(applier);
  return got;
}

/* Watches while the copy runs, if there is one. 1 with the message that ends it; 0 if the coordinator is gone. */
static int
wait_for_hand_off(struct applier *applier, enum message_type *type, bson_t *message, struct error *error)
{
  struct optime start;
  struct error absent;
  int got = channel_receive(&applier->channel, type, message, error);
  if (got == 1 && *type == MESSAGE_WATCH) {
    mark_get(message, &applier->mark);
    if (!read_optime(message, "start", &start, error)) {
      return -1;
    }
    bool paused = read_optime(message, "copied_from", &applier->copied_from, &absent);
    applier->copied_from = paused ? applier->copied_from : start;
    got = paused ? watch_paused(applier, &start, type, message, error)
                 : oplog_watch_until_message(applier, &start, type, message, error);
  }
  return got;
}

static bool
run(struct applier *applier, struct error *error)
{
  enum message_type type;
  bson_t message;
  int got = channel_receive(&applier->channel, &type, &message, error);
  if (got <= 0) {
    return got == 0;
  }
  if (type != MESSAGE_SETUP) {
    return error_set(error, ERROR_CHILD, "%s came before the set-up", message_name(type));
  }
  if (!heartbeat_start(&applier->heartbeat, &applier->channel, error) || !setup(applier, &message, error)) {
    return false;
  }
  got = wait_for_hand_off(applier, &type, &message, error);
  if (got <= 0 || type == MESSAGE_STOP) {
    return got >= 0;
  }
  got = take_over(applier, type, &message, error);
  if (got <= 0) {
    return got == 0;
  }
  if (!follow_with_retries(applier, error)) {
    return false;
  }
  return !applier->consistent || restore_expiry(applier, error);
}

int
applier_main(int in, int out)
{
  struct error error = {.kind = ERROR_NONE};
  struct applier *applier = memory_new(sizeof *applier);
  log_open("applier");
  memory_keep_below(LARGE_BYTES, 2);
  server_library_start();
  channel_init(&applier->channel, in, out);
  bool ok = run(applier, &error);
  if (!ok) {
    send_error(applier, &error);
  }
  heartbeat_end(&applier->heartbeat);
  if (feed_leave(applier->feed)) {
    _exit(ok ? 0 : error_exit_status(error.kind));
  }
  state_close_feed(applier);
  memory_wipe(applier->source_uri);
  memory_wipe(applier->target_uri);
  transactions_clear(&applier->transactions);
  touched_clear(&applier->touched);
  repair_clear(&applier->repair);
  free(applier->seen);
  free(applier->folder);
  free(applier->oplog_path);
  apply_clear(&applier->apply);
  server_close(&applier->target);
  reader_close(&applier->reader);
  collection_map_clear(&applier->collection_map);
  deferred_clear(&applier->deferred);
  selection_clear(&applier->selection);
  selection_clear(&applier->watched);
  listed_clear(&applier->listed);
  channel_clear(&applier->channel);
  free(applier);
  server_library_end();
  return ok ? 0 : error_exit_status(error.kind);
}
