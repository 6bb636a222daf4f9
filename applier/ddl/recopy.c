#include "applier/ddl/recopy.h"

#include "base/log.h"
#include "ipc/message.h"
#include "source/catalog/catalog.h"
#include "source/oplog/oplog.h"
#include "target/definition/schema.h"
#include "target/definition/uuid.h"
#include "target/insert/writer.h"

bool
recopy_any_due(const struct collection_map *collection_map)
{
  for (const struct mapped_collection *mapped = collection_map->by_ns; mapped; mapped = mapped->by_ns.next) {
    if (mapped->lost) {
      return true;
    }
  }
  return false;
}

static bool
has_name(const void *context, const char *db, const char *coll)
{
  const struct mapped_collection *mapped = context;
  return strcmp(mapped->from_db, db) == 0 && strcmp(mapped->from_coll, coll) == 0;
}

static bool
is_of_database(const void *context, const char *db, const char *coll)
{
  const struct mapped_collection *mapped = context;
  (void)coll;
  return strcmp(mapped->from_db, db) == 0;
}

static bool
goes_by_uuid(const struct reader *reader, const struct mapped_collection *mapped)
{
  return reader->by_uuid && mapped->has_uuid;
}

/*
 * If the source takes UUIDs, the collection may have another name by now: the entries to come tell. NULL: the source
 * does not have it.
 */
static struct collection *
find_on_source(struct catalog *catalog, const struct reader *reader, const struct mapped_collection *mapped)
{
  for (size_t i = 0; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    bool this = !goes_by_uuid(reader, mapped) ||
                (collection->has_uuid && memcmp(collection->uuid, mapped->uuid, sizeof mapped->uuid) == 0);
    if (this && !collection->view) {
      return collection;
    }
  }
  return NULL;
}

static bool
copy_documents(struct ddl *ddl, struct reader *reader, const struct mapped_collection *mapped, bool alone,
               bool has_id_index, struct error *error)
{
  struct writer writer = {.target = ddl->target,
                          .db = mapped->db,
                          .coll = mapped->coll,
                          .in_order = mapped->capped,
                          .refuse = ddl->refuse_document,
                          .context = ddl->context};
  const bson_t *document = NULL;
  struct writer_batch batch = {0};
  bool ok = true;
  int got;
  bson_t *natural = mapped->capped ? BCON_NEW("$natural", BCON_INT32(1)) : NULL;
  bson_t *order = reader->moves && has_id_index && !natural ? BCON_NEW("_id", BCON_INT32(1)) : NULL;
  struct find find = {.db = mapped->from_db,
                      .coll = mapped->from_coll,
                      .uuid = goes_by_uuid(reader, mapped) ? mapped->uuid : NULL,
                      .sort = natural,
                      .hint = order,
                      .majority = true,
                      .passed_on = true};
  struct reader_cursor *cursor = reader_find(reader, &find);
  while ((got = reader_next(cursor, &document, error)) == 1) {
    ok = !writer_batch_full(&batch, document, alone) || writer_insert(&writer, &batch, false, error);
    ok = ok && writer_batch_add(&batch, document, writer_bypasses(mapped->coll), error);
    if (!ok) {
      break;
    }
  }
  ok = ok && got == 0 && (batch.documents == 0 || writer_insert(&writer, &batch, true, error));
  writer_batch_clear(&batch);
  reader_cursor_free(cursor);
  bson_destroy(natural);
  bson_destroy(order);
  return ok;
}

