#include "applier/collections/reread.h"

#include "base/log.h"
#include "base/memory.h"
#include "source/catalog/catalog.h"
#include "source/oplog/oplog.h"

#define AT_ONCE 500

struct reading {
  struct reader *reader;
  struct apply *apply;
  uint64_t exact; /* noted before the reading */
};

struct reread *
reread_find(const struct mapped_collection *mapped, const bson_t *id)
{
  struct reread *found = NULL;
  HASH_FIND(hh, mapped->rereads, bson_get_data(id), id->len, found);
  return found;
}

void
reread_note(struct mapped_collection *mapped, const bson_t *id)
{
  struct reread *reread = reread_find(mapped, id);
  if (!reread) {
    reread = memory_new(sizeof *reread);
    reread->id = bson_copy(id);
    HASH_ADD_KEYPTR(hh, mapped->rereads, bson_get_data(reread->id), reread->id->len, reread);
  }
  reread->due = true;
}

void
reread_forget(struct mapped_collection *mapped, struct reread *reread)
{
  HASH_DEL(mapped->rereads, reread); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  bson_destroy(reread->id);
  free(reread);
}

void
reread_clear(struct mapped_collection *mapped)
{
  struct reread *reread;
  struct reread *next;
  HASH_ITER (hh, mapped->rereads, reread, next) {
    reread_forget(mapped, reread);
  }
}

static bool
any_due(const struct mapped_collection *mapped)
{
  for (const struct reread *reread = mapped->rereads; reread; reread = reread->hh.next) {
    if (reread->due) {
      return true;
    }
  }
  return false;
}

bool
reread_any_due(const struct collection_map *collection_map)
{
  for (const struct mapped_collection *mapped = collection_map->by_ns; mapped; mapped = mapped->by_ns.next) {
    if (any_due(mapped)) {
      return true;
    }
  }
  return false;
}

bool
reread_any(const struct collection_map *collection_map)
{
  for (const struct mapped_collection *mapped = collection_map->by_ns; mapped; mapped = mapped->by_ns.next) {
    if (mapped->rereads) {
      return true;
    }
  }
  return false;
}

void
reread_all_due(struct collection_map *collection_map)
{
  for (struct mapped_collection *mapped = collection_map->by_ns; mapped; mapped = mapped->by_ns.next) {
    for (struct reread *reread = mapped->rereads; reread; reread = reread->hh.next) {
      reread->due = true;
      reread->exact = 0;
    }
  }
}

static void
take_again(struct collection_map *collection_map, struct batch *again)
{
  for (const struct batch_run *run = again->runs; run; run = run->hh.next) {
    struct mapped_collection *mapped = collection_map_find(collection_map, run->db, run->coll);
    if (mapped && mapped->capped && run->count > 0 && !mapped->lost) {
      log_info("ns=%s is capped and the target cannot follow its writes: the collection is copied again",
               log_value("%s", mapped->ns));
      mapped->lost = collection_map->relapse = true;
      collection_map_changed(collection_map, mapped);
    }
    for (size_t i = 0; mapped && !mapped->capped && i < run->count; i++) {
      bson_t selector;
      batch_selector(again, &run->ops[i], &selector);
      reread_note(mapped, &selector);
    }
  }
  batch_empty(again);
}

bool
reread_flush(struct collection_map *collection_map, struct apply *apply, bool majority, uint64_t complete,
             struct error *error)
{
  if (!apply_flush(apply, majority, error) || !apply_judge_capped(apply, complete, error)) {
    return false;
  }
  take_again(collection_map, &apply->again);
  return true;
}

/* The next AT_ONCE that are due, from `*from` on, as {_id: {$in}}; empty if there are none. */
static bson_t *
next_filter(struct reread **from)
{
  bson_t *filter = bson_new();
  bson_t condition;
  bson_t list;
  char key[16];
  uint32_t count = 0;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &condition);
  BSON_APPEND_ARRAY_BEGIN(&condition, "$in", &list);
  for (; *from && count < AT_ONCE; *from = (*from)->hh.next) {
    bson_iter_t id;
    if ((*from)->due && bson_iter_init_find(&id, (*from)->id, "_id")) {
      const char *name;
      size_t length = bson_uint32_to_string(count++, &name, key, sizeof key);
      bson_append_iter(&list, name, (int)length, &id);
    }
  }
  bson_append_array_end(&condition, &list);
  bson_append_document_end(filter, &condition);
  if (count == 0) {
    bson_destroy(filter);
    filter = NULL;
  }
  return filter;
}

