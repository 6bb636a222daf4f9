#include "source/selection.h"

#include "base/memory.h"
#include "source/catalog.h"

bool
selection_wants(const void *context, const char *db, const char *coll)
{
  const struct selection *selection = context;
  if (catalog_is_internal(db, coll)) {
    return false;
  }
  if (selection->db_count == 0 && selection->namespace_count == 0) {
    return true;
  }
  for (size_t i = 0; i < selection->db_count; i++) {
    if (strcmp(selection->dbs[i], db) == 0) {
      return true;
    }
  }
  size_t length = strlen(db);
  for (size_t i = 0; i < selection->namespace_count; i++) {
    const char *ns = selection->namespaces[i];
    if (strncmp(ns, db, length) == 0 && ns[length] == '.' && strcmp(ns + length + 1, coll) == 0) {
      return true;
    }
  }
  return false;
}

static void
put_list(bson_t *document, const char *name, char **items, size_t count)
{
  bson_t list;
  BSON_APPEND_ARRAY_BEGIN(document, name, &list);
  for (size_t i = 0; i < count; i++) {
    char key[24];
    snprintf(key, sizeof key, "%zu", i);
    BSON_APPEND_UTF8(&list, key, items[i]);
  }
  bson_append_array_end(document, &list);
}

void
selection_put(const struct selection *selection, bson_t *document)
{
  put_list(document, "dbs", selection->dbs, selection->db_count);
  put_list(document, "namespaces", selection->namespaces, selection->namespace_count);
}

static void
get_list(const bson_t *document, const char *name, char ***items, size_t *count)
{
  bson_iter_t iter;
  bson_iter_t item;
  size_t capacity = 0;
  if (!bson_iter_init_find(&iter, document, name) || !bson_iter_recurse(&iter, &item)) {
    return;
  }
  while (bson_iter_next(&item)) {
    if (BSON_ITER_HOLDS_UTF8(&item)) {
      *items = memory_grow(*items, *count, &capacity, sizeof **items);
      (*items)[(*count)++] = memory_string(bson_iter_utf8(&item, NULL));
    }
  }
}

void
selection_get(struct selection *selection, const bson_t *document)
{
  *selection = (struct selection){0};
  get_list(document, "dbs", &selection->dbs, &selection->db_count);
  get_list(document, "namespaces", &selection->namespaces, &selection->namespace_count);
}

void
selection_clear(struct selection *selection)
{
  for (size_t i = 0; i < selection->db_count; i++) {
    free(selection->dbs[i]);
  }
  for (size_t i = 0; i < selection->namespace_count; i++) {
    free(selection->namespaces[i]);
  }
  free(selection->dbs);
  free(selection->namespaces);
  *selection = (struct selection){0};
}