static bool
make_again(struct ddl *ddl, struct mapped_collection *mapped, const struct collection *found, struct error *error)
{
  bson_iter_t iter;
  deferred_remove(ddl->deferred, mapped->db, mapped->coll, NULL);
  deferred_remove(ddl->deferred, mapped->db, ddl_command_name(mapped->coll), NULL);
  if (!bson_has_field(found->options, UUID_OPTION)) {
    uuid_put(found->options, found->has_uuid ? found->uuid : NULL);
  }
  bool ok = ddl_drop_names(ddl, mapped->db, mapped->coll, error) &&
            ddl_create_collection(ddl, mapped->db, mapped->coll, found->options, error);
  mapped->capped = found->capped;
  mapped->collated = bson_has_field(found->options, "collation");
  if (found->has_uuid) {
    collection_map_set_uuid(ddl->collection_map, mapped, found->uuid);
  }
  for (bson_iter_init(&iter, found->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    ok = message_item(&iter, &spec) && ddl_create_index(ddl, mapped->db, mapped->coll, &spec, error);
  }
  return ok;
}

/* A capped collection has an order, so its start must be exact. For any other one an earlier start is the safe one. */
static bool
find_start(struct reader *reader, const struct collection *found, uint64_t *start, struct error *error)
{
  struct optime optime;
  bool ok = found->capped ? oplog_newest(reader, &optime, error) : oplog_start(reader, &optime, error);
  *start = optime.ts;
  return ok;
}

static bool
copy_all(struct ddl *ddl, struct reader *reader, struct mapped_collection *mapped, const struct collection *found,
         struct error *error)
{
  bool ok =
    make_again(ddl, mapped, found, error) && copy_documents(ddl, reader, mapped, false, found->has_id_index, error);
  if (!ok && schema_allow_mixed(ddl->target, mapped->db, mapped->coll, error->text)) {
    return copy_documents(ddl, reader, mapped, false, found->has_id_index, error);
  }
  if (!ok && writer_unreadable(error)) {
    return make_again(ddl, mapped, found, error) &&
           copy_documents(ddl, reader, mapped, true, found->has_id_index, error);
  }
  return ok;
}

/* It was dropped or renamed after it was listed. So it stays lost, and the next consistency point looks again. */
static bool
went_away(const struct error *error)
{
  return reader_cursor_died(error) || (error->kind == ERROR_SOURCE && error->code == CODE_NAMESPACE_NOT_FOUND);
}

static bool
recopy(struct ddl *ddl, struct reader *reader, struct mapped_collection *mapped, struct error *error)
{
  struct catalog catalog;
  uint64_t start = 0;
  bool by_uuid = goes_by_uuid(reader, mapped);
  if (!catalog_list(&catalog, reader, by_uuid ? is_of_database : has_name, mapped, error)) {
    return error_wrap(error, "cannot copy %s again", mapped->ns);
  }
  struct collection *found = find_on_source(&catalog, reader, mapped);
  bool ok = !found || (catalog_read_indexes(found, reader, error) && find_start(reader, found, &start, error) &&
                       copy_all(ddl, reader, mapped, found, error));
  if (ok && found) {
    log_info("copied again ns=%s", log_value("%s", mapped->ns));
    collection_map_changed(ddl->collection_map, mapped);
    mapped->start = start;
    mapped->lost = false;
    mapped->by_name = !by_uuid;
  } else if (!ok && went_away(error)) {
    log_info("%s; the collection is copied again later, if it still exists", error->text);
    ok = true;
  }
  /*
   * An entry to come may drop or rename it. Where none did, up to the newest one of then, it is gone: an earlier attempt
   * made it anew on the target.
   */
  bool gone = ok && !found && mapped->absent;
  mapped->absent = ok && !found;
  catalog_clear(&catalog);
  if (gone) {
    log_info("dropped ns=%s, which the source does not have", log_value("%s", mapped->ns));
    return ddl_drop_mapped(ddl, mapped, error);
  }
  return ok || error_wrap(error, "cannot copy %s again", mapped->ns);
}

bool
recopy_run(struct ddl *ddl, struct reader *reader, uint64_t *end, struct error *error)
{
  uint64_t oldest = 0;
  struct mapped_collection *next;
  for (struct mapped_collection *mapped = ddl->collection_map->by_ns; mapped; mapped = next) {
    next = mapped->by_ns.next;
    if (mapped->lost && !recopy(ddl, reader, mapped, error)) {
      return false;
    }
  }
  return oplog_window(reader, &oldest, end, error);
}