/* Takes the document as the source has it; NULL: the source does not have it. The target will be the same. */
static bool
gather(struct reading *reading, const struct mapped_collection *mapped, struct reread *reread, const bson_t *document,
       struct error *error)
{
  struct batch *batch = apply_gather(reading->apply, mapped->db, mapped->coll, reread->id, APPLY_IN_ORDER);
  batch_add(batch, document ? APPLY_INSERT : APPLY_DELETE, 0, reread->id, document);
  reread->due = false;
  reread->exact = reading->exact;
  return apply_added(reading->apply, error);
}

/*
 * Writes what the source has of them as inserts, which replace while the replay is lenient. Those are not due any
 * more. A document of another `_id` that the source takes for a noted one is noted, too: the target is ahead there.
 */
static bool
read_some(struct reading *reading, struct mapped_collection *mapped, const bson_t *filter, struct error *error)
{
  const bson_t *document = NULL;
  int got;
  struct find find = {.db = mapped->from_db, .coll = mapped->from_coll, .filter = filter, .majority = true};
  struct reader_cursor *cursor = reader_find(reading->reader, &find);
  while ((got = reader_next(cursor, &document, error)) == 1) {
    bson_iter_t iter;
    bson_t id = BSON_INITIALIZER;
    if (bson_iter_init_find(&iter, document, "_id")) {
      bson_append_iter(&id, "_id", 3, &iter);
    }
    struct reread *reread = reread_find(mapped, &id);
    if (!reread) {
      reread_note(mapped, &id);
      reread = reread_find(mapped, &id);
    }
    bool ok = !reread->due || gather(reading, mapped, reread, document, error);
    bson_destroy(&id);
    if (!ok) {
      got = -1;
      break;
    }
  }
  reader_cursor_free(cursor);
  return got == 0 && apply_flush(reading->apply, true, error);
}

/* 1: the source still has this collection under this name; 0: it does not; -1 on error. */
static int
is_there(struct reader *reader, const struct mapped_collection *mapped, struct error *error)
{
  if (!mapped->has_uuid) {
    return 1;
  }
  int still = catalog_still(reader, mapped->from_db, mapped->from_coll, mapped->uuid, error);
  return still < 0 && error->kind == ERROR_REFUSED ? 0 : still;
}

/* Whether the source has any of them: 1 or 0; -1 on error. */
static int
source_has_any(struct reader *reader, const struct mapped_collection *mapped, const bson_t *filter, struct error *error)
{
  bson_t document;
  struct find find = {.db = mapped->from_db, .coll = mapped->from_coll, .filter = filter, .limit = 1, .majority = true};
  int found = reader_find_one(reader, &find, &document, error);
  if (found == 1) {
    bson_destroy(&document);
  }
  return found;
}

/* Whether the source has it, or what it takes for it: 1 or 0; -1 on error. */
static int
source_has(struct reader *reader, const struct mapped_collection *mapped, const struct reread *reread,
           struct error *error)
{
  bson_t filter = BSON_INITIALIZER;
  bson_t condition;
  bson_t list;
  bson_iter_t id;
  BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &condition);
  BSON_APPEND_ARRAY_BEGIN(&condition, "$in", &list);
  if (bson_iter_init_find(&id, reread->id, "_id")) {
    bson_append_iter(&list, "0", 1, &id);
  }
  bson_append_array_end(&condition, &list);
  bson_append_document_end(&filter, &condition);
  int found = source_has_any(reader, mapped, &filter, error);
  bson_destroy(&filter);
  return found;
}

/* `any`: the source has some that were still due. */
static bool
settle_rest(struct reading *reading, struct mapped_collection *mapped, struct reread *reread, bool any,
            struct error *error)
{
  int found = any ? source_has(reading->reader, mapped, reread, error) : 0;
  if (found == 1) {
    reread->due = false;
    reread->exact = reading->exact;
  }
  return found == 1 || (found == 0 && gather(reading, mapped, reread, NULL, error));
}

/*
 * What is still due after the reading was deleted on the source. So it is deleted here, too. But not if the source has
 * it under an `_id` of other bytes (1.0 for 1): that is written, and the target would delete it for this one.
 */
