#include "source/reader/range.h"

#include "server/failure.h"

struct reading {
  struct reader *reader;
  const struct range *range;
  range_take take;
  void *context;
  int64_t read; /* documents, by the cursor that is open */
  bool resumed; /* by a cursor that began behind the range's begin */
  bool again;   /* what was read before may be met */
  bool enough;
};

static void
note_id(bson_t *last, const bson_t *document)
{
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, document, "_id")) {
    bson_reinit(last);
    bson_append_iter(last, "_id", 3, &iter);
  }
}

/* A scan that goes on meets the last document once more. SecantusDB gives a MaxKey within an open end. */
static bool
was_given(const struct reading *reading, const bson_t *last, const bson_t *document)
{
  bson_iter_t given;
  bson_iter_t iter;
  if (!reading->again || !reading->range->sorted || !last || !bson_iter_init_find(&given, last, "_id") ||
      !bson_iter_init_find(&iter, document, "_id")) {
    return false;
  }
  bson_t id = BSON_INITIALIZER;
  bson_append_iter(&id, "_id", 3, &iter);
  bool same = bson_equal(&id, last);
  bson_destroy(&id);
  return same;
}

/* `last`: NULL, or where the last document's {_id} goes. */
static bool
read_all(struct reading *reading, const struct find *find, bson_t *last, struct error *error)
{
  const bson_t *document;
  int got = 1;
  enum range_answer answer = RANGE_GO_ON;
  struct reader_cursor *cursor = reader_find(reading->reader, find);
  while (answer == RANGE_GO_ON && (got = reader_next(cursor, &document, error)) == 1) {
    reading->read++;
    if (was_given(reading, last, document)) {
      continue;
    }
    answer = reading->take(reading->context, document, error);
    if (last && answer == RANGE_GO_ON) {
      note_id(last, document);
    }
  }
  reading->enough = reading->enough || answer == RANGE_ENOUGH;
  reader_cursor_free(cursor);
  return got >= 0 && answer != RANGE_FAILED;
}

static struct find
find_in(const struct range *range)
{
  return (struct find){.db = range->db,
                       .coll = range->coll,
                       .uuid = range->uuid,
                       .batch_size = range->batch_size,
                       .passed_on = true,
                       .majority = true};
}

/* A scan by index bounds with an open end leaves a MaxKey out (seen on 4.0.14), so it is fetched by itself. */
static bool
read_max_key(struct reading *reading, bson_t *last, struct error *error)
{
  bson_t filter = BSON_INITIALIZER;
  struct find find = find_in(reading->range);
  BSON_APPEND_MAXKEY(&filter, "_id");
  reading->again = true;
  find.filter = &filter;
  bool ok = read_all(reading, &find, last, error);
  bson_destroy(&filter);
  return ok;
}

/* Of buckets, which have no index: source/catalog/split.c. */
static void
put_bounds(const bson_t *min, const bson_t *max, bson_t *filter)
{
  bson_t bounds;
  bson_iter_t id;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &bounds);
  if (min && bson_iter_init_find(&id, min, "_id")) {
    bson_append_iter(&bounds, "$gte", -1, &id);
  }
  if (max && bson_iter_init_find(&id, max, "_id")) {
    bson_append_iter(&bounds, "$lt", -1, &id);
  }
  bson_append_document_end(filter, &bounds);
}

/* Reads with one cursor, from `min` on. `last` NULL: in natural order. */
static bool
read_once(struct reading *reading, const bson_t *min, bson_t *last, struct error *error)
{
  const struct range *range = reading->range;
  bson_t filter = BSON_INITIALIZER;
  bson_t *order = last && !range->natural ? BCON_NEW("_id", BCON_INT32(1)) : NULL;
  bson_t *natural = range->natural && !last ? BCON_NEW("$natural", BCON_INT32(1)) : NULL;
  struct find find = find_in(range);
  if (range->natural && last) {
    put_bounds(min, range->max, &filter);
  }
  find.filter = range->filter ? range->filter : &filter;
  find.hint = order;
  find.sort = range->sorted && order ? order : natural;
  find.min = range->natural ? NULL : min;
  find.max = range->natural ? NULL : range->max;
  reading->read = 0;
  bool ok = read_all(reading, &find, last, error);
  bson_destroy(order);
  bson_destroy(natural);
  bson_destroy(&filter);
  return ok;
}

/*
 * Cursors die when an index is dropped, at a collMod, of killOp. A scan by the index goes on where it was: at the last
 * document, which is read once more. A scan in natural order cannot. If there is an `_id` index, it reads by that from
 * then on.
 */
static bool
read_on(struct reading *reading, struct error *error)
{
  const struct range *range = reading->range;
  bson_t last = BSON_INITIALIZER;
  int tries = 0;
  /* Where documents move, the index holds each one in its place. Bounds need the index anyway. */
  bool bounded = range->min || range->max;
  bool ordered = bounded || range->sorted || (reading->reader->moves && !range->natural);
  bool ok = read_once(reading, range->min, ordered ? &last : NULL, error);
  while (!ok && (bounded || !range->natural) && failure_interrupted(error)) {
    tries = reading->read > 1 ? 0 : tries;
    if (!failure_try_again(error, &tries)) {
      break;
    }
    reading->resumed = reading->again = reading->resumed || !bson_empty(&last);
    ok = read_once(reading, reading->resumed ? &last : range->min, &last, error);
  }
  bool fetch_max = !range->natural && !range->filter && (range->fetch_max || (reading->resumed && !range->max));
  ok = ok && (!fetch_max || reading->enough || read_max_key(reading, &last, error));
  bson_destroy(&last);
  return ok;
}

bool
range_read(struct reader *reader, const struct range *range, range_take take, void *context, struct error *error)
{
  struct reading reading = {.reader = reader, .range = range, .take = take, .context = context};
  return read_on(&reading, error);
}
