#include "compare/second_look.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "compare/documents.h"
#include "compare/values.h"
#include "ipc/message.h"
#include "source/reader/by_id.h"

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

static struct by_id_look
look_of(const struct second_look *look, int side, range_take take, void *context)
{
  const struct documents_task *task = look->task;
  return (struct by_id_look){task->readers[side], &task->ranges[side], task->has_id_index[side], take, context};
}

/* The source may have several documents of an `_id` only where it has no index on it. */
static int
is_repeated(struct second_look *look, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  if (kind != DIFFERENCE_MISSING || look->task->has_id_index[SOURCE_SIDE] || !look->task->has_id_index[TARGET_SIDE] ||
      bson_empty(selector)) {
    return 0;
  }
  struct by_id_look by_id = look_of(look, TARGET_SIDE, NULL, NULL);
  return by_id_look(&by_id, selector, error);
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
list(struct second_look *look, const struct difference *difference, const bson_t *selector)
{
  struct documents_result *result = look->result;
  bson_t item = BSON_INITIALIZER;
  result->kinds[difference->kind]++;
  second_look_put_id(selector, &item);
  difference_put(difference, &item);
  message_put_item(&result->list, result->listed++, &item);
  bson_destroy(&item);
}

static bool
id_differs(const bson_t *left, const bson_t *right)
{
  bson_iter_t a;
  bson_iter_t b;
  return bson_iter_init_find(&a, left, "_id") && bson_iter_init_find(&b, right, "_id") && !values_same_bytes(&a, &b);
}

/* One document that is looked at. Neither side's is copied, as they may be large. */
struct judging {
  struct second_look *look;
  const bson_t *selector;
  struct difference *difference;
  const bson_t *source; /* while it is there */
  bool differs;
};

static enum range_answer
take_target(void *context, const bson_t *target, struct error *error)
{
  struct judging *judging = context;
  struct second_look *look = judging->look;
  (void)error;
  look->read[TARGET_SIDE] += target->len;
  judging->differs = !judging->source || !bson_equal(judging->source, target);
  if (!judging->source) {
    *judging->difference = (struct difference){.kind = DIFFERENCE_EXTRA};
  } else if (judging->differs) {
    look->id_differs = id_differs(judging->source, target);
    difference_find(judging->source, target, look->task->show_values, judging->difference);
  }
  return RANGE_GO_ON;
}

static int
look_at_target(struct judging *judging, struct error *error)
{
  struct by_id_look by_id = look_of(judging->look, TARGET_SIDE, take_target, judging);
  return by_id_look(&by_id, judging->selector, error);
}

/* Looks at the target meanwhile. */
static enum range_answer
take_source(void *context, const bson_t *source, struct error *error)
{
  struct judging *judging = context;
  judging->look->read[SOURCE_SIDE] += source->len;
  judging->source = source;
  judging->differs = true;
  *judging->difference = (struct difference){.kind = DIFFERENCE_MISSING};
  int got = look_at_target(judging, error);
  judging->source = NULL;
  return got >= 0 ? RANGE_GO_ON : RANGE_FAILED;
}

int
second_look_at(struct second_look *look, const bson_t *selector, struct difference *difference, struct error *error)
{
  struct judging judging = {.look = look, .selector = selector, .difference = difference};
  struct by_id_look by_id = look_of(look, SOURCE_SIDE, take_source, &judging);
  look->id_differs = false;
  int got = by_id_look(&by_id, selector, error);
  if (got == 0) {
    got = look_at_target(&judging, error);
  }
  return got < 0 ? -1 : judging.differs;
}

/* `found`: as which it was noted. */
static bool
look_again(struct second_look *look, enum difference_kind found, const bson_t *selector, struct error *error)
{
  struct difference difference;
  int differs = second_look_at(look, selector, &difference, error);
  if (differs == 0) {
    look->result->settled++;
  } else if (differs == 1 && !(found == DIFFERENCE_EXTRA && look->id_differs)) {
    list(look, &difference, selector); /* of 1 and 1.0, the source's one was noted, too */
  }
  return differs >= 0;
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