static bool
delete_rest(struct reading *reading, struct mapped_collection *mapped, struct error *error)
{
  struct reread *to = mapped->rereads;
  struct reread *at = to;
  bson_t *filter;
  bool ok = true;
  while (ok && (filter = next_filter(&to)) != NULL) {
    int any = source_has_any(reading->reader, mapped, filter, error);
    ok = any >= 0;
    for (; ok && at != to; at = at->hh.next) {
      ok = !at->due || settle_rest(reading, mapped, at, any == 1, error);
    }
    bson_destroy(filter);
  }
  return ok && apply_flush(reading->apply, true, error);
}

static bool
read_collection(struct reading *reading, struct mapped_collection *mapped, struct error *error)
{
  struct reread *from = mapped->rereads;
  bson_t *filter;
  bool ok = true;
  int there = is_there(reading->reader, mapped, error);
  if (there == 0) { /* dropped or renamed by an entry to come: left as the replay made it */
    log_warn("ns=%s was dropped or renamed meanwhile: in %u documents the order of fields may differ from the source's",
             log_value("%s", mapped->ns), HASH_COUNT(mapped->rereads));
    reread_clear(mapped);
    return true;
  }
  while (ok && there == 1 && (filter = next_filter(&from)) != NULL) {
    ok = read_some(reading, mapped, filter, error);
    bson_destroy(filter);
  }
  return ok && there == 1 && delete_rest(reading, mapped, error);
}

bool
reread_run(struct collection_map *collection_map, struct reader *reader, struct apply *apply, bool final, uint64_t *end,
           struct error *error)
{
  struct server_hello hello;
  uint64_t oldest = 0;
  uint64_t newest = 0;
  size_t documents = 0;
  if (!server_ask_hello(&reader->server, false, &hello, error) || !oplog_window(reader, &oldest, &newest, error)) {
    return false;
  }
  uint64_t exact = hello.majority_write && hello.majority_write < newest ? hello.majority_write : newest;
  struct reading reading = {.reader = reader, .apply = apply, .exact = exact};
  bool ok = true;
  apply->bulk.settled = final;
  for (struct mapped_collection *mapped = collection_map->by_ns; ok && mapped; mapped = mapped->by_ns.next) {
    documents += HASH_COUNT(mapped->rereads);
    ok = !any_due(mapped) || read_collection(&reading, mapped, error) ||
         error_wrap(error, "cannot read documents of %s again", mapped->ns);
  }
  apply->bulk.settled = false;
  if (!ok) {
    return false;
  }
  log_info("read again documents=%zu", documents);
  return oplog_window(reader, &oldest, end, error);
}

static bool
missing_for_good(const struct mapped_collection *mapped, const struct reread *reread, struct error *error)
{
  char *id = server_show_id(reread->id);
  error_set(
    error, ERROR_DIVERGED,
    "the oplog changes %s %s: the source has this document and the target does not. The target's TTL monitor deleted "
    "it, something else writes to the target, or the target lost data; start again with --forceDump --drop",
    mapped->ns, id);
  free(id);
  return false;
}

/*
 * `*done`: nothing is missing. Else the source had the document at `reread->exact`, or it will be known later which
 * collection it is.
 */
static bool
judge(struct reader *reader, struct server *target, const struct mapped_collection *mapped, struct reread *reread,
      bool *done, struct error *error)
{
  int there = server_find_one(target, mapped->db, mapped->coll, reread->id, NULL, error);
  *done = there == 1;
  if (there != 0) {
    return there == 1;
  }
  int still = is_there(reader, mapped, error);
  if (still <= 0) {
    return still == 0;
  }
  int found = source_has(reader, mapped, reread, error);
  *done = found == 0;
  if (found == 1 && !reread->due) {
    return missing_for_good(mapped, reread, error);
  }
  reread->due = false;
  return found == 0 || (found == 1 && oplog_latest(reader, &reread->exact, error));
}

bool
reread_judge(struct collection_map *collection_map, struct reader *reader, struct server *target, uint64_t settled,
             struct error *error)
{
  for (struct mapped_collection *mapped = collection_map->by_ns; mapped; mapped = mapped->by_ns.next) {
    struct reread *reread;
    struct reread *next;
    HASH_ITER (hh, mapped->rereads, reread, next) {
      bool done = false;
      if (!reread->due && reread->exact > settled) {
        continue;
      }
      if (!judge(reader, target, mapped, reread, &done, error)) {
        return false;
      }
      if (done) {
        reread_forget(mapped, reread);
      }
    }
  }
  return true;
}
