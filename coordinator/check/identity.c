#include "coordinator/check/identity.h"

#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/run/task_message.h"
#include "coordinator/state/refusals.h"
#include "ipc/message.h"
#include "source/catalog/catalog.h"

struct search {
  struct servers *servers;
  struct catalog there; /* on the target */
  const struct collection **sorted;
  bson_t refused;     /* an array of what the target did not take */
  bool *copied;       /* by the catalog's numbers: something of it is copied, or it is split */
  size_t copied_most; /* how many `copied` has */
  uint64_t bookmark;
  bool clean; /* nothing was applied behind the bookmark */
};

static bool
is_there(const struct search *search, const char *db, const char *coll)
{
  struct collection wanted = {.to_db = (char *)db, .to_name = (char *)coll};
  const struct collection *key = &wanted;
  return bsearch(&key, search->sorted, search->there.count, sizeof *search->sorted, catalog_compare_targets) != NULL;
}

/* A view whose definition the target does not take was never made. */
static bool
was_refused(const struct search *search, const char *db, const char *coll)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, &search->refused); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item) && message_flag(&item, "options") &&
        strcmp(message_text_or_none(&item, "db"), db) == 0 && strcmp(message_text_or_none(&item, "coll"), coll) == 0) {
      return true;
    }
  }
  return false;
}

static bool
say_missing(const char *db, const char *coll, struct error *error)
{
  return error_set(error, ERROR_STATE,
                   "the target no longer has %s.%s, which this migration created: somebody dropped it, or this is not "
                   "the target that was written to; name the right target, or start over with --forceDump --drop",
                   db, coll);
}

/* The commands that remove a name, as the oplog has them in all versions. One may also be in a group. */
static bson_t *
commands_on(const char *db, const char *coll, uint64_t after)
{
  char *ns = memory_format("%s.%s", db, coll);
  char *commands = memory_format("%s.$cmd", db);
  bson_t *filter =
    BCON_NEW("ts", "{", "$gte", BCON_TIMESTAMP(OPTIME_SECONDS(after), OPTIME_INCREMENT(after)), "}", "op",
             BCON_UTF8("c"), "$or", "[", "{", "ns", BCON_UTF8(commands), "o.drop", BCON_UTF8(coll), "}", "{", "ns",
             BCON_UTF8(commands), "o.convertToCapped", BCON_UTF8(coll), "}", "{", "ns", BCON_UTF8(commands),
             "o.dropDatabase", "{", "$exists", BCON_BOOL(true), "}", "}", "{", "o.renameCollection", BCON_UTF8(ns), "}",
             "{", "o.to", BCON_UTF8(ns), "}", "{", "o.applyOps.op", BCON_UTF8("c"), "}", "]");
  free(commands);
  free(ns);
  return filter;
}

/* 1 if the replay may have taken the collection away behind the bookmark; 0; -1 on error. */
static int
was_replayed(struct search *search, const bson_t *place, struct error *error)
{
  bson_t entry;
  if (search->clean) {
    return 0;
  }
  bson_t *filter =
    commands_on(message_text_or_none(place, "from_db"), message_text_or_none(place, "from_coll"), search->bookmark);
  struct find find = {.db = "local", .coll = "oplog.rs", .filter = filter, .oplog = true};
  int got = reader_find_one(&search->servers->reader, &find, &entry, error);
  bson_destroy(filter);
  if (got == 1) {
    bson_destroy(&entry);
  }
  return got;
}

/* One that is to be copied again may be missing for a moment. */
static bool
look_for_collection(void *context, const bson_t *place, struct error *error)
{
  struct search *search = context;
  const char *db = message_text_or_none(place, "db");
  const char *coll = message_text_or_none(place, "coll");
  if (is_there(search, db, coll) || message_flag(place, "lost") || was_refused(search, db, coll)) {
    return true;
  }
  int replayed = was_replayed(search, place, error);
  return replayed == 1 || (replayed == 0 && say_missing(db, coll, error));
}

static bool
note_copied(void *context, const bson_t *done, struct error *error)
{
  struct search *search = context;
  size_t number = (size_t)message_number(done, "collection", INT64_MAX);
  (void)error;
  if (number < search->copied_most) {
    search->copied[number] = true;
  }
  return true;
}

/*
 * What is split was made before the first was copied. A copy that has not begun may still make a small collection, or a
 * capped one again.
 */
static bool
look_for_copies(struct search *search, struct checkpoint *checkpoint, struct error *error)
{
  struct catalog catalog = {0};
  bool ok = copy_state_get_catalog(checkpoint, &catalog, error);
  search->copied = memory_new(catalog.count * sizeof *search->copied + 1);
  search->copied_most = catalog.count;
  ok = ok && checkpoint_items(checkpoint, "done", note_copied, search, error) &&
       checkpoint_items(checkpoint, "points", note_copied, search, error);
  for (size_t i = 0; ok && i < catalog.count; i++) {
    const struct collection *collection = &catalog.collections[i];
    bool made_later = !search->copied[i] && (collection->capped || task_may_create(collection));
    ok = is_there(search, collection->to_db, collection->to_name) || made_later ||
         was_refused(search, collection->to_db, collection->to_name) ||
         say_missing(collection->to_db, collection->to_name, error);
  }
  free(search->copied);
  catalog_clear(&catalog);
  return ok;
}

static bool
list_target(struct search *search, struct error *error)
{
  struct reader view = reader_view(&search->servers->target); /* the same client, read through the catalog's eyes */
  if (!catalog_list(&search->there, &view, catalog_any, NULL, error)) {
    return error_wrap(error, "cannot list the target's collections");
  }
  search->sorted = memory_new((search->there.count + 1) * sizeof *search->sorted);
  for (size_t i = 0; i < search->there.count; i++) {
    search->sorted[i] = &search->there.collections[i];
  }
  qsort(search->sorted, search->there.count, sizeof *search->sorted, catalog_compare_targets);
  return true;
}

static bool
read_bookmark(struct search *search, struct checkpoint *checkpoint, struct error *error)
{
  bson_t bookmark;
  int got = checkpoint_get(checkpoint, "bookmark", &bookmark, error);
  if (got == 1) {
    search->bookmark = message_timestamp(&bookmark, "ts");
    search->clean = message_flag(&bookmark, "clean");
    bson_destroy(&bookmark);
  }
  return got >= 0;
}

static bool
look_for_collections(struct servers *servers, struct checkpoint *checkpoint, enum resume_step step, struct error *error)
{
  struct search search = {.servers = servers};
  bool ok = refusals_list(checkpoint, &search.refused, error) && list_target(&search, error) &&
            read_bookmark(&search, checkpoint, error) &&
            (step == RESUME_BOOKMARK ? checkpoint_items(checkpoint, "places", look_for_collection, &search, error)
                                     : look_for_copies(&search, checkpoint, error));
  bson_destroy(&search.refused);
  free(search.sorted);
  catalog_clear(&search.there);
  return ok;
}

bool
identity_check(struct servers *servers, struct checkpoint *checkpoint, enum resume_step step, struct error *error)
{
  return copy_state_get_mark(checkpoint, &servers->mark, error) && mark_look(&servers->target, &servers->mark, error) &&
         (step < RESUME_PLAN || look_for_collections(servers, checkpoint, step, error));
}
