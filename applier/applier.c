#include "applier/applier.h"

#include <stdlib.h>

#include "applier/ddl.h"
#include "applier/recopy.h"
#include "applier/reread.h"
#include "applier/transactions.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "ipc/channel.h"
#include "source/catalog.h"
#include "source/feed.h"
#include "target/delta.h"

#define BATCH_BYTES (16 << 20)
#define TRANSACTIONS_BYTES (64 << 20)
#define WATCH_MS 5000
#define LATEST_MS 2000
#define REPORT_MS 1000
#define IDLE_MS 1000
#define FINISH_MS 5000
#define VERSION_3_2 302

struct applier {
  struct channel channel;
  struct reader reader;
  struct server target;
  struct apply apply;
  struct places places;
  struct sleeping sleeping;
  struct selection selection;
  struct transactions transactions;
  char *folder;        /* for what does not fit into memory */
  uint64_t committing; /* the timestamp of the commit that is being applied, 0 if none */
  struct ddl ddl;
  char *source_uri;
  struct feed *feed;
  struct optime start;    /* go on behind this one */
  struct optime position; /* the last entry taken into the batch */
  struct optime bookmark; /* all up to it is held by the target's majority */
  uint64_t end;           /* the consistency point */
  uint64_t latest;
  uint64_t last_write; /* the newest entry seen that does something */
  int64_t latest_ms;   /* when `latest` was asked */
  int64_t report_ms;
  int64_t entries;
  int64_t batch_entries; /* --oplogBatchSize */
  bool consistent;
  bool rereading; /* the first consistency point is behind: only what was read or copied again is ahead of the replay */
  bool ddl_unreported;
  bool stopping;
  char election[25]; /* the target's, when the bookmark was last moved */
};

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

static bool confirm_places(void *context, struct error *error);

static bool
setup(struct applier *applier, const bson_t *message, struct error *error)
{
  const char *source = NULL;
  const char *target = NULL;
  const char *folder = NULL;
  bson_t settings;
  bson_t ready = BSON_INITIALIZER;
  if (!message_text(message, "source", &source, error) || !message_text(message, "target", &target, error) ||
      !message_document(message, "settings", &settings, error) || !message_text(&settings, "folder", &folder, error)) {
    return false;
  }
  selection_get(&applier->selection, &settings);
  applier->batch_entries = message_number(&settings, "oplogBatchSize", 10000);
  applier->ddl = (struct ddl){.target = &applier->target,
                              .places = &applier->places,
                              .sleeping = &applier->sleeping,
                              .selection = &applier->selection,
                              .lenient = true,
                              .confirm = confirm_places,
                              .context = applier,
                              .no_indexes = message_flag(&settings, "noIndexRestore")};
  if (!reader_open(&applier->reader, source, true, error) ||
      !server_open(&applier->target, ERROR_TARGET, target, true, error) ||
      !apply_init(&applier->apply, target, error)) {
    return false;
  }
  applier->folder = memory_string(folder);
  applier->source_uri = memory_string(source);
  applier->transactions =
    (struct transactions){.reader = &applier->reader, .folder = applier->folder, .memory_most = TRANSACTIONS_BYTES};
  applier->ddl.by_name = !applier->reader.by_uuid;
  /*
   * Up to 3.0 a command is logged after its lock is gone: a drop may stand before the rename whose outcome it dropped, and
   * a later insert then finds what the server had dropped (seen in a recording of 2.6.12).
   */
  applier->apply.bulk.upsert = applier->reader.version < VERSION_3_2;
  bool ok = channel_send(&applier->channel, MESSAGE_READY, &ready, error);
  bson_destroy(&ready);
  return ok;
}

/* Until the hand-off: is T0 still in the oplog? Gives the first message; 0 if the coordinator is gone. */
static int
watch(struct applier *applier, enum message_type *type, bson_t *message, struct error *error)
{
  while (!channel_waiting(&applier->channel, WATCH_MS)) {
    bson_t document = BSON_INITIALIZER;
    uint64_t oldest = 0;
    uint64_t newest = 0;
    bool ok = oplog_window(&applier->reader, &oldest, &newest, error);
    message_put_timestamp(&document, "oldest", oldest);
    message_put_timestamp(&document, "newest", newest);
    ok = ok && channel_send(&applier->channel, MESSAGE_WINDOW, &document, error);
    bson_destroy(&document);
    if (!ok && !server_error_passes(error)) {
      return -1;
    }
  }
  return channel_receive(&applier->channel, type, message, error);
}

