#include "compare/excuses.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ipc/message.h"

static struct excuse *
find(const struct excuses *excuses, const char *db, const char *coll)
{
  struct excuse *found = NULL;
  char *ns = memory_format("%s.%s", db, coll);
  HASH_FIND_STR(excuses->by_ns, ns, found);
  free(ns);
  return found;
}

static struct excuse *
find_or_add(struct excuses *excuses, const bson_t *item)
{
  const char *db = message_text_or_none(item, "db");
  const char *coll = message_text_or_none(item, "coll");
  struct excuse *excuse = find(excuses, db, coll);
  if (!excuse) {
    excuse = memory_new(sizeof *excuse);
    excuse->ns = memory_format("%s.%s", db, coll);
    HASH_ADD_KEYPTR(hh, excuses->by_ns, excuse->ns, strlen(excuse->ns), excuse);
  }
  return excuse;
}

static void
take_refused(struct excuses *excuses, const bson_t *item)
{
  struct excuse *excuse = find_or_add(excuses, item);
  if (!excuse->refused) {
    excuse->refused = bson_new();
  }
  message_put_item(excuse->refused, excuse->refused_count++, item);
  excuse->refused_documents += bson_has_field(item, "id") && !message_flag(item, "kept");
}

static void
take_place(struct excuses *excuses, const bson_t *item)
{
  if (*message_text_or_none(item, "from_db")) {
    find_or_add(excuses, item)->ours = true;
  }
}

static void
take_sleeping(struct excuses *excuses, const bson_t *item)
{
  bson_t indexes;
  struct error absent;
  if (message_document(item, "indexes", &indexes, &absent)) {
    struct excuse *excuse = find_or_add(excuses, item);
    bson_destroy(excuse->sleeping);
    excuse->sleeping = bson_copy(&indexes);
  }
}

static bool
take_list(struct excuses *excuses, const bson_t *message, const char *name,
          void (*take)(struct excuses *excuses, const bson_t *item))
{
  bson_t list;
  bson_t item;
  bson_iter_t iter;
  struct error absent;
  if (!message_document(message, name, &list, &absent)) {
    return false;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    if (message_item(&iter, &item)) {
      take(excuses, &item);
    }
  }
  return true;
}

void
excuses_take(struct excuses *excuses, const bson_t *message)
{
  take_list(excuses, message, "refused", take_refused);
  take_list(excuses, message, "sleeping", take_sleeping);
  excuses->places = take_list(excuses, message, "places", take_place) || excuses->places;
}

void
excuses_clear(struct excuses *excuses)
{
  struct excuse *excuse;
  struct excuse *next;
  HASH_ITER (hh, excuses->by_ns, excuse, next) {
    HASH_DEL(excuses->by_ns, excuse); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    bson_destroy(excuse->refused);
    bson_destroy(excuse->sleeping);
    free(excuse->ns);
    free(excuse);
  }
  *excuses = (struct excuses){0};
}

const struct excuse *
excuses_of(const struct excuses *excuses, const char *db, const char *coll)
{
  return find(excuses, db, coll);
}

const char *
excuse_for(const struct excuse *excuse, const char *index)
{
  bson_iter_t iter;
  if (!excuse || !excuse->refused) {
    return NULL;
  }
  for (bson_iter_init(&iter, excuse->refused); bson_iter_next(&iter);) {
    bson_t item;
    bson_iter_t field;
    const char *text = NULL;
    if (!message_item(&iter, &item)) {
      continue;
    }
    bool named = bson_iter_init_find(&field, &item, "index") && BSON_ITER_HOLDS_UTF8(&field);
    if (index ? named && strcmp(bson_iter_utf8(&field, NULL), index) == 0 : message_flag(&item, "options")) {
      text = bson_iter_init_find(&field, &item, "text") && BSON_ITER_HOLDS_UTF8(&field) ? bson_iter_utf8(&field, NULL)
                                                                                        : "no reason given";
      return text;
    }
  }
  return NULL;
}

int64_t
excuse_ttl(const struct excuse *excuse, const char *name)
{
  bson_iter_t iter;
  if (!excuse || !excuse->sleeping) {
    return -1;
  }
  for (bson_iter_init(&iter, excuse->sleeping); bson_iter_next(&iter);) {
    bson_t item;
    bson_t spec;
    struct error absent;
    if (message_item(&iter, &item) && message_document(&item, "spec", &spec, &absent) &&
        strcmp(message_text_or_none(&spec, "name"), name) == 0) {
      return message_number(&item, "ttl_s", -1);
    }
  }
  return -1;
}
