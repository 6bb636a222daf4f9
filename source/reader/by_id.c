#include "source/reader/by_id.h"

#include <math.h>
#include <string.h>

#include "base/nesting.h"
#include "server/exact_number.h"

#define FIRST_MOST 100         /* as many documents are asked for, as long as their sizes are not known */
#define PART_MOST 1000         /* documents in one find */
#define PART_BYTES (4 << 20)   /* about so much may one answer hold */
#define FILTER_BYTES (4 << 20) /* and so much a filter */

static bool
holds_text(const bson_iter_t *value)
{
  return BSON_ITER_HOLDS_UTF8(value) || BSON_ITER_HOLDS_SYMBOL(value);
}

static bool
same_value(const bson_iter_t *left, const bson_iter_t *right)
{
  bson_iter_t a;
  bson_iter_t b;
  if (exact_number_is(left) && exact_number_is(right)) {
    return exact_number_same(left, right);
  }
  if (bson_iter_type(left) != bson_iter_type(right)) {
    return holds_text(left) && holds_text(right) && exact_bytes_same(left, right); /* of one layout */
  }
  if (!BSON_ITER_HOLDS_DOCUMENT(left) && !BSON_ITER_HOLDS_ARRAY(left)) {
    return exact_bytes_same(left, right);
  }
  if (!bson_iter_recurse(left, &a) || !bson_iter_recurse(right, &b)) {
    return false;
  }
  for (;;) {
    bool more = bson_iter_next(&a);
    if (more != bson_iter_next(&b)) {
      return false;
    }
    if (!more) {
      return true;
    }
    if (strcmp(bson_iter_key(&a), bson_iter_key(&b)) != 0 || !same_value(&a, &b)) {
      return false;
    }
  }
}

bool
by_id_same(const bson_t *left, const bson_t *right)
{
  bson_iter_t a;
  bson_iter_t b;
  return bson_equal(left, right) ||
         (nesting_fits(bson_get_data(left), left->len) && nesting_fits(bson_get_data(right), right->len) &&
          bson_iter_init_find(&a, left, "_id") && bson_iter_init_find(&b, right, "_id") && same_value(&a, &b));
}

bool
by_id_fits_in(const bson_iter_t *id)
{
  bson_iter_t field;
  switch (bson_iter_type(id)) {
  case BSON_TYPE_INT32:
  case BSON_TYPE_INT64:
  case BSON_TYPE_DECIMAL128:
  case BSON_TYPE_DOUBLE:
    return !isnan(exact_number_of(id));
  case BSON_TYPE_UTF8:
  case BSON_TYPE_BINARY:
  case BSON_TYPE_OID:
  case BSON_TYPE_BOOL:
  case BSON_TYPE_DATE_TIME:
    return true;
  case BSON_TYPE_DOCUMENT:
    return bson_iter_recurse(id, &field) && (!bson_iter_next(&field) || bson_iter_key(&field)[0] != '$');
  default:
    return false;
  }
}

static bool
has_id(const bson_t *document, const bson_t *selector)
{
  bson_iter_t iter;
  bson_t id = BSON_INITIALIZER;
  if (bson_iter_init_find(&iter, document, "_id")) {
    bson_append_iter(&id, "_id", 3, &iter);
  }
  bool same = by_id_same(&id, selector);
  bson_destroy(&id);
  return same;
}

/*
 * A filter takes most values for themselves; else it is the first document behind this bound. Such a bound leaves a
 * MaxKey out.
 */
static struct reader_cursor *
open_look(const struct by_id_look *look, const bson_t *selector)
{
  bson_iter_t id;
  bool fits = bson_iter_init_find(&id, selector, "_id") && (by_id_fits_in(&id) || BSON_ITER_HOLDS_MAXKEY(&id));
  bool bound = look->indexed && !fits;
  bson_t *order = bound ? BCON_NEW("_id", BCON_INT32(1)) : NULL;
  struct find find = {.db = look->range->db,
                      .coll = look->range->coll,
                      .uuid = look->range->uuid,
                      .filter = bound ? NULL : selector,
                      .hint = order,
                      .sort = order,
                      .min = bound ? selector : NULL,
                      .limit = 1,
                      .passed_on = true,
                      .majority = true};
  struct reader_cursor *cursor = reader_find(look->reader, &find);
  bson_destroy(order);
  return cursor;
}

