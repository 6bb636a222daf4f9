#include "applier/oplog/entry.h"

#include <stdio.h>
#include <string.h>

/* The fields that matter, found in one pass. A missing field has the type EOD. */
struct fields {
  bson_iter_t op;
  bson_iter_t ns;
  bson_iter_t ui;
  bson_iter_t o;
  bson_iter_t o2;
  bson_iter_t b;
};

static void
find_fields(const bson_t *document, struct fields *fields)
{
  bson_iter_t iter;
  memset(fields, 0, sizeof *fields);
  if (!bson_iter_init(&iter, document)) {
    return;
  }
  while (bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "op") == 0) {
      fields->op = iter;
    } else if (strcmp(key, "ns") == 0) {
      fields->ns = iter;
    } else if (strcmp(key, "ui") == 0) {
      fields->ui = iter;
    } else if (strcmp(key, "o") == 0) {
      fields->o = iter;
    } else if (strcmp(key, "o2") == 0) {
      fields->o2 = iter;
    } else if (strcmp(key, "b") == 0) {
      fields->b = iter;
    }
  }
}

static bool
is_there(const bson_iter_t *field)
{
  return field->raw != NULL;
}

static bool
as_document(const bson_iter_t *field, bson_t *value)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!is_there(field) || !BSON_ITER_HOLDS_DOCUMENT(field)) {
    return false;
  }
  bson_iter_document(field, &size, &bytes);
  return bson_init_static(value, bytes, size);
}

static bool
bad_entry(const struct entry *entry, const char *what, struct error *error)
{
  return error_set(error, ERROR_DIVERGED, "the oplog entry at %u.%u on %s.%s has %s", OPTIME_SECONDS(entry->ts),
                   OPTIME_INCREMENT(entry->ts), entry->db, entry->coll, what);
}

/* False if the name does not fit, or has a zero byte in it: a part of a name may be another collection's. */
static bool
copy_name(char *to, size_t size, const char *from, size_t length)
{
  if (length >= size || memchr(from, 0, length)) {
    return false;
  }
  memcpy(to, from, length);
  to[length] = 0;
  return true;
}

static bool
read_namespace(struct entry *entry, const struct fields *fields, struct error *error)
{
  uint32_t length = 0;
  if (!is_there(&fields->ns) || !BSON_ITER_HOLDS_UTF8(&fields->ns)) {
    return true;
  }
  const char *ns = bson_iter_utf8(&fields->ns, &length);
  const char *dot = memchr(ns, '.', length);
  size_t db = dot ? (size_t)(dot - ns) : length;
  bool fits = copy_name(entry->db, sizeof entry->db, ns, db) &&
              copy_name(entry->coll, sizeof entry->coll, dot ? dot + 1 : "", dot ? length - db - 1 : 0);
  return fits || bad_entry(entry, "a namespace that no server takes", error);
}

static void
read_uuid(struct entry *entry, const struct fields *fields)
{
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (is_there(&fields->ui) && BSON_ITER_HOLDS_BINARY(&fields->ui)) {
    bson_iter_binary(&fields->ui, &subtype, &size, &bytes);
    if (size == sizeof entry->uuid) {
      entry->has_uuid = true;
      memcpy(entry->uuid, bytes, size);
    }
  }
}

static bool
read_id(struct entry *entry, const bson_t *from, struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, from, "_id")) {
    return bad_entry(entry, "no _id", error);
  }
  bson_append_iter(&entry->id, "_id", 3, &iter);
  return true;
}

/* An update's `o`. A replacement has a top-level _id, a delta has $v: 2, modifiers start with a dollar sign. */
static bool
read_update(struct entry *entry, const struct fields *fields, struct error *error)
{
  bson_t o2;
  bson_t diff;
  bson_iter_t iter;
  entry->kind = ENTRY_WRITE;
  entry->upsert = is_there(&fields->b) && bson_iter_as_bool(&fields->b);
  if (!as_document(&fields->o2, &o2) || !read_id(entry, &o2, error)) {
    return bad_entry(entry, "an update without the o2 that names its document", error);
  }
  if (bson_iter_init_find(&iter, &entry->o, "_id")) {
    entry->write = APPLY_REPLACE;
  } else if (bson_iter_init_find(&iter, &entry->o, "$v") && bson_iter_as_int64(&iter) == 2) {
    if (!bson_iter_init_find(&iter, &entry->o, "diff") || !as_document(&iter, &diff)) {
      return bad_entry(entry, "a $v: 2 update without a diff", error);
    }
    entry->write = APPLY_DELTA;
    entry->kind =
      bson_has_field(&diff, "updatedFields") || bson_has_field(&diff, "removedFields") ? ENTRY_DIFF : ENTRY_WRITE;
  } else if (bson_iter_init(&iter, &entry->o) && bson_iter_next(&iter) && bson_iter_key(&iter)[0] == '$') {
    entry->write = APPLY_MODIFY;
  } else {
    entry->write = APPLY_REPLACE;
  }
  return true;
}

