#include "compare/second_look.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "compare/documents.h"
#include "ipc/message.h"

/* A larger `_id` is named by its beginning, as text. So is one that is no UTF-8: JSON could not hold it. */
#define ID_BYTES_MOST 4096

void
second_look_init(struct second_look *look, const struct documents_task *task, struct documents_result *result)
{
  *look = (struct second_look){.task = task, .result = result};
  look->selectors = memory_new(DOCUMENTS_LISTED * sizeof *look->selectors);
  look->kinds = memory_new(DOCUMENTS_LISTED * sizeof *look->kinds);
}

void
second_look_clear(struct second_look *look)
{
  for (uint32_t i = 0; i < look->count; i++) {
    bson_destroy(look->selectors[i]);
  }
  free(look->selectors);
  free(look->kinds);
}

/* The first document behind this bound: an equality in a filter would read operators and patterns out of an `_id`. */
static int
find_by_bound(struct reader *reader, const struct range *range, const bson_t *selector, bson_t *document,
              struct error *error)
{
  bson_t *order = BCON_NEW("_id", BCON_INT32(1));
  struct find find = {.db = range->db,
                      .coll = range->coll,
                      .hint = order,
                      .sort = order,
                      .min = selector,
                      .passed_on = true,
                      .majority = true};
  int got = reader_find_one(reader, &find, document, error);
  bson_destroy(order);
  return got;
}

/* Such a bound leaves a MaxKey out. */
static int
find_by_filter(struct reader *reader, const struct range *range, const bson_t *selector, bson_t *document,
               struct error *error)
{
  struct find find = {.db = range->db, .coll = range->coll, .filter = selector, .passed_on = true, .majority = true};
  return reader_find_one(reader, &find, document, error);
}

/* Whether the document has the `_id`, or one that a server takes for it: 1 and 1.0. */
static bool
has_id(const bson_t *document, const bson_t *selector)
{
  bson_iter_t iter;
  struct difference difference;
  bson_t id = BSON_INITIALIZER;
  if (bson_iter_init_find(&iter, document, "_id")) {
    bson_append_iter(&id, "_id", 3, &iter);
  }
  bool same = bson_equal(&id, selector);
  if (!same && !bson_empty(&id)) {
    difference_find(&id, selector, false, &difference);
    same = difference.kind == DIFFERENCE_NUMBERS;
  }
  bson_destroy(&id);
  return same;
}

/* 1: it is there; 0: it is not; -1 on error. */
static int
fetch(const struct second_look *look, int side, const bson_t *selector, bson_t *document, struct error *error)
{
  struct reader *reader = look->task->readers[side];
  const struct range *range = &look->task->ranges[side];
  bson_iter_t id;
  bool max = bson_iter_init_find(&id, selector, "_id") && BSON_ITER_HOLDS_MAXKEY(&id);
  int got = max || !look->task->has_id_index[side] ? find_by_filter(reader, range, selector, document, error)
                                                   : find_by_bound(reader, range, selector, document, error);
  if (got < 0 && error->code == CODE_NAMESPACE_NOT_FOUND) {
    return 0;
  }
  if (got == 1 && !has_id(document, selector)) {
    bson_destroy(document);
    got = 0;
  }
  return got;
}

/* The source may have several documents of an `_id` only where it has no index on it. */
static int
is_repeated(const struct second_look *look, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  bson_t document;
  if (kind != DIFFERENCE_MISSING || look->task->has_id_index[SOURCE_SIDE] || !look->task->has_id_index[TARGET_SIDE] ||
      bson_empty(selector)) {
    return 0;
  }
  int got = fetch(look, TARGET_SIDE, selector, &document, error);
  if (got == 1) {
    bson_destroy(&document);
  }
  return got;
}

bool
second_look_note(struct second_look *look, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  if (look->count == DOCUMENTS_LISTED) {
    int repeated = is_repeated(look, kind, selector, error);
    look->result->kinds[kind] += repeated == 0;
    look->result->excused[EXCUSE_REPEATED_ID] += repeated == 1;
    return repeated >= 0;
  }
  look->selectors[look->count] = bson_copy(selector);
  look->kinds[look->count++] = kind;
  return true;
}

