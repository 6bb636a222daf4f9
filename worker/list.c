#include "worker/list.h"

#include <string.h>

#include "compare/pairing.h"

#define PART_BYTES (1 << 20)

struct listing {
  struct channel *channel;
  int64_t task;
  struct selection selection;
  bson_t only; /* array of {db, coll?}; empty: everything that is selected */
  bool all;
  bson_t pairs;
  uint32_t count;
};

static bool
is_wanted(const void *context, const char *db, const char *coll)
{
  const struct listing *listing = context;
  bson_iter_t iter;
  bool named = listing->all;
  for (bson_iter_init(&iter, &listing->only); !named && bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item) && strcmp(message_text_or_none(&item, "db"), db) == 0) {
      const char *wanted = message_text_or_none(&item, "coll");
      named = !*wanted || strcmp(wanted, coll) == 0;
    }
  }
  return named && selection_wants(&listing->selection, db, coll);
}

static bool
send_part(struct listing *listing, struct error *error)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_INT64(&message, "task", listing->task);
  BSON_APPEND_ARRAY(&message, "pairs", &listing->pairs);
  bool ok = channel_send(listing->channel, MESSAGE_LISTED, &message, error);
  bson_destroy(&message);
  bson_reinit(&listing->pairs);
  listing->count = 0;
  return ok;
}

/* As much of the target's collection as a comparison has to know. */
static void
put_target(const struct collection *target, bson_t *pair)
{
  bson_t item;
  BSON_APPEND_DOCUMENT_BEGIN(pair, "target", &item);
  BSON_APPEND_BOOL(&item, "view", target->view);
  BSON_APPEND_BOOL(&item, "capped", target->capped);
  BSON_APPEND_BOOL(&item, "id_index", target->has_id_index);
  BSON_APPEND_INT64(&item, "size", message_number(target->options, "size", 0));
  bson_append_document_end(pair, &item);
}

static void
put_points(const struct split_points *points, bson_t *pair)
{
  bson_t list = BSON_INITIALIZER;
  for (size_t i = 0; i < points->count; i++) {
    message_put_item(&list, (uint32_t)i, points->points[i]);
  }
  BSON_APPEND_ARRAY(pair, "points", &list);
  bson_destroy(&list);
}

static void
put_pair(const struct pairing *pairing, size_t number, bson_t *pair)
{
  const struct collection *source = &pairing->catalogs[SOURCE_SIDE].collections[number];
  BSON_APPEND_UTF8(pair, "from_db", source->db);
  BSON_APPEND_UTF8(pair, "from_coll", source->name);
  BSON_APPEND_UTF8(pair, "db", source->to_db);
  BSON_APPEND_UTF8(pair, "coll", source->to_name);
  BSON_APPEND_BOOL(pair, "view", source->view);
  BSON_APPEND_BOOL(pair, "capped", source->capped);
  BSON_APPEND_BOOL(pair, "id_index", source->has_id_index);
  BSON_APPEND_INT64(pair, "size", message_number(source->options, "size", 0));
  BSON_APPEND_INT64(pair, "documents", source->documents);
  BSON_APPEND_INT64(pair, "bytes", source->bytes);
  if (pairing->targets[number]) {
    put_target(pairing->targets[number], pair);
  }
  put_points(&pairing->points[number], pair);
}

static bool
send_all(struct listing *listing, const struct pairing *pairing, struct error *error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < pairing->catalogs[SOURCE_SIDE].count; i++) {
    bson_t pair = BSON_INITIALIZER;
    put_pair(pairing, i, &pair);
    message_put_item(&listing->pairs, listing->count++, &pair);
    bson_destroy(&pair);
    ok = listing->pairs.len < PART_BYTES || send_part(listing, error);
  }
  return ok && (listing->count == 0 || send_part(listing, error));
}

static bool
ask_versions(const struct compare_sides *sides, struct pairing *pairing, struct error *error)
{
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    struct server_hello hello;
    if (!server_ask_hello(&sides->readers[side]->server, true, &hello, error)) {
      return false;
    }
    pairing->versions[side] = server_version(&hello);
  }
  return true;
}

bool
list_pairs(const struct compare_sides *sides, const bson_t *message, struct error *error)
{
  struct listing listing = {
    .channel = sides->channel, .task = message_number(message, "task", -1), .pairs = BSON_INITIALIZER};
  struct pairing pairing = {.readers = {sides->readers[SOURCE_SIDE], sides->readers[TARGET_SIDE]},
                            .uris = {sides->uris[SOURCE_SIDE], sides->uris[TARGET_SIDE]},
                            .wanted = is_wanted,
                            .wanted_context = &listing,
                            .range_bytes = message_number(message, "range_mb", 64) << 20,
                            .selection = &listing.selection};
  struct error absent;
  selection_get(&listing.selection, sides->settings);
  listing.all = !message_document(message, "only", &listing.only, &absent);
  if (listing.all) {
    bson_init(&listing.only);
  }
  bool ok =
    ask_versions(sides, &pairing, error) && pairing_make(&pairing, error) && send_all(&listing, &pairing, error);
  pairing_clear(&pairing);
  selection_clear(&listing.selection);
  bson_destroy(&listing.pairs);
  return ok;
}