struct passed_over {
  const char *name;
  const char *why;
};

static bool
is_among(const struct passed_over *table, size_t count, const char *name)
{
  for (size_t i = 0; i < count; i++) {
    if (strcmp(table[i].name, name) == 0) {
      return true;
    }
  }
  return false;
}

/*
 * Commands that change nothing on a target. ddl_apply carries out all others that servers log, or stops at them.
 * S:src/mongo/db/repl/oplog.cpp@r2.6.12..v5.0, later versions' oplog_entry.idl
 */
static bool
is_passed_over(const char *command)
{
  static const struct passed_over commands[] = {
    {"startIndexBuild", "an index is there when its build is committed"},
    {"abortIndexBuild", "and not there when it is given up"},
    {"dbCheck", "compares the members of a set"},
    {"setMultikeyMetadata", "a server finds out by itself which fields of an index hold arrays"},
    {"dropIdent", "a file of the storage engine, of a collection or an index that is dropped by its own entry"},
    {"createDatabaseMetadata", "which shard of a cluster has a database"},
    {"dropDatabaseMetadata", "which shard of a cluster has a database"},
    {"modifyCollectionShardingIndexCatalog", "what a shard knows of the cluster's indexes"},
    {"createGlobalIndex", "an index over several shards: its keys are in no collection"},
    {"dropGlobalIndex", "an index over several shards: its keys are in no collection"},
  };
  return is_among(commands, sizeof commands / sizeof *commands, command);
}

/* The same of kinds of entries. */
static bool
has_no_meaning(const char *op)
{
  static const struct passed_over kinds[] = {
    {"n", "a no-op"},
    {"db", "says that a database is there (2.6)"},
    {"xi", "a key of an index over several shards (6.1 on)"},
    {"xd", "a key of an index over several shards (6.1 on)"},
    {"ci", "a container of the storage engine, of an index build or of counts: no document (8.1 on)"},
    {"cu", "a container of the storage engine (8.1 on)"},
    {"cd", "a container of the storage engine (8.1 on)"},
    {"km", "metadata of the storage engine's keys"},
  };
  return is_among(kinds, sizeof kinds / sizeof *kinds, op);
}

static bool
read_command(struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init(&iter, &entry->o) || !bson_iter_next(&iter)) {
    return bad_entry(entry, "a command without a name", error);
  }
  entry->command = bson_iter_key(&iter);
  entry->kind = strcmp(entry->command, "applyOps") == 0 ? ENTRY_GROUP : ENTRY_COMMAND;
  entry->coll[0] = 0;
  uint32_t length = 0;
  const char *name = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, &length) : "";
  bool named = copy_name(entry->coll, sizeof entry->coll, name, length);
  if (is_passed_over(entry->command)) {
    entry->kind = ENTRY_NOTHING;
    return true;
  }
  return named || bad_entry(entry, "the name of a collection that no server takes", error);
}

bool
entry_read(struct entry *entry, const bson_t *document, uint64_t ts, struct error *error)
{
  struct fields fields;
  *entry = (struct entry){.ts = ts};
  bson_init(&entry->id);
  find_fields(document, &fields);
  if (!read_namespace(entry, &fields, error)) {
    return false;
  }
  read_uuid(entry, &fields);
  const char *op = is_there(&fields.op) && BSON_ITER_HOLDS_UTF8(&fields.op) ? bson_iter_utf8(&fields.op, NULL) : "";
  bool insert = strcmp(op, "i") == 0;
  if (!insert && has_no_meaning(op)) {
    return true;
  }
  if (!as_document(&fields.o, &entry->o)) {
    return bad_entry(entry, "no o", error);
  }
  if (insert || strcmp(op, "d") == 0) {
    entry->kind = ENTRY_WRITE;
    entry->write = insert ? APPLY_INSERT : APPLY_DELETE;
    bool index = strcmp(entry->coll, "system.indexes") == 0; /* an index's creation up to 3.4: it has no _id */
    return index || read_id(entry, &entry->o, error);
  }
  if (strcmp(op, "u") == 0) {
    return read_update(entry, &fields, error);
  }
  if (strcmp(op, "c") == 0) {
    return read_command(entry, error);
  }
  char what[64];
  snprintf(what, sizeof what, "the unknown kind '%.20s'", op);
  return bad_entry(entry, what, error);
}

bool
entry_rename(struct entry *entry, const struct selection *selection, struct error *error)
{
  memcpy(entry->from_db, entry->db, sizeof entry->db);
  memcpy(entry->from_coll, entry->coll, sizeof entry->coll);
  return selection_rename(selection, entry->from_db, entry->from_coll, entry->db, entry->coll, error);
}

void
entry_clear(struct entry *entry)
{
  bson_destroy(&entry->id);
}
