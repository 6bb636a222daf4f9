#include "applier/ddl/rename.h"

#include "base/log.h"
#include "base/memory.h"
#include "target/definition/naming.h"
#include "target/definition/schema.h"

struct rename_names {
  char from_db[SELECTION_DB_SIZE];
  char from_coll[SELECTION_COLL_SIZE];
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  char source_db[SELECTION_DB_SIZE]; /* the new name on the source */
  char source_coll[SELECTION_COLL_SIZE];
  bool drop_target;
  uint64_t ts;
  const uint8_t *uuid;      /* of the collection that gets another name, if the entry says */
  const uint8_t *drop_uuid; /* of the collection that was replaced, if the entry says */
};

static bool
read_rename(const bson_t *o, struct rename_names *names)
{
  bson_iter_t iter;
  memset(names, 0, sizeof *names);
  if (!ddl_split_namespace(o, "renameCollection", names->from_db, names->from_coll) ||
      !ddl_split_namespace(o, "to", names->to_db, names->to_coll)) {
    return false;
  }
  if (bson_iter_init_find(&iter, o, "dropTarget")) {
    names->drop_target = true;
    if (BSON_ITER_HOLDS_BINARY(&iter)) {
      bson_subtype_t subtype;
      uint32_t size;
      bson_iter_binary(&iter, &subtype, &size, &names->drop_uuid);
      names->drop_uuid = size == 16 ? names->drop_uuid : NULL;
    } else {
      names->drop_target = bson_iter_as_bool(&iter);
    }
  }
  return true;
}

static bool
run_rename(struct ddl *ddl, struct mapped_collection *mapped, const struct rename_names *names, bool drop_target,
           struct error *error)
{
  if (!naming_check(names->to_db, names->to_coll, ddl->target_version, error)) {
    return false;
  }
  char *from = memory_format("%s.%s", names->from_db, names->from_coll);
  char *to = memory_format("%s.%s", names->to_db, names->to_coll);
  bson_t *command = BCON_NEW("renameCollection", BCON_UTF8(from), "to", BCON_UTF8(to));
  if (drop_target) {
    BSON_APPEND_BOOL(command, "dropTarget", true);
  }
  bool ok = schema_command(ddl->target, "admin", command, error);
  /* The answer was lost with the connection. The repeated stretch begins with this rename. */
  ok = ok || (ddl->lenient && error->code == CODE_NAMESPACE_NOT_FOUND);
  ok = ok && ddl->follow_name(ddl->context, from, names->to_db, names->to_coll, error);
  bson_destroy(command);
  free(from);
  free(to);
  if (ok) {
    deferred_rename(ddl->deferred, names->from_db, names->from_coll, names->to_db, names->to_coll);
    mapped = collection_map_rename(ddl->collection_map, mapped, names->to_db, names->to_coll);
    collection_map_set_source(ddl->collection_map, mapped, names->source_db, names->source_coll);
    mapped->since = names->ts;
    return ddl->confirm(ddl->context, error);
  }
  return error_wrap(error, "cannot rename %s.%s", names->from_db, names->from_coll);
}

/* Both names are one on the target (--nsFrom, --nsTo). */
static bool
rename_mapped(struct ddl *ddl, struct mapped_collection *mapped, const struct rename_names *names, struct error *error)
{
  collection_map_set_source(ddl->collection_map, mapped, names->source_db, names->source_coll);
  mapped->since = names->ts;
  return ddl->confirm(ddl->context, error);
}

/* A collection that was not selected gets a name that is. So it is copied at the next consistency point. */
static bool
take_in(struct ddl *ddl, const struct rename_names *names, struct mapped_collection *replaced, struct error *error)
{
  bson_t nothing = BSON_INITIALIZER;
  bool buckets =
    ddl_command_name(names->to_coll) != names->to_coll; /* only with their series, which is not known here */
  if ((replaced && !ddl_drop_mapped(ddl, replaced, error)) ||
      (!buckets && !schema_create(ddl->target, names->to_db, names->to_coll, &nothing, error))) {
    return false;
  }
  struct mapped_collection *mapped = collection_map_add(ddl->collection_map, names->to_db, names->to_coll);
  collection_map_set_source(ddl->collection_map, mapped, names->source_db, names->source_coll);
  mapped->since = names->ts;
  if (names->uuid && !ddl->by_name) {
    collection_map_set_uuid(ddl->collection_map, mapped, names->uuid);
  }
  mapped->lost = true;
  mapped->start = buckets ? UINT64_MAX : 0; /* there is nothing to write to before it is copied */
  ddl->collection_map->relapse = true;
  return true;
}

/*
 * The target does not have what the source renamed. Lenient: it is known under a later name. Strict: no entry ever
 * made it or wrote to it, so it is an empty collection (SecantusDB makes such without an entry).
 */