int
by_id_look(const struct by_id_look *look, const bson_t *selector, struct error *error)
{
  const bson_t *document = NULL;
  struct reader_cursor *cursor = open_look(look, selector);
  int got = reader_next(cursor, &document, error);
  if (got < 0 && error->code == CODE_NAMESPACE_NOT_FOUND) {
    got = 0;
  }
  if (got == 1 && !has_id(document, selector)) {
    got = 0;
  }
  if (got == 1 && look->take && look->take(look->context, document, error) == RANGE_FAILED) {
    got = -1;
  }
  reader_cursor_free(cursor);
  return got;
}

static enum range_answer
copy_one(void *context, const bson_t *document, struct error *error)
{
  (void)error;
  bson_copy_to(document, context);
  return RANGE_GO_ON;
}

int
by_id_find(struct reader *reader, const struct range *range, const bson_t *selector, bool indexed, bson_t *document,
           struct error *error)
{
  struct by_id_look look = {reader, range, indexed, copy_one, document};
  return by_id_look(&look, selector, error);
}

/* What is under way. */
struct asking {
  struct reader *reader;
  const struct range *range;
  range_take take;
  void *context;
  bool enough;
  int64_t documents; /* read so far */
  int64_t bytes;
  bson_t part; /* the `_id`s that are asked for next, an array */
  uint32_t count;
};

static enum range_answer
take_one(void *context, const bson_t *document, struct error *error)
{
  struct asking *asking = context;
  asking->documents++;
  asking->bytes += document->len;
  enum range_answer answer = asking->take(asking->context, document, error);
  asking->enough = asking->enough || answer == RANGE_ENOUGH;
  return answer;
}

/* How many `_id`s the next part takes, by the size of what came so far. */
static uint32_t
part_most(const struct asking *asking)
{
  if (asking->documents == 0) {
    int32_t told = asking->range->batch_size;
    return told > 0 && told < FIRST_MOST ? (uint32_t)told : FIRST_MOST;
  }
  int64_t most = PART_BYTES / (asking->bytes / asking->documents + 1);
  return most < 1 ? 1 : most > PART_MOST ? PART_MOST : (uint32_t)most;
}

/* A collection that is not there has none of them. */
static bool
ask_part(struct asking *asking, struct error *error)
{
  if (asking->count == 0 || asking->enough) {
    return true;
  }
  bson_t filter = BSON_INITIALIZER;
  bson_t in;
  struct range range = *asking->range;
  BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &in);
  BSON_APPEND_ARRAY(&in, "$in", &asking->part);
  bson_append_document_end(&filter, &in);
  range.ids = NULL;
  range.filter = &filter;
  range.sorted = true;
  range.natural = false;
  range.batch_size = (int32_t)asking->count + 1; /* one answer; one more than there are, so that it is the last */
  bool ok = range_read(asking->reader, &range, take_one, asking, error) || error->code == CODE_NAMESPACE_NOT_FOUND;
  bson_destroy(&filter);
  bson_reinit(&asking->part);
  asking->count = 0;
  return ok;
}

static bool
ask_one(struct asking *asking, const bson_iter_t *id, struct error *error)
{
  struct by_id_look look = {asking->reader, asking->range, true, take_one, asking};
  bson_t selector = BSON_INITIALIZER;
  bson_append_iter(&selector, "_id", 3, id);
  int got = by_id_look(&look, &selector, error);
  bson_destroy(&selector);
  return got >= 0;
}

static void
add_to_part(struct asking *asking, const bson_iter_t *id)
{
  char room[16];
  const char *key;
  size_t size = bson_uint32_to_string(asking->count++, &key, room, sizeof room);
  bson_append_iter(&asking->part, key, (int)size, id);
}

bool
by_id_read(struct reader *reader, const struct range *range, range_take take, void *context, struct error *error)
{
  struct asking asking = {.reader = reader, .range = range, .take = take, .context = context, .part = BSON_INITIALIZER};
  bson_iter_t id;
  bool ok = true;
  for (bson_iter_init(&id, range->ids); ok && !asking.enough && bson_iter_next(&id);) {
    if (!by_id_fits_in(&id)) {
      ok = ask_one(&asking, &id, error);
      continue;
    }
    add_to_part(&asking, &id);
    if (asking.count >= part_most(&asking) || asking.part.len >= FILTER_BYTES) {
      ok = ask_part(&asking, error);
    }
  }
  ok = ok && ask_part(&asking, error);
  bson_destroy(&asking.part);
  return ok;
}