static bool
any_namespace(const void *context, const char *db, const char *coll)
{
  (void)context;
  (void)db;
  (void)coll;
  return true;
}

static bool
is_unique(const bson_t *spec)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, spec, "unique") && bson_iter_as_bool(&iter);
}

static void
adopt_indexes(struct applier *applier, const struct collection *collection)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, collection->indexes); bson_iter_next(&iter);) {
    bson_t spec;
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    bson_iter_document(&iter, &size, &bytes);
    if (bson_init_static(&spec, bytes, size) && is_unique(&spec)) {
      sleeping_adopt(&applier->sleeping, collection->db, collection->name, &spec,
                     bson_has_field(collection->options, "collation"));
    }
  }
}

/* What the target holds decides what exists; the coordinator knows which collection of the source each one is. */
static bool
learn_places(struct applier *applier, const bson_t *list, struct error *error)
{
  struct catalog catalog;
  struct reader view = {.server = applier->target}; /* the same client, read through the catalog's eyes */
  if (!catalog_read(&catalog, &view, any_namespace, NULL, error)) {
    return error_wrap(error, "cannot list the target's collections");
  }
  places_clear(&applier->places);
  for (size_t i = 0; i < catalog.count; i++) {
    struct place *place = places_add(&applier->places, catalog.collections[i].db, catalog.collections[i].name);
    place->capped = catalog.collections[i].capped;
    place->collated = bson_has_field(catalog.collections[i].options, "collation");
    adopt_indexes(applier, &catalog.collections[i]);
  }
  catalog_clear(&catalog);
  places_get(&applier->places, list);
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

static bool
take_hand_off(struct applier *applier, const bson_t *message, struct error *error)
{
  bson_t list;
  bson_t sleepers;
  if (!read_optime(message, "start", &applier->start, error) || !message_document(message, "places", &list, error) ||
      !message_document(message, "sleeping", &sleepers, error)) {
    return false;
  }
  uint64_t oldest = 0;
  applier->end = message_timestamp(message, "end");
  if (applier->end == 0 && !oplog_window(&applier->reader, &oldest, &applier->end, error)) {
    return false;
  }
  applier->bookmark = applier->start;
  sleeping_clear(&applier->sleeping);
  sleeping_get(&applier->sleeping, &sleepers);
  return learn_places(applier, &list, error) && sleeping_set_ttl(&applier->sleeping, &applier->target, true, error);
}

static void
put_optime(bson_t *document, const char *name, const struct optime *optime)
{
  bson_t sub;
  BSON_APPEND_DOCUMENT_BEGIN(document, name, &sub);
  message_put_timestamp(&sub, "ts", optime->ts);
  if (optime->term >= 0) {
    BSON_APPEND_INT64(&sub, "t", optime->term);
  }
  if (optime->hash) {
    BSON_APPEND_INT64(&sub, "h", optime->hash);
  }
  bson_append_document_end(document, &sub);
}

/* A STOP that comes meanwhile is obeyed after the batch. */
static bool
wait_until_kept(struct applier *applier, struct error *error)
{
  enum message_type type = MESSAGE_STOP;
  bson_t message;
  while (type != MESSAGE_KEPT) {
    int got = channel_receive(&applier->channel, &type, &message, error);
    if (got <= 0) {
      return got == 0 ? error_set(error, ERROR_CHILD, "the coordinator is gone") : false;
    }
    applier->stopping = applier->stopping || type == MESSAGE_STOP;
  }
  return true;
}

/* `confirm`: returns when it is in the bookmark file. */
static bool
report(struct applier *applier, bool confirm, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  put_optime(&document, "bookmark", &applier->bookmark);
  message_put_timestamp(&document, "reached", applier->consistent ? applier->position.ts : applier->end);
  message_put_timestamp(&document, "latest", applier->latest);
  message_put_timestamp(&document, "last_write", applier->last_write);
  BSON_APPEND_INT64(&document, "entries", applier->entries);
  BSON_APPEND_BOOL(&document, "consistent", applier->consistent);
  if (applier->ddl_unreported) {
    bson_t list;
    BSON_APPEND_ARRAY_BEGIN(&document, "sleeping", &list);
    sleeping_put(&applier->sleeping, &list);
    bson_append_array_end(&document, &list);
    BSON_APPEND_ARRAY_BEGIN(&document, "places", &list);
    places_put(&applier->places, &list);
    bson_append_array_end(&document, &list);
    applier->ddl_unreported = false;
  }
  BSON_APPEND_BOOL(&document, "confirm", confirm);
  bool ok =
    channel_send(&applier->channel, MESSAGE_APPLIED, &document, error) && (!confirm || wait_until_kept(applier, error));
  bson_destroy(&document);
  applier->report_ms = clock_ms();
  return ok;
}

/*
 * A write that only the primary acknowledged counts once a later one on the same primary has a majority. With another
 * election in between it may be gone.
 */
static bool
same_election(struct applier *applier, struct error *error)
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

/* All that was gathered goes to the target's majority; then the bookmark may move. */
static bool
settle(struct applier *applier, bool confirm, struct error *error)
{
  if (!apply_flush(&applier->apply, true, error) || !same_election(applier, error)) {
    return false;
  }
  struct optime settled = feed_settled(applier->feed);
  /* What is to be read again is only in memory: after a crash it has to be found once more. */
  if (settled.ts > applier->bookmark.ts && (applier->consistent || !reread_any_due(&applier->places))) {
    applier->bookmark = settled;
  }
  return report(applier, confirm, error);
}

static bool
confirm_places(void *context, struct error *error)
{
  struct applier *applier = context;
  applier->ddl_unreported = true;
  return settle(applier, true, error);
}

/*
 * The replay has passed the moving copy: from here on the target is what the source was, entry by entry. If collections
 * had to be copied or documents had to be read again, the consistency point moves on first.
 */
static bool
become_consistent(struct applier *applier, struct error *error)
{
  if (!apply_flush(&applier->apply, true, error)) {
    return false;
  }
  if (recopy_any_due(&applier->places)) {
    applier->rereading = true;
    applier->ddl_unreported = true;
    return recopy_run(&applier->ddl, &applier->reader, &applier->end, error);
  }
  if (reread_any_due(&applier->places)) {
    applier->rereading = true;
    return reread_run(&applier->places, &applier->reader, &applier->apply, &applier->end, error);
  }
  for (struct place *place = applier->places.by_ns; place; place = place->by_ns.next) {
    reread_clear(place);
  }
  applier->consistent = true;
  applier->ddl.lenient = false;
  applier->apply.bulk.lenient = false;
  log_info("consistent ts=%u.%u: building the unique indexes that waited", OPTIME_SECONDS(applier->end),
           OPTIME_INCREMENT(applier->end));
  applier->ddl_unreported = true;
  return sleeping_build(&applier->sleeping, &applier->target, error);
}

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

/* Up to the consistency point: notes what must be read again. False: the entry is in what was read already. */
static bool
is_to_replay(struct applier *applier, struct place *place, const struct entry *entry)
{
  struct reread *reread = reread_find(place, &entry->id);
  if (reread && entry->ts <= reread->exact) {
    return false;
  }
  if (removes_fields(entry)) {
    if ((reread || !applier->rereading || place->start) && !place->capped) {
      reread_note(place, &entry->id);
    }
  } else if (reread && entry->kind == ENTRY_WRITE && entry->write != APPLY_MODIFY && entry->write != APPLY_DELTA) {
    reread_forget(place, reread); /* the whole document is as this entry says */
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

/* $v says how it was written, not what to do; targets from 6.1 on refuse it. */
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
add_write(struct applier *applier, struct entry *entry, struct error *error)
{
  if (strncmp(entry->coll, "system.", 7) == 0 && strcmp(entry->coll, "system.js") != 0) {
    return apply_flush(&applier->apply, false, error) && ddl_apply_write(&applier->ddl, entry, error);
  }
  if (!selection_wants(&applier->selection, entry->db, entry->coll)) {
    return true;
  }
  struct place *place = ddl_place(&applier->ddl, entry);
  if (!place && ddl_is_gone(&applier->ddl, entry)) {
    return true;
  }
  if (!place) { /* not every server logs the creation that an insert makes */
    if (entry->write != APPLY_INSERT) {
      return applier->ddl.lenient ||
             error_set(error, ERROR_DIVERGED, "the oplog entry at %u.%u changes %s.%s, which the target does not have",
                       OPTIME_SECONDS(entry->ts), OPTIME_INCREMENT(entry->ts), entry->db, entry->coll);
    }
    place = places_add(&applier->places, entry->db, entry->coll);
    if (entry->has_uuid) {
      places_set_uuid(&applier->places, place, entry->uuid);
    }
  }
  if (entry->ts <= place->start || (!applier->consistent && !is_to_replay(applier, place, entry))) {
    return true;
  }
  struct batch *batch = &applier->apply.gathering;
  struct batch_run *run = batch_into(batch, place->db, place->coll);
  if (run->count == 0) {
    run->capped = place->capped;
    run->keep_order =
      place->capped || place->collated || sleeping_any_unique(&applier->sleeping, place->db, place->coll);
  }
  if (entry->kind == ENTRY_DIFF) {
    return add_diff(batch, entry, error);
  }
  if (entry->write == APPLY_MODIFY) {
    add_modifiers(batch, entry);
  } else {
    batch_add(batch, entry->write, entry->ts, &entry->id, entry->write == APPLY_DELETE ? NULL : &entry->o);
  }
  return true;
}

static bool take_entry(struct applier *applier, const bson_t *document, uint64_t ts, struct error *error);

static bool
take_group(struct applier *applier, const struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t item;
  bool ok = true;
  if (!bson_iter_init_find(&iter, &entry->o, "applyOps") || !bson_iter_recurse(&iter, &item)) {
    return error_set(error, ERROR_DIVERGED, "the applyOps at %u.%u has no operations", OPTIME_SECONDS(entry->ts),
                     OPTIME_INCREMENT(entry->ts));
  }
  while (ok && bson_iter_next(&item)) {
    bson_t inner;
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    if (BSON_ITER_HOLDS_DOCUMENT(&item)) {
      bson_iter_document(&item, &size, &bytes);
      ok = bson_init_static(&inner, bytes, size) && take_entry(applier, &inner, entry->ts, error);
    }
  }
  return ok;
}

static bool
take_entry(struct applier *applier, const bson_t *document, uint64_t ts, struct error *error)
{
  struct entry entry;
  bool ok = entry_read(&entry, document, ts, error);
  if (ok && entry.kind != ENTRY_NOTHING) {
    applier->last_write = entry.ts;
  }
  if (!ok || entry.kind == ENTRY_NOTHING) {
    entry_clear(&entry);
    return ok;
  }
  if (entry.kind == ENTRY_GROUP) {
    ok = take_group(applier, &entry, error);
  } else if (entry.kind == ENTRY_COMMAND) {
    ok = apply_flush(&applier->apply, false, error) && ddl_apply(&applier->ddl, &entry, error);
    applier->ddl_unreported = true;
  } else {
    ok = add_write(applier, &entry, error);
  }
  entry_clear(&entry);
  return ok;
}

/* What a part did was done when the transaction was committed. */
static bool
take_part(void *context, const bson_t *part, struct error *error)
{
  struct applier *applier = context;
  return take_entry(applier, part, applier->committing, error);
}

static bool
is_new_primary(const bson_t *document)
{
  bson_iter_t iter;
  bson_iter_t found;
  return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "o.msg", &found) &&
         BSON_ITER_HOLDS_UTF8(&found) && strcmp(bson_iter_utf8(&found, NULL), "new primary") == 0;
}

static bool
take_stream_entry(struct applier *applier, const bson_t *document, struct error *error)
{
  if (transaction_role_of(document) == TRANSACTION_NONE) {
    if (is_new_primary(document)) {
      transactions_forget_unprepared(&applier->transactions);
    }
    return take_entry(applier, document, 0, error);
  }
  applier->committing = optime_of(document).ts;
  return transactions_take(&applier->transactions, document, take_part, applier, error);
}

static bool
ask_latest(struct applier *applier, struct error *error)
{
  struct server_hello hello;
  if (clock_ms() - applier->latest_ms < LATEST_MS) {
    return true;
  }
  if (!server_ask_hello(&applier->reader.server, false, &hello, error)) {
    return false;
  }
  applier->latest = hello.last_write > applier->position.ts ? hello.last_write : applier->position.ts;
  applier->latest_ms = clock_ms();
  return true;
}

/* One entry of the stream. Up to the consistency point, and over what an earlier attempt may have done, lenient. */
static bool
follow_entry(struct applier *applier, const bson_t *document, struct error *error)
{
  struct optime at = optime_of(document);
  if (!applier->consistent && feed_settled(applier->feed).ts >= applier->end && !become_consistent(applier, error)) {
    return false;
  }
  if (at.ts > applier->position.ts) {
    applier->position = at;
  }
  applier->entries++;
  return take_stream_entry(applier, document, error);
}

/*
 * Only an entry with a later timestamp, or none for a while, tells that all of the last one's are here: so that the
 * bookmark is where the replay stopped, and the next start needs no lenient stretch.
 */
static bool
finish_timestamp(struct applier *applier, struct error *error)
{
  const bson_t *document = NULL;
  int64_t until = clock_ms() + FINISH_MS;
  while (feed_settled(applier->feed).ts < applier->position.ts && clock_ms() < until) {
    int got = feed_next(applier->feed, IDLE_MS, &document, error);
    bool same = got == 1 && optime_of(document).ts <= applier->position.ts;
    if (got < 0 || (same && !follow_entry(applier, document, error))) {
      return false;
    }
  }
  return settle(applier, false, error);
}

/* Reads and applies until STOP or the end of the input; then the batch in hand is finished. */
static bool
follow(struct applier *applier, struct error *error)
{
  applier->position = applier->start;
  applier->consistent = applier->rereading = false;
  applier->ddl.lenient = applier->apply.bulk.lenient = true;
  if (!feed_open(&applier->feed, applier->source_uri, &applier->start, error) || !same_election(applier, error)) {
    return false;
  }
  if (applier->end > applier->start.ts && !sleeping_unbuild(&applier->sleeping, &applier->target, error)) {
    return false;
  }
  int64_t taken = 0;
  while (!applier->stopping) {
    const bson_t *document = NULL;
    /* What was gathered does not wait for more to come. */
    int got = feed_next(applier->feed, applier->apply.gathering.count ? 0 : IDLE_MS, &document, error);
    if (got < 0 || (got == 1 && !follow_entry(applier, document, error))) {
      return false;
    }
    taken += got;
    if (got == 0 || taken >= applier->batch_entries || applier->apply.gathering.size >= BATCH_BYTES) {
      taken = 0;
      if (!apply_send(&applier->apply, error)) {
        return false;
      }
      applier->stopping = applier->stopping || channel_waiting(&applier->channel, 0);
    }
    if (got == 0 && !applier->consistent && feed_settled(applier->feed).ts >= applier->end &&
        !become_consistent(applier, error)) {
      return false;
    }
    bool due = clock_ms() - applier->report_ms >= REPORT_MS;
    if (due && (!ask_latest(applier, error) || !settle(applier, false, error))) {
      return false;
    }
  }
  return !applier->consistent || finish_timestamp(applier, error);
}

/* A lost connection or an election: go back to the bookmark, and treat what followed it as a moving copy. */
static bool
follow_patiently(struct applier *applier, struct error *error)
{
  int64_t wait_ms = 500;
  while (!follow(applier, error)) {
    if (!server_error_passes(error)) {
      return false;
    }
    log_warn("%s; trying again from ts=%u.%u", error->text, OPTIME_SECONDS(applier->bookmark.ts),
             OPTIME_INCREMENT(applier->bookmark.ts));
    feed_free(applier->feed);
    applier->feed = NULL;
    apply_forget(&applier->apply);
    transactions_clear(&applier->transactions);
    applier->end = applier->position.ts > applier->end ? applier->position.ts : applier->end;
    for (struct place *place = applier->places.by_ns; place; place = place->by_ns.next) {
      reread_clear(place);
    }
    applier->start = applier->bookmark;
    applier->election[0] = 0;
    if (channel_waiting(&applier->channel, (int)wait_ms)) {
      return true;
    }
    wait_ms = wait_ms < 15000 ? wait_ms * 2 : wait_ms;
  }
  return true;
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
  if (!setup(applier, &message, error)) {
    return false;
  }
  got = watch(applier, &type, &message, error);
  if (got <= 0 || type == MESSAGE_STOP) {
    return got >= 0;
  }
  if (type != MESSAGE_HAND_OFF || !take_hand_off(applier, &message, error)) {
    return type == MESSAGE_HAND_OFF ? false : error_set(error, ERROR_CHILD, "%s is no hand-off", message_name(type));
  }
  if (!follow_patiently(applier, error)) {
    return false;
  }
  return !applier->consistent ||
         (sleeping_set_ttl(&applier->sleeping, &applier->target, false, error) && report(applier, true, error));
}

int
applier_main(int in, int out)
{
  struct error error = {.kind = ERROR_NONE};
  struct applier *applier = memory_new(sizeof *applier);
  log_open("applier");
  server_library_start();
  channel_init(&applier->channel, in, out);
  bool ok = run(applier, &error);
  if (!ok) {
    send_error(applier, &error);
  }
  feed_free(applier->feed);
  memory_wipe(applier->source_uri);
  transactions_clear(&applier->transactions);
  free(applier->folder);
  apply_clear(&applier->apply);
  server_close(&applier->target);
  reader_close(&applier->reader);
  places_clear(&applier->places);
  sleeping_clear(&applier->sleeping);
  selection_clear(&applier->selection);
  channel_clear(&applier->channel);
  free(applier);
  server_library_end();
  return ok ? 0 : error_exit_status(error.kind);
}