static bool
rename_missing(struct ddl *ddl, const struct rename_names *names, struct mapped_collection *to, struct error *error)
{
  bool replaced =
    to && (!ddl->lenient || (names->drop_uuid && to->has_uuid && memcmp(to->uuid, names->drop_uuid, 16) == 0));
  bson_t nothing = BSON_INITIALIZER;
  if (replaced && !ddl_drop_mapped(ddl, to, error)) {
    return false;
  }
  if (ddl->lenient) { /* before a crash it was renamed: what was known by then is still listed under the old name */
    if (deferred_of(ddl->deferred, names->from_db, names->from_coll)) {
      deferred_rename(ddl->deferred, names->from_db, names->from_coll, names->to_db, names->to_coll);
    }
    if (!ddl->by_name) {
      return true;
    }
    if (!to) { /* the later name may have been taken by then: an earlier rename, replayed, took its documents along */
      return take_in(ddl, names, NULL, error);
    }
    collection_map_changed(ddl->collection_map, to);
    to->lost = true;
    return true;
  }
  log_warn("%s was renamed, but the oplog has no entry that creates it: it is created as an empty collection",
           log_value("%s.%s", names->from_db, names->from_coll));
  struct mapped_collection *made = collection_map_add(ddl->collection_map, names->to_db, names->to_coll);
  collection_map_set_source(ddl->collection_map, made, names->source_db, names->source_coll);
  return schema_create(ddl->target, names->to_db, names->to_coll, &nothing, error);
}

static bool
rename_to(struct ddl *ddl, struct rename_names *names, struct error *error)
{
  memcpy(names->source_db, names->to_db, sizeof names->to_db);
  memcpy(names->source_coll, names->to_coll, sizeof names->to_coll);
  return ddl_name_on_target(ddl, names->to_db, names->to_coll, error);
}

bool
rename_apply(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  struct rename_names names;
  if (!read_rename(&entry->o, &names)) {
    return ddl_misfit(entry, "lacks its names", error);
  }
  names.ts = entry->ts;
  names.uuid = entry->has_uuid ? entry->uuid : NULL;
  bool from_wanted = selection_wants(ddl->selection, names.from_db, names.from_coll);
  bool to_wanted = selection_wants(ddl->selection, names.to_db, names.to_coll);
  if ((from_wanted && !ddl_name_on_target(ddl, names.from_db, names.from_coll, error)) ||
      (to_wanted && !rename_to(ddl, &names, error))) {
    return false;
  }
  struct mapped_collection *known = entry->has_uuid ? collection_map_find_uuid(ddl->collection_map, entry->uuid) : NULL;
  struct mapped_collection *from = collection_map_find(ddl->collection_map, names.from_db, names.from_coll);
  struct mapped_collection *to = collection_map_find(ddl->collection_map, names.to_db, names.to_coll);
  if (!from_wanted && to_wanted) {
    return take_in(ddl, &names, to, error);
  }
  if (!from_wanted || !to_wanted) {
    return !from || ddl_drop_mapped(ddl, from, error);
  }
  if (ddl->lenient && known && known != from) {
    return true; /* the copy found it under a later name */
  }
  /*
   * Carried out before a crash. What has the old name by now came later. Without UUIDs, what was replayed before this
   * entry got into it, too.
   */
  if (ddl->lenient && to && to->since == entry->ts) {
    if (from && ddl->by_name) {
      collection_map_changed(ddl->collection_map, from);
      from->lost = true;
    }
    return true;
  }
  if (from && ddl_is_later_one(ddl, entry, from)) {
    from = NULL;
  }
  if (!from) {
    return rename_missing(ddl, &names, to, error);
  }
  bool copied = ddl->lenient && (from->since == 0 || from->start != 0); /* read, not made by an entry */
  if ((ddl->by_name || from->by_name) && (from->start >= entry->ts || copied)) {
    collection_map_changed(ddl->collection_map, from);
    from->lost = true; /* its name may have been another collection's by the time of the copy */
  }
  if (from == to) {
    return rename_mapped(ddl, from, &names, error);
  }
  if (to && !names.drop_target && ddl_share_name(ddl, entry, to, names.source_db, names.source_coll)) {
    return ddl_refuse_shared_name(to, names.source_db, names.source_coll, error);
  }
  bool later = to && ddl->lenient &&
               (!names.drop_target || to->since > entry->ts ||
                (names.drop_uuid && to->has_uuid && memcmp(to->uuid, names.drop_uuid, 16) != 0));
  if (later) {
    return ddl_drop_mapped(ddl, from, error); /* what is there under the new name was copied after this rename */
  }
  if (to) {
    collection_map_forget_uuid(ddl->collection_map, to); /* should this rename be repeated, the name is the new one's */
  }
  return ddl->confirm(ddl->context, error) && run_rename(ddl, from, &names, to != NULL, error);
}
