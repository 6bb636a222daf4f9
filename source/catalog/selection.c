#include "source/catalog/selection.h"

#include <stdlib.h>

#include "base/memory.h"
#include "server/series.h"
#include "source/catalog/catalog.h"

const char *
selection_option(enum selection_list list)
{
  static const char *const options[] = {"includeDB",        "includeNamespace", "excludeDB",
                                        "excludeNamespace", "nsFrom",           "nsTo"};
  return options[list];
}

bool
selection_add(struct selection *selection, enum selection_list list, const char *text, struct error *error)
{
  struct selection_item item = {.text = NULL};
  if (!pattern_parse(&item.pattern, text, error)) {
    return error_wrap(error, "--%s", selection_option(list));
  }
  item.text = memory_string(text);
  selection->lists[list].items = memory_grow(selection->lists[list].items, selection->lists[list].count,
                                             &selection->lists[list].capacity, sizeof *selection->lists[list].items);
  selection->lists[list].items[selection->lists[list].count++] = item;
  return true;
}

bool
selection_check(const struct selection *selection, struct error *error)
{
  size_t count = selection->lists[NS_FROM].count;
  if (count != selection->lists[NS_TO].count) {
    return error_set(error, ERROR_USAGE, "each --nsFrom needs its --nsTo: there are %zu and %zu", count,
                     selection->lists[NS_TO].count);
  }
  for (size_t i = 0; i < count; i++) {
    if (!pattern_check_pair(&selection->lists[NS_FROM].items[i].pattern, &selection->lists[NS_TO].items[i].pattern,
                            error)) {
      return false;
    }
  }
  return true;
}

/* Asks all items, so that each notes whether it matched anything. */
static bool
matches_any(const struct selection *selection, enum selection_list list, const char *text)
{
  bool matches = false;
  for (size_t i = 0; i < selection->lists[list].count; i++) {
    struct selection_item *item = &selection->lists[list].items[i];
    if (pattern_matches(&item->pattern, text, NULL)) {
      matches = item->used = true;
    }
  }
  return matches;
}

bool
selection_wants(const void *context, const char *db, const char *coll)
{
  const struct selection *selection = context;
  const char *series = series_of(coll); /* chosen by the name that people know */
  if (catalog_is_internal(db, coll) || (series && catalog_is_internal(db, series))) {
    return false;
  }
  coll = series ? series : coll;
  bool chosen = selection->lists[INCLUDE_DB].count == 0 && selection->lists[INCLUDE_NAMESPACE].count == 0;
  bool excluded = selection->lists[EXCLUDE_DB].count > 0 || selection->lists[EXCLUDE_NAMESPACE].count > 0;
  if (chosen && !excluded) {
    return true;
  }
  char *ns = memory_format("%s.%s", db, coll);
  bool db_chosen = matches_any(selection, INCLUDE_DB, db);
  bool ns_chosen = matches_any(selection, INCLUDE_NAMESPACE, ns);
  bool db_excluded = matches_any(selection, EXCLUDE_DB, db);
  bool ns_excluded = matches_any(selection, EXCLUDE_NAMESPACE, ns);
  free(ns);
  return (chosen || db_chosen || ns_chosen) && !db_excluded && !ns_excluded;
}

bool
selection_renames(const struct selection *selection)
{
  return selection->lists[NS_FROM].count > 0;
}

static bool
set_names(const char *db, size_t db_length, const char *coll, char *to_db, char *to_coll)
{
  size_t length = strlen(coll);
  if (db_length == 0 || db_length >= SELECTION_DB_SIZE || length == 0 || length >= SELECTION_COLL_SIZE) {
    return false;
  }
  memcpy(to_db, db, db_length);
  to_db[db_length] = 0;
  memcpy(to_coll, coll, length + 1);
  return true;
}

