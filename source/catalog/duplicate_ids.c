#include "source/catalog/duplicate_ids.h"

#include "base/memory.h"
#include "server/series.h"

bool
duplicate_ids_possible(const struct collection *collection)
{
  return !collection->view && !collection->has_id_index && !series_of(collection->name) &&
         !bson_has_field(collection->options, "timeseries") && !bson_has_field(collection->options, "clusteredIndex");
}

static bool
is_number(const bson_iter_t *value)
{
  return BSON_ITER_HOLDS_NUMBER(value);
}

/*
 * As the target's index takes them: 1 and 1.0 are one. (Before 3.4 there are no decimals, and later no collection
 * lacks the index.)
 */
static bool
is_same(const bson_iter_t *left, const bson_iter_t *right)
{
  if (is_number(left) && is_number(right)) {
    return bson_iter_as_double(left) == bson_iter_as_double(right);
  }
  bson_t one = BSON_INITIALIZER;
  bson_t other = BSON_INITIALIZER;
  bson_append_iter(&one, "", 0, left);
  bson_append_iter(&other, "", 0, right);
  bool same = bson_equal(&one, &other);
  bson_destroy(&one);
  bson_destroy(&other);
  return same;
}

static void
count_found(const bson_t *ids, const bson_t *document, uint32_t *counts)
{
  bson_iter_t id;
  bson_iter_t wanted;
  size_t at = 0;
  if (!bson_iter_init_find(&id, document, "_id")) {
    return;
  }
  for (bson_iter_init(&wanted, ids); bson_iter_next(&wanted); at++) {
    counts[at] += is_same(&id, &wanted);
  }
}

static bool
visit(const struct duplicate_ids_visitor *visitor, const bson_iter_t *id, struct error *error)
{
  bson_t selector = BSON_INITIALIZER;
  bson_append_iter(&selector, "_id", 3, id);
  bool ok = visitor->visit(visitor->context, &selector, error);
  bson_destroy(&selector);
  return ok;
}

/* Of several that are the same, the first. */
static bool
is_first(const bson_t *ids, const bson_iter_t *id)
{
  bson_iter_t earlier;
  for (bson_iter_init(&earlier, ids);
       bson_iter_next(&earlier) && bson_iter_offset(&earlier) < bson_iter_offset((bson_iter_t *)id);) {
    if (is_same(&earlier, id)) {
      return false;
    }
  }
  return true;
}

bool
duplicate_ids_among(struct reader *reader, const struct find *where, const bson_t *ids,
                    const struct duplicate_ids_visitor *visitor, struct error *error)
{
  const bson_t *document = NULL;
  bson_iter_t id;
  size_t at = 0;
  int got;
  uint32_t *counts = memory_new((bson_count_keys(ids) + 1) * sizeof *counts);
  bson_t *filter = BCON_NEW("_id", "{", "$in", BCON_ARRAY(ids), "}");
  bson_t *only_id = BCON_NEW("_id", BCON_INT32(1));
  struct find find = *where;
  find.filter = filter;
  find.projection = only_id;
  struct reader_cursor *cursor = reader_find(reader, &find);
  while ((got = reader_next(cursor, &document, error)) == 1) {
    count_found(ids, document, counts);
  }
  reader_cursor_free(cursor);
  bson_destroy(filter);
  bson_destroy(only_id);
  bool ok = got == 0;
  for (bson_iter_init(&id, ids); ok && bson_iter_next(&id); at++) {
    ok = counts[at] < 2 || !is_first(ids, &id) || visit(visitor, &id, error);
  }
  free(counts);
  return ok;
}

bool
duplicate_ids_all(struct reader *reader, const char *db, const char *coll, const struct duplicate_ids_visitor *visitor,
                  struct error *error)
{
  const bson_t *group = NULL;
  bson_iter_t id;
  int got;
  bool ok = true;
  bson_t *pipeline =
    BCON_NEW("pipeline", "[", "{", "$match", "{", "_id", "{", "$exists", BCON_BOOL(true), "}", "}", "}", "{", "$group",
             "{", "_id", BCON_UTF8("$_id"), "count", "{", "$sum", BCON_INT32(1), "}", "}", "}", "{", "$match", "{",
             "count", "{", "$gt", BCON_INT32(1), "}", "}", "}", "]");
  struct reader_cursor *cursor = reader_aggregate(reader, db, coll, pipeline);
  while (ok && (got = reader_next(cursor, &group, error)) != 0) {
    ok = got == 1 && (!bson_iter_init_find(&id, group, "_id") || visit(visitor, &id, error));
  }
  reader_cursor_free(cursor);
  bson_destroy(pipeline);
  return ok;
}
