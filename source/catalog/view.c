#include "source/catalog/view.h"

#include <string.h>

#define DEPTH_MOST 100

struct renaming {
  const struct selection *selection;
  const char *db;
  const char *to_db;
  struct error *error;
};

static bool
append_name(const struct renaming *renaming, bson_t *to, const bson_iter_t *name)
{
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  const char *coll = bson_iter_utf8(name, NULL);
  if (strlen(coll) >= SELECTION_COLL_SIZE) {
    return error_set(renaming->error, ERROR_REFUSED, "it reads '%.60s...', which is no collection", coll);
  }
  if (!selection_rename(renaming->selection, renaming->db, coll, to_db, to_coll, renaming->error)) {
    return false;
  }
  bson_append_utf8(to, bson_iter_key(name), -1, to_coll, -1);
  return strcmp(to_db, renaming->to_db) == 0 ||
         error_set(renaming->error, ERROR_REFUSED,
                   "the view goes to the database %s, but it reads %s.%s, which goes to %s; change --nsTo",
                   renaming->to_db, renaming->db, coll, to_db);
}

/*
 * Whether the field of a stage's definition names a collection. Stages within a stage's pipeline come here by
 * themselves.
 */
static bool
names_collection(const char *stage, const bson_iter_t *field)
{
  const char *key = bson_iter_key(field);
  bool joins = strcmp(stage, "$lookup") == 0 || strcmp(stage, "$graphLookup") == 0;
  return BSON_ITER_HOLDS_UTF8(field) &&
         ((joins && strcmp(key, "from") == 0) || (strcmp(stage, "$unionWith") == 0 && strcmp(key, "coll") == 0) ||
          (*stage == 0 && strcmp(key, "$unionWith") == 0));
}

/* Copies fields; `stage` is the name of the stage whose definition this is, "" elsewhere. */
static bool
copy_fields(const struct renaming *renaming, bson_iter_t *from, const char *stage, int depth, bson_t *to)
{
  while (bson_iter_next(from)) {
    bson_iter_t inner;
    bson_t made;
    const char *key = bson_iter_key(from);
    bool array = BSON_ITER_HOLDS_ARRAY(from);
    if (names_collection(stage, from)) {
      if (!append_name(renaming, to, from)) {
        return false;
      }
    } else if (depth < DEPTH_MOST && (array || BSON_ITER_HOLDS_DOCUMENT(from)) && bson_iter_recurse(from, &inner)) {
      if (array) {
        bson_append_array_begin(to, key, -1, &made);
      } else {
        bson_append_document_begin(to, key, -1, &made);
      }
      bool ok = copy_fields(renaming, &inner, *key == '$' && !array ? key : "", depth + 1, &made);
      if (array) {
        bson_append_array_end(to, &made);
      } else {
        bson_append_document_end(to, &made);
      }
      if (!ok) {
        return false;
      }
    } else {
      bson_append_iter(to, NULL, 0, from);
    }
  }
  return true;
}

bool
view_rename(const struct selection *selection, const char *db, const char *to_db, const bson_t *options,
            bson_t *renamed, struct error *error)
{
  struct renaming renaming = {selection, db, to_db, error};
  bson_iter_t iter;
  bson_init(renamed);
  if (!selection_renames(selection)) {
    bson_concat(renamed, options);
    return true;
  }
  for (bson_iter_init(&iter, options); bson_iter_next(&iter);) {
    bson_iter_t stages;
    bson_t pipeline;
    if (strcmp(bson_iter_key(&iter), "viewOn") == 0 && BSON_ITER_HOLDS_UTF8(&iter)) {
      if (!append_name(&renaming, renamed, &iter)) {
        return false;
      }
    } else if (strcmp(bson_iter_key(&iter), "pipeline") == 0 && bson_iter_recurse(&iter, &stages)) {
      BSON_APPEND_ARRAY_BEGIN(renamed, "pipeline", &pipeline);
      bool ok = copy_fields(&renaming, &stages, "", 0, &pipeline);
      bson_append_array_end(renamed, &pipeline);
      if (!ok) {
        return false;
      }
    } else {
      bson_append_iter(renamed, NULL, 0, &iter);
    }
  }
  return true;
}