void
second_look_put_id(const bson_t *selector, bson_t *item)
{
  if (bson_empty(selector)) {
    return;
  }
  char *json = selector->len <= ID_BYTES_MOST ? bson_as_relaxed_extended_json(selector, NULL) : NULL;
  bson_free(json);
  if (json) {
    BSON_APPEND_DOCUMENT(item, "id", selector);
    return;
  }
  char *shown = server_show_id(selector); /* may be cut within a character */
  char *escaped = text_escaped(shown);
  BSON_APPEND_UTF8(item, "id_begins", escaped);
  free(escaped);
  free(shown);
}

static void
put_text(bson_t *item, const char *name, const char *text)
{
  if (text[0]) {
    bson_append_utf8(item, name, -1, text, -1);
  }
}

static void
list(struct second_look *look, const struct difference *difference, const bson_t *selector)
{
  struct documents_result *result = look->result;
  bson_t item = BSON_INITIALIZER;
  result->kinds[difference->kind]++;
  second_look_put_id(selector, &item);
  BSON_APPEND_UTF8(&item, "kind", difference_name(difference->kind));
  put_text(&item, "path", difference->path);
  put_text(&item, "source_value", difference->source);
  put_text(&item, "target_value", difference->target);
  message_put_item(&result->list, result->listed++, &item);
  bson_destroy(&item);
}

static bool
id_differs(const bson_t *left, const bson_t *right)
{
  bson_iter_t a;
  bson_iter_t b;
  bson_t ids[] = {BSON_INITIALIZER, BSON_INITIALIZER};
  if (bson_iter_init_find(&a, left, "_id") && bson_iter_init_find(&b, right, "_id")) {
    bson_append_iter(&ids[0], "", 0, &a);
    bson_append_iter(&ids[1], "", 0, &b);
  }
  bool differs = !bson_equal(&ids[0], &ids[1]);
  bson_destroy(&ids[0]);
  bson_destroy(&ids[1]);
  return differs;
}

/* Both sides have it now. `found`: as which it was noted. */
static void
judge_both(struct second_look *look, enum difference_kind found, const bson_t *selector,
           const bson_t documents[COMPARISON_SIDES])
{
  struct difference difference;
  if (bson_equal(&documents[SOURCE_SIDE], &documents[TARGET_SIDE])) {
    look->result->settled++;
    return;
  }
  if (found == DIFFERENCE_EXTRA && id_differs(&documents[SOURCE_SIDE], &documents[TARGET_SIDE])) {
    return; /* 1 and 1.0: the source's one was noted, too */
  }
  difference_find(&documents[SOURCE_SIDE], &documents[TARGET_SIDE], look->task->show_values, &difference);
  list(look, &difference, selector);
}

static bool
look_again(struct second_look *look, enum difference_kind found, const bson_t *selector, struct error *error)
{
  bson_t documents[COMPARISON_SIDES];
  int got[COMPARISON_SIDES] = {0};
  got[0] = fetch(look, SOURCE_SIDE, selector, &documents[0], error);
  got[1] = got[0] < 0 ? 0 : fetch(look, TARGET_SIDE, selector, &documents[1], error);
  bool ok = got[0] >= 0 && got[1] >= 0;
  if (ok && got[0] && got[1]) {
    judge_both(look, found, selector, documents);
  } else if (ok && (got[0] || got[1])) {
    struct difference difference = {.kind = got[0] ? DIFFERENCE_MISSING : DIFFERENCE_EXTRA};
    list(look, &difference, selector);
  } else if (ok) {
    look->result->settled++;
  }
  for (int side = 0; side < COMPARISON_SIDES; side++) {
    if (got[side] == 1) {
      bson_destroy(&documents[side]);
    }
  }
  return ok;
}

/* Without an index a look would read the whole collection, and several documents may have the `_id`. */
static bool
can_look(const struct second_look *look, enum difference_kind kind, const bson_t *selector)
{
  return kind != DIFFERENCE_POSITION && look->task->has_id_index[SOURCE_SIDE] &&
         look->task->has_id_index[TARGET_SIDE] && !bson_empty(selector);
}

bool
second_look_end(struct second_look *look, struct error *error)
{
  for (uint32_t i = 0; i < look->count; i++) {
    const bson_t *selector = look->selectors[i];
    int repeated = is_repeated(look, look->kinds[i], selector, error);
    if (repeated < 0) {
      return false;
    }
    if (repeated) {
      look->result->excused[EXCUSE_REPEATED_ID]++;
    } else if (!can_look(look, look->kinds[i], selector)) {
      struct difference difference = {.kind = look->kinds[i]};
      list(look, &difference, selector);
    } else if (!look_again(look, look->kinds[i], selector, error)) {
      return false;
    }
  }
  return true;
}
