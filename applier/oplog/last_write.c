#include "applier/oplog/last_write.h"

#include <string.h>

#include "source/catalog/selection.h"

#define DEPTH_MOST 10 /* of applyOps in applyOps: as deep as servers go */

struct fields {
  const char *op;
  const char *ns;
  bson_t o;
  bool has_o;
  int64_t wall_ms;
};

static void
read_fields(const bson_t *entry, struct fields *fields)
{
  bson_iter_t iter;
  *fields = (struct fields){.op = "", .ns = ""};
  if (!bson_iter_init(&iter, entry)) {
    return;
  }
  while (bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "op") == 0 && BSON_ITER_HOLDS_UTF8(&iter)) {
      fields->op = bson_iter_utf8(&iter, NULL);
    } else if (strcmp(key, "ns") == 0 && BSON_ITER_HOLDS_UTF8(&iter)) {
      fields->ns = bson_iter_utf8(&iter, NULL);
    } else if (strcmp(key, "wall") == 0 && BSON_ITER_HOLDS_DATE_TIME(&iter)) {
      fields->wall_ms = bson_iter_date_time(&iter);
    } else if (strcmp(key, "o") == 0 && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
      uint32_t size = 0;
      const uint8_t *bytes = NULL;
      bson_iter_document(&iter, &size, &bytes);
      fields->has_o = bson_init_static(&fields->o, bytes, size);
    }
  }
}

static bool
is_own(const char *db)
{
  return strcmp(db, "config") == 0 || strcmp(db, "local") == 0;
}

/* Writes of system collections may be definitions: system.views, system.indexes. */
static bool
is_wanted(const void *selection, const char *ns)
{
  char db[SELECTION_DB_SIZE];
  const char *dot = strchr(ns, '.');
  if (!dot || (size_t)(dot - ns) >= sizeof db) {
    return true;
  }
  memcpy(db, ns, (size_t)(dot - ns));
  db[dot - ns] = 0;
  bool definition = strncmp(dot + 1, "system.", 7) == 0 && !is_own(db) && strcmp(db, "admin") != 0;
  return definition || selection_wants(selection, db, dot + 1);
}

static bool is_write(const void *selection, const struct fields *fields, int depth);

/* A group is a write if one of its operations is. */
static bool
is_command_write(const void *selection, const struct fields *fields, int depth)
{
  bson_iter_t iter;
  bson_iter_t item;
  if (!fields->has_o || !bson_iter_init_find(&iter, &fields->o, "applyOps") || !bson_iter_recurse(&iter, &item) ||
      depth >= DEPTH_MOST) {
    return strncmp(fields->ns, "config.", 7) != 0 && strncmp(fields->ns, "local.", 6) != 0;
  }
  while (bson_iter_next(&item)) {
    uint32_t size = 0;
    const uint8_t *bytes = NULL;
    struct fields inner;
    bson_t operation;
    if (BSON_ITER_HOLDS_DOCUMENT(&item)) {
      bson_iter_document(&item, &size, &bytes);
      if (bson_init_static(&operation, bytes, size)) {
        read_fields(&operation, &inner);
        if (is_write(selection, &inner, depth + 1)) {
          return true;
        }
      }
    }
  }
  return false;
}

static bool
is_write(const void *selection, const struct fields *fields, int depth)
{
  if (strcmp(fields->op, "n") == 0) {
    return false;
  }
  return strcmp(fields->op, "c") == 0 ? is_command_write(selection, fields, depth) : is_wanted(selection, fields->ns);
}

int64_t
last_write_at(const void *selection, const bson_t *entry)
{
  struct fields fields;
  read_fields(entry, &fields);
  return is_write(selection, &fields, 0) ? fields.wall_ms : -1;
}
