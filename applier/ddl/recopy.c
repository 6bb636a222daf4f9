#include "applier/ddl/recopy.h"

#include "base/log.h"
#include "ipc/message.h"
#include "source/catalog/catalog.h"
#include "source/oplog/oplog.h"
#include "target/definition/schema.h"
#include "target/definition/uuid.h"
#include "target/insert/writer.h"

bool
recopy_any_due(const struct places *places)
{
  for (const struct place *place = places->by_ns; place; place = place->by_ns.next) {
    if (place->lost) {
      return true;
    }
  }
  return false;
}

static bool
has_name(const void *context, const char *db, const char *coll)
{
  const struct place *place = context;
  return strcmp(place->from_db, db) == 0 && strcmp(place->from_coll, coll) == 0;
}

static bool
is_of_database(const void *context, const char *db, const char *coll)
{
  const struct place *place = context;
  (void)coll;
  return strcmp(place->from_db, db) == 0;
}

static bool
goes_by_uuid(const struct reader *reader, const struct place *place)
{
  return reader->by_uuid && place->has_uuid;
}

/* Where the source takes UUIDs, its name may be another one by now: the entries to come tell. NULL: the source does not have it. */
static struct collection *
find_on_source(struct catalog *catalog, const struct reader *reader, const struct place *place)
{
  for (size_t i = 0; i < catalog->count; i++) {
    struct collection *collection = &catalog->collections[i];
    bool this = !goes_by_uuid(reader, place) ||
                (collection->has_uuid && memcmp(collection->uuid, place->uuid, sizeof place->uuid) == 0);
    if (this && !collection->view) {
      return collection;
    }
  }
  return NULL;
}

static bool
copy_documents(struct ddl *ddl, struct reader *reader, const struct place *place, bool alone, bool has_id_index,
               struct error *error)
{
  struct writer writer = {.target = ddl->target,
                          .db = place->db,
                          .coll = place->coll,
                          .in_order = place->capped,
                          .refuse = ddl->refuse_document,
                          .context = ddl->context};
  const bson_t *document = NULL;
  struct writer_batch batch = {0};
  bool ok = true;
  int got;
  bson_t *natural = place->capped ? BCON_NEW("$natural", BCON_INT32(1)) : NULL;
  bson_t *order = reader->moves && has_id_index && !natural ? BCON_NEW("_id", BCON_INT32(1)) : NULL;
  struct find find = {.db = place->from_db,
                      .coll = place->from_coll,
                      .uuid = goes_by_uuid(reader, place) ? place->uuid : NULL,
                      .sort = natural,
                      .hint = order,
                      .majority = true,
                      .passed_on = true};
  struct reader_cursor *cursor = reader_find(reader, &find);
  while ((got = reader_next(cursor, &document, error)) == 1) {
    ok = !writer_batch_full(&batch, document, alone) || writer_insert(&writer, &batch, false, error);
    ok = ok && writer_batch_add(&batch, document, writer_bypasses(place->coll), error);
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
make_again(struct ddl *ddl, struct place *place, const struct collection *found, struct error *error)
{
  bson_iter_t iter;
  sleeping_remove(ddl->sleeping, place->db, place->coll, NULL);
  sleeping_remove(ddl->sleeping, place->db, ddl_command_name(place->coll), NULL);
  if (!bson_has_field(found->options, UUID_OPTION)) {
    uuid_put(found->options, found->has_uuid ? found->uuid : NULL);
  }
  bool ok = ddl_drop_names(ddl, place->db, place->coll, error) &&
            ddl_create_collection(ddl, place->db, place->coll, found->options, error);
  place->capped = found->capped;
  place->collated = bson_has_field(found->options, "collation");
  if (found->has_uuid) {
    places_set_uuid(ddl->places, place, found->uuid);
  }
  for (bson_iter_init(&iter, found->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    ok = message_item(&iter, &spec) && ddl_create_index(ddl, place->db, place->coll, &spec, error);
  }
  return ok;
}

/* A capped collection has an order, so its start is exact; for any other one an earlier start is the safe one. */
static bool
find_start(struct reader *reader, const struct collection *found, uint64_t *start, struct error *error)
{
  struct optime optime;
  bool ok = found->capped ? oplog_newest(reader, &optime, error) : oplog_start(reader, &optime, error);
  *start = optime.ts;
  return ok;
}

static bool
copy_all(struct ddl *ddl, struct reader *reader, struct place *place, const struct collection *found,
         struct error *error)
{
  bool ok =
    make_again(ddl, place, found, error) && copy_documents(ddl, reader, place, false, found->has_id_index, error);
  if (!ok && schema_allow_mixed(ddl->target, place->db, place->coll, error->text)) {
    return copy_documents(ddl, reader, place, false, found->has_id_index, error);
  }
  if (!ok && writer_unreadable(error)) {
    return make_again(ddl, place, found, error) && copy_documents(ddl, reader, place, true, found->has_id_index, error);
  }
  return ok;
}

/* Dropped or renamed since it was listed: it stays lost, and the next consistency point looks again. */
static bool
went_away(const struct error *error)
{
  return reader_cursor_died(error) || (error->kind == ERROR_SOURCE && error->code == CODE_NAMESPACE_NOT_FOUND);
}

static bool
recopy(struct ddl *ddl, struct reader *reader, struct place *place, struct error *error)
{
  struct catalog catalog;
  uint64_t start = 0;
  bool by_uuid = goes_by_uuid(reader, place);
  if (!catalog_list(&catalog, reader, by_uuid ? is_of_database : has_name, place, error)) {
    return false;
  }
  struct collection *found = find_on_source(&catalog, reader, place);
  bool ok = !found || (catalog_read_indexes(found, reader, error) && find_start(reader, found, &start, error) &&
                       copy_all(ddl, reader, place, found, error));
  if (ok && found) {
    log_info("copied again ns=%s, which was renamed, dropped or made capped under the replay", place->ns);
    places_changed(ddl->places, place);
    place->start = start;
    place->lost = false;
    place->by_name = !by_uuid;
  } else if (!ok && went_away(error)) {
    log_info("%s; it is copied again later, if it is still there", error->text);
    ok = true;
  }
  catalog_clear(&catalog);
  return ok;
}

bool
recopy_run(struct ddl *ddl, struct reader *reader, uint64_t *end, struct error *error)
{
  uint64_t oldest = 0;
  for (struct place *place = ddl->places->by_ns; place; place = place->by_ns.next) {
    if (place->lost && !recopy(ddl, reader, place, error)) {
      return error_wrap(error, "cannot copy %s again", place->ns);
    }
  }
  return oplog_window(reader, &oldest, end, error);
}