/* `to` is what a pattern made of `from`. */
static bool
split_name(const char *from, const char *to, char *to_db, char *to_coll, struct error *error)
{
  const char *dot = strchr(to, '.');
  if (!dot || !set_names(to, (size_t)(dot - to), dot + 1, to_db, to_coll)) {
    return error_set(error, ERROR_REFUSED, "%s would become '%.300s', which is not a namespace; change --nsTo", from,
                     to);
  }
  return !catalog_is_internal(to_db, to_coll) ||
         error_set(error, ERROR_REFUSED, "%s would become %s, which belongs to the server itself; change --nsTo", from,
                   to);
}

static bool
rename_plain(const struct selection *selection, const char *db, const char *coll, char *to_db, char *to_coll,
             struct error *error)
{
  bool ok = true;
  bool done = false;
  if (selection_renames(selection)) {
    char *ns = memory_format("%s.%s", db, coll);
    for (size_t i = 0; !done && i < selection->lists[NS_FROM].count; i++) {
      struct pattern_match match;
      struct selection_item *from = &selection->lists[NS_FROM].items[i];
      if (pattern_matches(&from->pattern, ns, &match)) {
        char *to = pattern_expand(&from->pattern, &match, &selection->lists[NS_TO].items[i].pattern);
        from->used = done = true;
        ok = split_name(ns, to, to_db, to_coll, error);
        free(to);
      }
    }
    free(ns);
  }
  return done ? ok
              : set_names(db, strlen(db), coll, to_db, to_coll) ||
                  error_set(error, ERROR_REFUSED, "'%.64s.%.255s' is no namespace", db, coll);
}

bool
selection_rename(const struct selection *selection, const char *db, const char *coll, char *to_db, char *to_coll,
                 struct error *error)
{
  char name[SELECTION_COLL_SIZE];
  const char *series = series_of(coll);
  if (!series) {
    return rename_plain(selection, db, coll, to_db, to_coll, error);
  }
  if (!rename_plain(selection, db, series, to_db, name, error)) {
    return false;
  }
  size_t prefix = (size_t)(series - coll);
  if (prefix + strlen(name) >= sizeof name) {
    return error_set(error, ERROR_REFUSED, "'%.64s.%.255s' is no namespace", db, name);
  }
  snprintf(to_coll, SELECTION_COLL_SIZE, "%.*s%s", (int)prefix, coll, name);
  return true;
}

void
selection_put(const struct selection *selection, bson_t *document)
{
  for (int list = 0; list < SELECTION_LISTS; list++) {
    bson_t array;
    BSON_APPEND_ARRAY_BEGIN(document, selection_option(list), &array);
    for (size_t i = 0; i < selection->lists[list].count; i++) {
      char key[24];
      snprintf(key, sizeof key, "%zu", i);
      BSON_APPEND_UTF8(&array, key, selection->lists[list].items[i].text);
    }
    bson_append_array_end(document, &array);
  }
}

void
selection_get(struct selection *selection, const bson_t *document)
{
  *selection = (struct selection){0};
  for (int list = 0; list < SELECTION_LISTS; list++) {
    bson_iter_t iter;
    bson_iter_t item;
    struct error ignored; /* they were parsed before they were sent */
    if (!bson_iter_init_find(&iter, document, selection_option(list)) || !bson_iter_recurse(&iter, &item)) {
      continue;
    }
    while (bson_iter_next(&item)) {
      if (BSON_ITER_HOLDS_UTF8(&item)) {
        selection_add(selection, list, bson_iter_utf8(&item, NULL), &ignored);
      }
    }
  }
}

void
selection_clear(struct selection *selection)
{
  for (int list = 0; list < SELECTION_LISTS; list++) {
    for (size_t i = 0; i < selection->lists[list].count; i++) {
      free(selection->lists[list].items[i].text);
      pattern_clear(&selection->lists[list].items[i].pattern);
    }
    free(selection->lists[list].items);
  }
  *selection = (struct selection){0};
}
