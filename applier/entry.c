#include "applier/entry.h"

#include <stdio.h>
#include <string.h>

static bool
field_document(const bson_t *document, const char *name, bson_t *value)
{
  bson_iter_t iter;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    return false;
  }
  bson_iter_document(&iter, &size, &bytes);
  return bson_init_static(value, bytes, size);
}

static bool
bad_entry(const struct entry *entry, const char *what, struct error *error)
{
  return error_set(error, ERROR_DIVERGED, "the oplog entry at %u.%u on %s.%s has %s", OPTIME_SECONDS(entry->ts),
                   OPTIME_INCREMENT(entry->ts), entry->db, entry->coll, what);
}

static void
read_namespace(struct entry *entry, const bson_t *document)
{
  bson_iter_t iter;
  const char *ns = "";
  if (bson_iter_init_find(&iter, document, "ns") && BSON_ITER_HOLDS_UTF8(&iter)) {
    ns = bson_iter_utf8(&iter, NULL);
  }
  const char *dot = strchr(ns, '.');
  snprintf(entry->db, sizeof entry->db, "%.*s", dot ? (int)(dot - ns) : (int)strlen(ns), ns);
  snprintf(entry->coll, sizeof entry->coll, "%s", dot ? dot + 1 : "");
}

static void
read_uuid(struct entry *entry, const bson_t *document)
{
  bson_iter_t iter;
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (bson_iter_init_find(&iter, document, "ui") && BSON_ITER_HOLDS_BINARY(&iter)) {
    bson_iter_binary(&iter, &subtype, &size, &bytes);
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

/* An update's `o`: a replacement has a top-level _id, a delta says $v: 2, modifiers start with a dollar sign. */
static bool
read_update(struct entry *entry, const bson_t *document, struct error *error)
{
  bson_t o2;
  bson_t diff;
  bson_iter_t iter;
  entry->kind = ENTRY_WRITE;
  if (!field_document(document, "o2", &o2) || !read_id(entry, &o2, error)) {
    return bad_entry(entry, "an update without the o2 that names its document", error);
  }
  if (bson_iter_init_find(&iter, &entry->o, "_id")) {
    entry->write = APPLY_REPLACE;
  } else if (bson_iter_init_find(&iter, &entry->o, "$v") && bson_iter_as_int64(&iter) == 2) {
    if (!field_document(&entry->o, "diff", &diff)) {
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

static bool
read_command(struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  /* Without meaning for a target. S:src/mongo/db/repl/oplog.cpp, later versions' oplog_entry.idl */
  static const char *const passed_over[] = {"dbCheck",
                                            "createDatabaseMetadata",
                                            "dropIdent",
                                            "setMultikeyMetadata",
                                            "modifyCollectionShardingIndexCatalog",
                                            "startIndexBuild",
                                            "abortIndexBuild"};
  if (!bson_iter_init(&iter, &entry->o) || !bson_iter_next(&iter)) {
    return bad_entry(entry, "a command without a name", error);
  }
  entry->command = bson_iter_key(&iter);
  entry->kind = strcmp(entry->command, "applyOps") == 0 ? ENTRY_GROUP : ENTRY_COMMAND;
  entry->coll[0] = 0;
  if (BSON_ITER_HOLDS_UTF8(&iter)) {
    snprintf(entry->coll, sizeof entry->coll, "%s", bson_iter_utf8(&iter, NULL));
  }
  for (size_t i = 0; i < sizeof passed_over / sizeof *passed_over; i++) {
    if (strcmp(entry->command, passed_over[i]) == 0) {
      entry->kind = ENTRY_NOTHING;
    }
  }
  return true;
}

bool
entry_read(struct entry *entry, const bson_t *document, uint64_t ts, struct error *error)
{
  bson_iter_t iter;
  const char *op = "";
  memset(entry, 0, sizeof *entry);
  bson_init(&entry->id);
  entry->ts = ts ? ts : optime_of(document).ts;
  read_namespace(entry, document);
  read_uuid(entry, document);
  if (bson_iter_init_find(&iter, document, "op") && BSON_ITER_HOLDS_UTF8(&iter)) {
    op = bson_iter_utf8(&iter, NULL);
  }
  if (strcmp(op, "n") == 0 || strcmp(op, "db") == 0 || strcmp(op, "ci") == 0 || strcmp(op, "cd") == 0 ||
      strcmp(op, "cu") == 0 || strcmp(op, "km") == 0) {
    return true;
  }
  if (!field_document(document, "o", &entry->o)) {
    return bad_entry(entry, "no o", error);
  }
  if (strcmp(op, "c") == 0) {
    return read_command(entry, error);
  }
  if (strcmp(op, "u") == 0) {
    return read_update(entry, document, error);
  }
  if (strcmp(op, "i") == 0 || strcmp(op, "d") == 0) {
    entry->kind = ENTRY_WRITE;
    entry->write = *op == 'i' ? APPLY_INSERT : APPLY_DELETE;
    bool index = strcmp(entry->coll, "system.indexes") == 0; /* an index's creation up to 3.4: it has no _id */
    return index || read_id(entry, &entry->o, error);
  }
  char what[64];
  snprintf(what, sizeof what, "the unknown kind '%.20s'", op);
  return bad_entry(entry, what, error);
}

void
entry_clear(struct entry *entry)
{
  bson_destroy(&entry->id);
}
